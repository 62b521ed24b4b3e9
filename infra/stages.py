"""What differs between deployments, typed. A stage is chosen by the `stage` context."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIssuer:
    """An OIDC issuer of the deployer's, instead of a Cognito user pool."""

    issuer: str
    audience: tuple[str, ...]
    jwks_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The settings of one deployment.

    `keep_data` keeps table and buckets when the stack is removed. `is_local` is the local cloud: plain HTTP, functions
    in the interpreter that started it (so no dependency bundles), tokens that last a day.
    """

    name: str
    map_concurrency: int
    keep_data: bool
    log_retention_days: int
    is_local: bool = False
    own_issuer: OwnIssuer | None = None
    # Where a local user pool publishes its keys; AWS derives it from the pool.
    endpoint_url: str | None = None

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return f"default-risk-jobs-{self.name}"


_STAGES = {
    "dev": Stage(name="dev", map_concurrency=100, keep_data=False, log_retention_days=14),
    "prod": Stage(name="prod", map_concurrency=1000, keep_data=True, log_retention_days=90),
    # The whole cloud shares this machine's cores with the callers.
    "local": Stage(name="local", map_concurrency=3, keep_data=False, log_retention_days=1, is_local=True),
}


def stage_from_context(context: Mapping[str, Any]) -> Stage:
    """The stage a context names, with its own issuer if it has one.

    Raises ValueError when the stage is unknown or the issuer is given in part.
    """
    name = context.get("stage", "dev")
    if name not in _STAGES:
        raise ValueError(f"unknown stage {name!r}: choose one of {', '.join(_STAGES)}")
    stage = _STAGES[name]
    return Stage(
        name=stage.name,
        map_concurrency=stage.map_concurrency,
        keep_data=stage.keep_data,
        log_retention_days=stage.log_retention_days,
        is_local=stage.is_local,
        own_issuer=_own_issuer(context),
        endpoint_url=context.get("endpoint_url"),
    )


def _own_issuer(context: Mapping[str, Any]) -> OwnIssuer | None:
    given = {name: context.get(name) for name in ("issuer", "audience", "jwks_url")}
    if not any(given.values()):
        return None
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ValueError(f"an own issuer needs the context values {', '.join(missing)} too")
    return OwnIssuer(
        issuer=str(given["issuer"]),
        audience=tuple(str(given["audience"]).split(",")),
        jwks_url=str(given["jwks_url"]),
    )
