"""The contexts in which every template test runs."""

from typing import Final

CONTEXTS: Final[dict[str, dict[str, str]]] = {
    "dev": {"stage": "dev"},
    "prod": {"stage": "prod", "alarm_email": "oncall@example.com"},
    "kms": {"stage": "dev", "kms": "true"},
    "own-issuer": {
        "stage": "dev",
        "issuer": "https://login.example.com",
        "audience": "jobs,console",
        "jwks_url": "https://login.example.com/keys",
    },
    "domain": {
        "stage": "prod",
        "domain_name": "jobs.example.com",
        "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000",
        "cors_origins": "https://console.example.com",
    },
}
