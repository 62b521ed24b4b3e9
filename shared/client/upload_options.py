"""What an uploader may ask of a job."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

# Told how many bytes have been sent so far.
OnSent = Callable[[int], object]


def silent(_sent: int) -> None:
    """Nobody looks on."""


class UploadOptions(TypedDict, total=False):
    """The options, by the API's names."""

    validate_only: bool
    max_failed_percent: float
    labels: Mapping[str, str]
    encoding: str


def as_query(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as query parameters, labels as JSON."""
    return {name: json.dumps(dict(value)) if name == "labels" else value for name, value in options.items()}
