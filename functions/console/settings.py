"""What the console function is told by its environment. It reads it itself: it has no dependencies."""

from shared.settings import NonEmpty, Settings


class ConsoleSettings(Settings):
    """How the console's users sign in, and which hosts beside its own it talks to.

    Without a client the console cannot be signed in to, and says so. Without `sign_in_url` the issuer's own document
    says where its users sign in.
    """

    token_issuer: NonEmpty
    console_client_id: NonEmpty | None = None
    sign_in_url: NonEmpty | None = None
    # With spaces between them.
    connect_origins: NonEmpty
    multipart_max_bytes: int
