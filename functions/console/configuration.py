"""What the console reads first: how its users sign in, and what it may send in one request."""

from collections.abc import Mapping
from typing import Any


def configuration(env: Mapping[str, str]) -> dict[str, Any]:
    """`config.json`, from the environment that `ConsoleSettings` describes."""
    return {"sign_in": _sign_in(env), "multipart_max_bytes": int(env["MULTIPART_MAX_BYTES"])}


def _sign_in(env: Mapping[str, str]) -> dict[str, Any] | None:
    """The settings of an OpenID Connect client; None where the deployment has none for the console.

    With endpoints named no document of the issuer is read, and a user pool's has none for ending a session.
    https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
    """
    client_id = env.get("CONSOLE_CLIENT_ID")
    if not client_id:
        return None
    issuer, url = env["TOKEN_ISSUER"], env.get("SIGN_IN_URL")
    settings: dict[str, Any] = {"authority": issuer, "client_id": client_id, "scope": "openid"}
    if url:
        settings["metadata"] = {
            "issuer": issuer,
            "authorization_endpoint": f"{url}/oauth2/authorize",
            "token_endpoint": f"{url}/oauth2/token",
            "end_session_endpoint": f"{url}/logout",
        }
    return settings
