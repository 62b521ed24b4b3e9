"""Result files in formats other than CSV: under `exports/`, for a day, as they can be made again."""

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final
from uuid import UUID

from shared.aws.failures import translated
from shared.aws.result_keys import export_key
from shared.jobs.job import ExportKind, FileFormat

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CONTENT_TYPES: Final = {
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportsBucket:
    """What the export function writes."""

    def __init__(self, *, client: "Callable[[], S3Client]", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, job_id: UUID, kind: ExportKind, file: IO[bytes]) -> None:
        """Store the file; it is there whole or not at all."""
        with translated():
            self._client().upload_fileobj(
                file,
                self._bucket,
                export_key(job_id, kind),
                ExtraArgs={"ContentType": _CONTENT_TYPES[kind.file_format]},
            )

    def delete(self, job_id: UUID, kind: ExportKind) -> None:
        """Remove the file, if it is there."""
        with translated():
            self._client().delete_object(Bucket=self._bucket, Key=export_key(job_id, kind))
