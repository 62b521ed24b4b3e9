"""The uploads bucket, into which every file comes."""

import io
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, cast
from uuid import UUID

from botocore.exceptions import ClientError

from shared.aws import clients
from shared.aws.failures import code_of, translated
from shared.aws.multipart import BlockStream
from shared.jobs.job import StoredInput
from shared.jobs.ports import UploadForm
from shared.jobs.uploads import upload_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PARTIAL_CONTENT = 206
_BUFFER_BYTES = 1024 * 1024


class UploadBucket:
    """`UploadStore` on S3, and what the workflow reads.

    Reads name the version of the event, whatever was put there since.
    """

    def __init__(self, bucket: str, *, client: "Callable[[], S3Client]" = clients.s3) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, job_id: UUID, body: bytes) -> None:
        with translated():
            self._client().put_object(Bucket=self._bucket, Key=upload_key(job_id), Body=body)

    def put_blocks(self, job_id: UUID, blocks: Iterator[bytes]) -> None:
        """Stores a file in blocks, as `put` does. Nothing is stored if the iterator raises."""
        with translated():
            self._client().upload_fileobj(
                io.BufferedReader(BlockStream(blocks), _BUFFER_BYTES), self._bucket, upload_key(job_id)
            )

    def copy_from(self, bucket: str, key: str, *, job_id: UUID) -> None:
        """Stores a copy of another object as the file of a job. Raises FileNotFoundError."""
        with translated(), _missing_named():
            self._client().copy(
                {"Bucket": bucket, "Key": key},
                self._bucket,
                upload_key(job_id),
                # Tags are not copied: that would need a permission of its own.
                ExtraArgs={"TaggingDirective": "REPLACE"},
            )

    def presign(
        self, job_id: UUID, *, max_bytes: int, expires_in_seconds: int, content_sha256: str | None
    ) -> UploadForm:
        # S3 refuses an object whose checksum is not the one that the form was signed with.
        checksum = (
            {"x-amz-checksum-sha256": b64encode(bytes.fromhex(content_sha256)).decode()} if content_sha256 else {}
        )
        form = self._client().generate_presigned_post(
            Bucket=self._bucket,
            Key=upload_key(job_id),
            Fields=dict(checksum),
            Conditions=[["content-length-range", 0, max_bytes], *([checksum] if checksum else [])],
            ExpiresIn=expires_in_seconds,
        )
        return UploadForm(url=form["url"], fields=form["fields"])

    def metadata(self, stored_input: StoredInput) -> Mapping[str, str]:
        with translated(), _missing_named():
            return self._client().head_object(
                Bucket=self._bucket, Key=stored_input.key, VersionId=stored_input.version_id
            )["Metadata"]

    def delete(self, stored_input: StoredInput) -> None:
        with translated():
            self._client().delete_object(Bucket=self._bucket, Key=stored_input.key, VersionId=stored_input.version_id)

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._bucket

    def current_version(self, key: str) -> str | None:
        """Returns the current version of an object, for events without a version; None if there is no object."""
        try:
            with translated():
                return self._client().head_object(Bucket=self._bucket, Key=key).get("VersionId")
        except ClientError as error:
            if code_of(error) in {"404", "NoSuchKey"}:
                return None
            raise

    def has(self, stored_input: StoredInput) -> bool:
        """Whether that version of the object exists."""
        pages = self._client().get_paginator("list_object_versions")
        with translated():
            return any(
                (version["Key"], version["VersionId"]) == (stored_input.key, stored_input.version_id)
                for page in pages.paginate(Bucket=self._bucket, Prefix=stored_input.key)
                for version in page.get("Versions", [])
            )

    def read_range(self, stored_input: StoredInput, start: int, end: int) -> bytes:
        """Returns bytes `[start, end)` of the input, fewer at its end. Raises FileNotFoundError if it was deleted."""
        with translated(), _missing_named():
            answer = self._client().get_object(
                Bucket=self._bucket,
                Key=stored_input.key,
                VersionId=stored_input.version_id,
                Range=f"bytes={start}-{end - 1}",
            )
            with closing(answer["Body"]) as body:
                if answer["ResponseMetadata"]["HTTPStatusCode"] == _PARTIAL_CONTENT:
                    return body.read()
                # A server may answer with the whole object (RFC 9110 §14.2), as the local cloud does for versions.
                return body.read()[start:end]

    def open(self, stored_input: StoredInput) -> IO[bytes]:
        """Returns the whole input as a stream, which the reader closes. Raises FileNotFoundError."""
        with translated(), _missing_named():
            answer = self._client().get_object(
                Bucket=self._bucket, Key=stored_input.key, VersionId=stored_input.version_id
            )
        return cast("IO[bytes]", answer["Body"])


@contextmanager
def _missing_named() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        # An answer to a HEAD, with which a copy begins too, has no body, and so its status for a code.
        if code_of(error) in {"NoSuchKey", "NoSuchVersion", "404"}:
            raise FileNotFoundError("the input of the job is gone") from error
        raise
