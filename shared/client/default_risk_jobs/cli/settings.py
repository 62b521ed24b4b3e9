"""Stores the deployments and access tokens of the user in one folder.

`config.json` has the deployments; `tokens.json` has the tokens and is readable by its owner only.
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
    """API URL and sign-in endpoint of a deployment; no endpoint where another issuer makes the tokens."""

    name: str
    api_url: str
    client_id: str | None = None
    sign_in_url: str | None = None


def deployment_from(
    name: str, *, api_url: str, client_id: str | None, region: str | None, sign_in_url: str | None
) -> Deployment:
    """Returns a deployment. The region defaults to that in the API URL. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"Invalid deployment name {name!r}: use letters, digits, dots, dashes and underscores.")
    host = safe_url(api_url).host
    if sign_in_url is not None:
        safe_url(sign_in_url)
    found = _GATEWAY_HOST.fullmatch(host)
    region = region or (found[1] if found else None)
    if client_id and not (sign_in_url or region):
        raise UsageError("The API URL has no region; pass --region of the user pool.")
    return Deployment(
        name=name,
        api_url=root_url(api_url),
        client_id=client_id,
        sign_in_url=sign_in_url or (cognito_endpoint(region) if region else None),
    )


def safe_url(text: str) -> httpx.URL:
    """Returns a URL that may receive a token or password. Raises `UsageError`."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UsageError(f"{text!r} is not a URL.") from error
    if url.scheme not in {"https", "http"} or not url.host:
        raise UsageError(f"{text!r} is not a URL: it must start with https://.")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise UsageError(f"{text} is not encrypted and would expose your token. Use https.")
    return url


class Settings:
    """Settings in a folder. Each change is written immediately and atomically."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "config.json"
        self._tokens = folder / "tokens.json"

    @property
    def default(self) -> str | None:
        """Returns the name of the default deployment."""
        name: str | None = self._read(self._config).get("default")
        return name

    def deployments(self) -> Mapping[str, Deployment]:
        """Returns the deployments by name."""
        listed = self._read(self._config).get("deployments", {})
        return {name: Deployment(name=name, **fields) for name, fields in listed.items()}

    def save(self, deployment: Deployment) -> None:
        """Adds or replaces a deployment; the first one becomes the default."""
        self._write_config({**self.deployments(), deployment.name: deployment}, self.default or deployment.name)

    def remove(self, name: str) -> None:
        """Removes a deployment and its token."""
        remaining = {other: deployment for other, deployment in self.deployments().items() if other != name}
        self._write_config(remaining, self.default if self.default != name else next(iter(remaining), None))
        self.forget_token(name)

    def use(self, name: str) -> None:
        """Sets the default deployment."""
        self._write_config(self.deployments(), name)

    def token(self, name: str) -> str | None:
        """Returns the access token of a deployment, or None."""
        token: str | None = self._read(self._tokens).get(name)
        return token

    def save_token(self, name: str, token: str) -> None:
        """Saves an access token."""
        _write_privately(self._tokens, {**self._read(self._tokens), name: token})

    def forget_token(self, name: str) -> None:
        """Removes an access token."""
        tokens = self._read(self._tokens)
        if tokens.pop(name, None) is not None:
            _write_privately(self._tokens, tokens)

    def _write_config(self, deployments: Mapping[str, Deployment], default: str | None) -> None:
        listed = {name: _without_name(deployment) for name, deployment in deployments.items()}
        _write_privately(self._config, {"default": default, "deployments": listed})

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read. Fix it, or remove it and sign in again.") from error
        if not isinstance(content, dict):
            raise UsageError(f"{path} is not a JSON object. Fix it, or remove it and sign in again.")
        return content


def _without_name(deployment: Deployment) -> dict[str, Any]:
    fields = asdict(replace(deployment))
    del fields["name"]
    return fields


def _write_privately(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    # Created with its final permissions, so that it is never readable by others.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    partial.replace(path)
