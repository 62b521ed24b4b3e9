"""Typed settings of a deployment. The `stage` context selects a stage; other context values override its settings.

Context values are set on the command line for one deployment (`make deploy STAGE=prod
CONTEXT="alarm_email=oncall@example.com kms=true"`), or under `stages` in cdk.json for all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from infra.context_values import Values
from infra.project import ROLES

MIB = 1024 * 1024

# Retention periods that CloudWatch Logs accepts, up to two years.
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
# Step Functions' limit for the concurrent children of a distributed map.
_MAX_CONCURRENCY = 10_000
# The default quota of API Gateway for an account and region.
_MAX_REQUESTS = 10_000

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]+")
_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?|http://localhost(:\d+)?")
_URL = re.compile(r"https://\S+")
# Names of a stack, a state machine, an event bus and a sign-in domain contain the name of the stage.
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]")
_QUALIFIER = re.compile(r"[A-Za-z0-9_-]{1,10}")
_PROGRAM = re.compile(
    rf"(?P<name>[a-z0-9-]{{1,32}})=(?P<organization>[A-Za-z0-9_-]{{1,64}}):(?P<role>{'|'.join(ROLES)})"
)

# Of the bootstrap resources of cdk, if the account has no other.
DEFAULT_QUALIFIER = "hnb659fds"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIssuer:
    """An OIDC issuer of the deployer, used instead of a Cognito user pool."""

    issuer: str
    audience: tuple[str, ...]
    jwks_url: str
    # The issuer's client for the console; without it, users cannot sign in to the console.
    console_client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A custom domain for the API. Its certificate has to be in the region of the stack."""

    name: str
    certificate_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Maximum sizes of requests and uploads, in bytes. A stage can only lower them; larger ones are not tested."""

    multipart_max_bytes: int = 4 * MIB
    rows_max_bytes: int = MIB
    csv_max_bytes: int = 2048 * MIB
    xlsx_max_bytes: int = 100 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that signs in with a client id and a secret, and acts for one organization in one role."""

    name: str
    organization: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The settings of one deployment.

    `keep_data` retains table, buckets and users when the stack is deleted. `is_local` means the local cloud: plain
    HTTP, functions in the interpreter that started it (so no dependency bundles), and tokens that are valid for a day.
    `kms` encrypts all data with a customer-managed key instead of keys that AWS owns.
    """

    name: str
    # The concurrent chunks of one job, and of all jobs together; 0 reserves no concurrency.
    map_concurrency: int
    score_concurrency: int = 0
    keep_data: bool
    log_retention_days: int
    is_local: bool = False
    kms: bool = False
    alarm_email: str | None = None
    cors_origins: tuple[str, ...] = ()
    domain: Domain | None = None
    own_issuer: OwnIssuer | None = None
    # A folder of models, which replace the bundled models of the same names.
    model_folder: str | None = None
    limits: Limits = field(default_factory=Limits)
    # Requests to the API, all callers together; the burst is what may come at once.
    requests_per_second: int = 500
    request_burst: int = 1000
    # Users may register an authenticator app for their sign-in.
    mfa: bool = False
    programs: tuple[Program, ...] = ()
    # Access logs with the address and the user agent of callers.
    log_callers: bool = False
    # Further origins with which the console signs users in at an own issuer, such as that of its token endpoint.
    sign_in_origins: tuple[str, ...] = ()
    qualifier: str = DEFAULT_QUALIFIER
    # The endpoint of the local cloud; None on AWS.
    endpoint_url: str | None = None

    @property
    def stack_name(self) -> str:
        """Returns the name of the CloudFormation stack."""
        return f"default-risk-jobs-{self.name}"


_STAGES = {
    "dev": Stage(name="dev", map_concurrency=100, keep_data=False, log_retention_days=14),
    # Half of the default quota of an account: what is left is for the API, the sign-in and everything else.
    "prod": Stage(name="prod", map_concurrency=500, score_concurrency=500, keep_data=True, log_retention_days=90),
    # The local cloud shares the cores of one machine with its clients.
    "local": Stage(name="local", map_concurrency=3, keep_data=False, log_retention_days=1, is_local=True),
}

# What a new stage may start from.
_LIKE = ("dev", "prod")
_LIMITS = ("multipart_max_bytes", "rows_max_bytes", "csv_max_bytes", "xlsx_max_bytes")
CONTEXT_NAMES = frozenset(
    {
        *("stage", "stages", "like", "map_concurrency", "score_concurrency", "keep_data", "log_retention_days", "kms"),
        *("alarm_email", "requests_per_second", "request_burst", "mfa", "programs", "log_callers", "sign_in_origins"),
        "qualifier",
        *("cors_origins", "domain_name", "certificate_arn", "issuer", "audience", "jwks_url", "console_client_id"),
        "endpoint_url",
        "model_folder",
        *_LIMITS,
    }
)


def stage_from_context(context: Mapping[str, Any]) -> Stage:
    """Returns the stage that the context selects, with the settings that the context overrides.

    Raises ValueError, with a sentence for the deployer, for unknown, incomplete or out-of-range values. Context values
    of CDK itself (`@aws-cdk/…`, `aws:cdk:…`) are ignored.
    """
    name = context.get("stage") or "dev"
    for key in context:
        if key not in CONTEXT_NAMES and ":" not in key and not key.startswith("@"):
            raise ValueError(f"unknown context {key!r}: choose one of {', '.join(sorted(CONTEXT_NAMES))}")
    values = Values({**_stage_settings(name, context), **{key: value for key, value in context.items() if value != ""}})
    stage = _preset(name, values)
    score_concurrency = values.number("score_concurrency", stage.score_concurrency, least=0, most=_MAX_CONCURRENCY)
    map_concurrency = values.number("map_concurrency", stage.map_concurrency, most=_MAX_CONCURRENCY)
    return replace(
        stage,
        # More would only be throttled.
        map_concurrency=min(map_concurrency, score_concurrency or map_concurrency),
        score_concurrency=score_concurrency,
        keep_data=values.flag("keep_data", default=stage.keep_data),
        log_retention_days=values.choice("log_retention_days", stage.log_retention_days, LOG_RETENTION_DAYS),
        kms=values.flag("kms", default=stage.kms),
        alarm_email=values.text("alarm_email", _EMAIL, "an e-mail address"),
        cors_origins=values.texts("cors_origins", _ORIGIN, "origins like https://console.example.com, without a path"),
        domain=_domain(values),
        own_issuer=_own_issuer(values),
        model_folder=values.text("model_folder"),
        limits=Limits(
            **{
                limit: values.number(limit, getattr(stage.limits, limit), most=getattr(stage.limits, limit))
                for limit in _LIMITS
            }
        ),
        requests_per_second=values.number("requests_per_second", stage.requests_per_second, most=_MAX_REQUESTS),
        request_burst=values.number("request_burst", stage.request_burst, most=_MAX_REQUESTS),
        mfa=values.flag("mfa", default=stage.mfa),
        programs=_programs(values),
        log_callers=values.flag("log_callers", default=stage.log_callers),
        sign_in_origins=values.texts("sign_in_origins", _ORIGIN, "origins like https://login.example.com"),
        qualifier=values.text("qualifier", _QUALIFIER, "up to ten letters and digits") or stage.qualifier,
        endpoint_url=values.text("endpoint_url"),
    )


def _preset(name: str, values: Values) -> Stage:
    """Returns the stage of this name, or a new one with the settings of the stage that `like` names."""
    like = values.text("like")
    if name in _STAGES:
        if like is not None:
            raise ValueError(f"the stage {name} has its own settings: `like` is for new stages")
        return _STAGES[name]
    if like is None or like not in _LIKE:
        raise ValueError(
            f"unknown stage {name!r}: choose one of {', '.join(_STAGES)}, or add one with like=dev or like=prod"
        )
    if not _STAGE_NAME.fullmatch(name):
        raise ValueError(f"the stage {name!r} has to be 2 to 20 lower-case letters, digits and hyphens")
    return replace(_STAGES[like], name=name)


def _programs(values: Values) -> tuple[Program, ...]:
    given = values.texts("programs", _PROGRAM, "programs like nightly=acme:org_member, with commas between them")
    programs = tuple(Program(**match.groupdict()) for text in given if (match := _PROGRAM.fullmatch(text)))
    if len({program.name for program in programs}) < len(programs):
        raise ValueError("the context programs names a program twice")
    if programs and values.text("issuer"):
        raise ValueError("`programs` needs the user pool of the stack: your own issuer gives programs their tokens")
    return programs


def _stage_settings(name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of this stage under `stages` in cdk.json."""
    stages = context.get("stages") or {}
    unknown = sorted(stage for stage in set(stages) - set(_STAGES) if "like" not in stages[stage])
    if unknown:
        raise ValueError(f"`stages` has settings for unknown stages: {', '.join(unknown)}; a new stage needs `like`")
    kept: dict[str, Any] = stages.get(name, {})
    for key in kept:
        if key not in CONTEXT_NAMES - {"stage", "stages"}:
            raise ValueError(f"`stages` sets {key!r} for {name}: choose one of {', '.join(sorted(CONTEXT_NAMES))}")
    return kept


def _domain(values: Values) -> Domain | None:
    if not values.all_or_none("a custom domain", "domain_name", "certificate_arn"):
        return None
    return Domain(
        name=values.required("domain_name", _DOMAIN, "a domain name in lower case, like jobs.example.com"),
        certificate_arn=values.required("certificate_arn", _CERTIFICATE, "the ARN of a certificate in ACM"),
    )


def _own_issuer(values: Values) -> OwnIssuer | None:
    if not values.all_or_none("an own issuer", "issuer", "audience", "jwks_url"):
        if values.text("console_client_id"):
            raise ValueError("`console_client_id` needs an own issuer: set issuer, audience and jwks_url too")
        return None
    return OwnIssuer(
        issuer=values.required("issuer", _URL, "an https address"),
        audience=values.texts("audience", re.compile(r"\S+"), "audiences with commas between them"),
        jwks_url=values.required("jwks_url", _URL, "an https address"),
        console_client_id=values.text("console_client_id"),
    )
