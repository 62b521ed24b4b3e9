"""The cached clients of `shared.aws.clients`, for tests that change the environment they are made from."""

from shared.aws import clients


def forget_clients() -> None:
    """Drops every cached client."""
    for member in vars(clients).values():
        if hasattr(member, "cache_clear"):
            member.cache_clear()
