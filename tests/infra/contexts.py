"""The contexts in which every template test runs."""

from typing import Final

CONTEXTS: Final[dict[str, dict[str, str]]] = {
    "dev": {"stage": "dev"},
    "prod": {"stage": "prod", "alarm_email": "oncall@example.com"},
    "prod-kms": {"stage": "prod", "kms": "true"},
    "domain": {
        "stage": "prod",
        "domain_name": "jobs.example.com",
        "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000",
        "cors_origins": "https://console.example.com",
    },
    "own-issuer": {
        "stage": "dev",
        "issuer": "https://login.example.com",
        "audience": "jobs,console",
        "jwks_url": "https://login.example.com/keys",
    },
    "local": {"stage": "local"},
}
# The contexts that are deployed to AWS: linted, checked by cdk-nag and compared with a snapshot.
ON_AWS: Final = tuple(name for name, context in CONTEXTS.items() if context["stage"] != "local")


def is_kept(name: str) -> bool:
    """Whether a context keeps its data when its stack is deleted."""
    return CONTEXTS[name]["stage"] == "prod"
