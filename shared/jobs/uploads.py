"""Where files come in: the keys of the uploads bucket, and what an object there stands for."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from shared.jobs.job import FileFormat, JobType

_UPLOAD_PREFIX = "api/"
_DROP = re.compile(
    r"drop/(?P<organization_id>[A-Za-z0-9_-]{1,64})/(?P<job_type>annual|quarterly)/(?P<path>.+\.(?:csv|xlsx))",
    # ASCII, or the Kelvin sign and the long s would pass for letters when case is ignored.
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
MAX_FILENAME = 255
FILE_SUFFIXES = (".csv", ".xlsx")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedObject:
    """One version of an object in the uploads bucket, as its event describes it."""

    bucket: str
    key: str
    version_id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTarget:
    """What the key of a dropped object says: whose it is and what it is."""

    organization_id: str
    job_type: JobType
    filename: str


def upload_key(job_id: UUID) -> str:
    """The key under which the file of a job made through the API is stored; nothing of the caller's is in it."""
    return f"{_UPLOAD_PREFIX}{job_id}"


def uploaded_job_id(key: str) -> UUID | None:
    """The job an API upload belongs to; None when the key is not one of those."""
    if not key.startswith(_UPLOAD_PREFIX):
        return None
    try:
        job_id = UUID(key.removeprefix(_UPLOAD_PREFIX))
    except ValueError:
        return None
    return job_id if upload_key(job_id) == key else None


def drop_target(key: str) -> DropTarget | None:
    """What a key of the drop folder means; None when it does not fit the pattern."""
    match = _DROP.fullmatch(key)
    # Organization and job type are matched as written; only the file's ending may be in capitals.
    if match is None or match["job_type"] not in set(JobType) or not key.startswith("drop/"):
        return None
    return DropTarget(
        organization_id=match["organization_id"],
        job_type=JobType(match["job_type"]),
        filename=display_name(match["path"]),
    )


def display_name(path: str) -> str:
    """A file's name as it is shown: its last part, without characters that hide or reorder others."""
    name = _UNPRINTABLE.sub("", PurePosixPath(path.replace("\\", "/")).name).strip()
    if len(name) > MAX_FILENAME:
        suffix = PurePosixPath(name).suffix[:MAX_FILENAME]
        name = name[: MAX_FILENAME - len(suffix)] + suffix
    return name or "unnamed"


def download_name(original_filename: str, outcome: str, file_format: FileFormat = FileFormat.CSV) -> str:
    """The name a result file is saved under."""
    return f"{PurePosixPath(original_filename).stem}_{outcome}.{file_format}"
