"""What the claims function is told by its environment. The handler reads it itself: it has no dependencies."""

from shared.settings import Settings


class ClaimsSettings(Settings):
    """Which user attribute has the organization."""

    organization_attribute: str
