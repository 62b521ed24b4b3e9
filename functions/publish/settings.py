"""What the publish function is told by its environment."""

from shared.settings import Settings


class PublishSettings(Settings):
    """Where jobs are, and where their changes go."""

    table_name: str
    event_bus_name: str
