"""Options of a dropped file, from the user metadata of its S3 object.

The names are those of the upload options of the API. Programs that copy files add metadata of their own, so names that
are no option are ignored.
"""

import json
import re
from collections.abc import Mapping
from email.header import decode_header, make_header
from typing import Any

from shared.jobs.job import UploadOptions

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_LABELS = 10
_MAX_KEY, _MAX_VALUE = 64, 256
_MAX_ENCODING, _MAX_SHEET = 40, 255
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class InvalidOptionError(Exception):
    """An option has a value that it cannot have. The text says which values it can have."""


def metadata_options(metadata: Mapping[str, str]) -> UploadOptions:
    """Returns the options in the metadata. Raises `InvalidOptionError`."""
    given = {name.lower().replace("-", "_"): _text(value) for name, value in metadata.items()}
    decimal = given.get("decimal")
    if decimal not in (None, "", ".", ","):
        raise InvalidOptionError("The metadata `decimal` has to be `.` or `,`.")
    return UploadOptions(
        validate_only=_boolean(given.get("validate_only", "false")),
        max_failed_percent=_percent(given["max_failed_percent"]) if "max_failed_percent" in given else None,
        encoding=_short("encoding", given.get("encoding", ""), _MAX_ENCODING) or None,
        sheet=_short("sheet", given.get("sheet", ""), _MAX_SHEET) or None,
        decimal="," if decimal == "," else "." if decimal == "." else None,
        labels=_labels(given.get("labels", "{}")),
    )


def _text(value: str) -> str:
    """Returns the value as it was given: S3 returns text beyond ASCII in encoded words (RFC 2047)."""
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    try:
        return str(make_header(decode_header(value))).strip()
    except (ValueError, LookupError):
        return value.strip()


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise InvalidOptionError("The metadata `validate_only` has to be `true` or `false`.") from None


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise InvalidOptionError("The metadata `max_failed_percent` has to be a number from 0 to 100.")
    return round(percent, 6)


def _short(name: str, text: str, limit: int) -> str:
    if len(text) > limit or _CONTROL.search(text):
        raise InvalidOptionError(f"The metadata `{name}` has to be at most {limit} printable characters.")
    return text


def _labels(text: str) -> Mapping[str, str]:
    try:
        labels: Any = json.loads(text)
    except (ValueError, RecursionError):
        labels = None
    if (
        not isinstance(labels, dict)
        or len(labels) > _MAX_LABELS
        or not all(
            isinstance(value, str)
            and 0 < len(key) <= _MAX_KEY
            and len(value) <= _MAX_VALUE
            and not _CONTROL.search(key + value)
            for key, value in labels.items()
        )
    ):
        raise InvalidOptionError(
            f"The metadata `labels` has to be a JSON object of at most {_MAX_LABELS} texts, names up to {_MAX_KEY} and "
            f"values up to {_MAX_VALUE} characters long."
        )
    return labels
