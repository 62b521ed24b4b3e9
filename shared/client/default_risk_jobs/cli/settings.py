"""The deployments that a user knows, and the access tokens to them, kept in one folder.

`config.json` has addresses; `tokens.json` has the tokens and is readable by its owner alone.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from default_risk_jobs.cli.exit_codes import UsageError
from default_risk_jobs.client import root_url
from default_risk_jobs.sign_in import cognito_endpoint

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GATEWAY_HOST = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where a deployment is, and where its users sign in (None where tokens come from elsewhere)."""

    name: str
    api_url: str
    client_id: str | None = None
    sign_in_url: str | None = None


def a_deployment(
    name: str, *, api_url: str, client_id: str | None, region: str | None, sign_in_url: str | None
) -> Deployment:
    """A deployment with these settings, its region read from the address where it is there. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of a deployment: letters, digits, dots, dashes, underscores.")
    host = safe_url(api_url).host
    if sign_in_url is not None:
        safe_url(sign_in_url)
    found = _GATEWAY_HOST.fullmatch(host)
    region = region or (found[1] if found else None)
    if client_id and not (sign_in_url or region):
        raise UsageError("The address does not say which region the user pool is in. Give --region.")
    return Deployment(
        name=name,
        api_url=root_url(api_url),
        client_id=client_id,
        sign_in_url=sign_in_url or (cognito_endpoint(region) if region else None),
    )


def safe_url(text: str) -> httpx.URL:
    """An address that a token or password may be sent to. Raises `UsageError`."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UsageError(f"{text!r} is not an address.") from error
    if url.scheme not in {"https", "http"} or not url.host:
        raise UsageError(f"{text!r} is not an address: it has to start with https://.")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise UsageError(f"{text} is not encrypted, and would show your token to the network. Use https.")
    return url


class Settings:
    """What is kept in the folder. Every change is written at once, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "config.json"
        self._tokens = folder / "tokens.json"

    @property
    def default(self) -> str | None:
        """The deployment that is meant where none is named."""
        name: str | None = self._read(self._config).get("default")
        return name

    def deployments(self) -> Mapping[str, Deployment]:
        """All of them by name."""
        listed = self._read(self._config).get("deployments", {})
        return {name: Deployment(name=name, **fields) for name, fields in listed.items()}

    def keep(self, deployment: Deployment) -> None:
        """Add a deployment or replace it; the first one becomes the default."""
        self._write_config({**self.deployments(), deployment.name: deployment}, self.default or deployment.name)

    def remove(self, name: str) -> None:
        """Forget a deployment and its token."""
        left = {other: deployment for other, deployment in self.deployments().items() if other != name}
        self._write_config(left, self.default if self.default != name else next(iter(left), None))
        self.forget_token(name)

    def use(self, name: str) -> None:
        """Make a deployment the default."""
        self._write_config(self.deployments(), name)

    def token(self, name: str) -> str | None:
        """The access token for a deployment, if there is one."""
        token: str | None = self._read(self._tokens).get(name)
        return token

    def keep_token(self, name: str, token: str) -> None:
        """Remember an access token."""
        _write_privately(self._tokens, {**self._read(self._tokens), name: token})

    def forget_token(self, name: str) -> None:
        """Forget an access token."""
        kept = self._read(self._tokens)
        if kept.pop(name, None) is not None:
            _write_privately(self._tokens, kept)

    def _write_config(self, deployments: Mapping[str, Deployment], default: str | None) -> None:
        listed = {name: _without_name(deployment) for name, deployment in deployments.items()}
        _write_privately(self._config, {"default": default, "deployments": listed})

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            kept = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read. Correct it, or remove it and sign in again.") from error
        if not isinstance(kept, dict):
            raise UsageError(f"{path} is not a JSON object. Correct it, or remove it and sign in again.")
        return kept


def _without_name(deployment: Deployment) -> dict[str, Any]:
    fields = asdict(replace(deployment))
    del fields["name"]
    return fields


def _write_privately(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    # Made with these rights, and never for a moment with others.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    partial.replace(path)
