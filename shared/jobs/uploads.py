"""Keys of the uploads bucket, and names of files."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from shared.jobs.job import FileFormat, JobType

FILE_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".xlsx")
_UPLOAD_PREFIX = "api/"
_DROP = re.compile(
    r"drop/(?P<organization_id>[A-Za-z0-9_-]{1,64})/(?P<job_type>annual|quarterly)/"
    rf"(?P<path>.+(?:{'|'.join(map(re.escape, FILE_SUFFIXES))}))",
    # ASCII, or the Kelvin sign and the long s would match letters when case is ignored.
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
MAX_FILENAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedObject:
    """An object version in the uploads bucket, from its event."""

    bucket: str
    key: str
    version_id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTarget:
    """Organization, job type and filename from the key of a dropped object."""

    organization_id: str
    job_type: JobType
    filename: str


def upload_key(job_id: UUID) -> str:
    """Returns the key of the file of a job that was created by the API. It contains no text of the caller."""
    return f"{_UPLOAD_PREFIX}{job_id}"


def uploaded_job_id(key: str) -> UUID | None:
    """Returns the job of a file that was uploaded through the API; None for any other key."""
    if not key.startswith(_UPLOAD_PREFIX):
        return None
    try:
        job_id = UUID(key.removeprefix(_UPLOAD_PREFIX))
    except ValueError:
        return None
    return job_id if upload_key(job_id) == key else None


def drop_target(key: str) -> DropTarget | None:
    """Returns the parts of a key in the drop folder; None if it does not match the pattern."""
    match = _DROP.fullmatch(key)
    # Organization and job type are case-sensitive; only the suffix of the file may be in capitals.
    if match is None or match["job_type"] not in set(JobType) or not key.startswith("drop/"):
        return None
    return DropTarget(
        organization_id=match["organization_id"],
        job_type=JobType(match["job_type"]),
        filename=display_name(match["path"]),
    )


def display_name(path: str) -> str:
    """Returns the last part of the path, without characters that hide or reorder others."""
    name = _UNPRINTABLE.sub("", PurePosixPath(path.replace("\\", "/")).name).strip()
    if len(name) > MAX_FILENAME:
        suffix = name.removeprefix(stem_of(name))[:MAX_FILENAME]
        name = name[: MAX_FILENAME - len(suffix)] + suffix
    return name or "unnamed"


def stem_of(name: str) -> str:
    """Returns the name of a file without its suffix, of which `.csv.gz` is one."""
    suffix = next((suffix for suffix in FILE_SUFFIXES if name.lower().endswith(suffix)), PurePosixPath(name).suffix)
    return name[: len(name) - len(suffix)] or name


def download_name(original_filename: str, outcome: str, file_format: FileFormat = FileFormat.CSV) -> str:
    """Returns the name under which browsers save a result file."""
    return f"{stem_of(original_filename)}_{outcome}.{file_format}"
