"""The uploads bucket: where every file comes in."""

from collections.abc import Callable
from contextlib import closing
from typing import IO, TYPE_CHECKING, cast
from uuid import UUID

from botocore.exceptions import ClientError

from shared.aws.failures import code_of, translated
from shared.jobs.model import StoredInput
from shared.jobs.ports import UploadForm
from shared.jobs.uploads import upload_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class UploadBucket:
    """`UploadStore` and `InputFiles` on S3. Reads name the version of the event, whatever was put there since."""

    def __init__(self, *, client: "Callable[[], S3Client]", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, job_id: UUID, body: bytes) -> None:
        with translated():
            self._client().put_object(Bucket=self._bucket, Key=upload_key(job_id), Body=body)

    def presign(self, job_id: UUID, *, max_bytes: int, expires_in_seconds: int) -> UploadForm:
        form = self._client().generate_presigned_post(
            Bucket=self._bucket,
            Key=upload_key(job_id),
            Conditions=[["content-length-range", 0, max_bytes]],
            ExpiresIn=expires_in_seconds,
        )
        return UploadForm(url=form["url"], fields=form["fields"])

    def delete(self, stored_input: StoredInput) -> None:
        with translated():
            self._client().delete_object(Bucket=self._bucket, Key=stored_input.key, VersionId=stored_input.version_id)

    def read_range(self, stored_input: StoredInput, start: int, end: int) -> bytes:
        with translated():
            answer = self._client().get_object(
                Bucket=self._bucket,
                Key=stored_input.key,
                VersionId=stored_input.version_id,
                Range=f"bytes={start}-{end - 1}",
            )
            with closing(answer["Body"]) as body:
                return body.read()

    def open(self, stored_input: StoredInput) -> IO[bytes]:
        with translated():
            answer = self._client().get_object(
                Bucket=self._bucket, Key=stored_input.key, VersionId=stored_input.version_id
            )
        return cast("IO[bytes]", answer["Body"])

    def exists(self, stored_input: StoredInput) -> bool:
        """Whether that version of the object is still there."""
        try:
            with translated():
                self._client().head_object(Bucket=self._bucket, Key=stored_input.key, VersionId=stored_input.version_id)
        except ClientError as error:
            if code_of(error) in {"404", "NoSuchKey", "NoSuchVersion"}:
                return False
            raise
        return True
