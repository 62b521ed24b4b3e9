"""The results bucket: plan, parts, result files, exports and row errors of jobs. `result_keys` has their keys."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote
from uuid import UUID

from botocore.exceptions import ClientError

from shared.aws import clients
from shared.aws.failures import code_of, translated
from shared.aws.multipart import Piece, compose
from shared.aws.result_keys import (
    SCORED_PARTS,
    Part,
    export_key,
    exports_prefix,
    part_key,
    part_prefix,
    plan_key,
    result_key,
    results_prefix,
    rewritten_key,
    summary_key,
    work_prefix,
)
from shared.jobs.errors import ResultsGoneError
from shared.jobs.job import ExportKind, FileFormat, Outcome

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DOWNLOAD_SECONDS = 300
# S3's own limit on keys in one delete request.
_DELETE_BATCH = 1000
# As many connections as botocore keeps by itself.
_READ_AHEAD = 10
_ABSENT = frozenset({"404", "NoSuchKey"})
_BLOCK_BYTES = 4 * 1024 * 1024
_EXPORT_TYPES: Final = {
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ResultsBucket:
    """`ResultStore` on S3, and what the workflow reads and writes."""

    def __init__(self, bucket: str, *, client: "Callable[[], S3Client]" = clients.s3) -> None:
        self._client = client
        self._bucket = bucket

    # The plan

    def put_plan(self, job_id: UUID, plan: dict[str, Any]) -> None:
        """Stores the plan for Score and Finalize."""
        self._put(plan_key(job_id), json.dumps(plan).encode())

    def get_plan(self, job_id: UUID) -> dict[str, Any] | None:
        """Returns the stored plan; None if the job was never planned."""
        body = self._get(plan_key(job_id))
        return cast("dict[str, Any]", json.loads(body)) if body is not None else None

    def put_manifest(self, job_id: UUID, chunks: Sequence[dict[str, int]]) -> str:
        """Stores the chunks as the manifest of the map. Returns its key."""
        key = f"{work_prefix(job_id)}manifest.json"
        self._put(key, json.dumps(chunks).encode())
        return key

    def get_manifest(self, job_id: UUID) -> list[dict[str, int]]:
        """Returns the chunks of a planned job, in order. Raises FileNotFoundError."""
        body = self._get(f"{work_prefix(job_id)}manifest.json")
        if body is None:
            raise FileNotFoundError(f"the manifest of job {job_id} is gone")
        return cast("list[dict[str, int]]", json.loads(body))

    def put_rewritten(self, job_id: UUID, body: IO[bytes]) -> None:
        """Stores the rewritten input of a job."""
        with translated():
            self._client().upload_fileobj(body, self._bucket, rewritten_key(job_id))

    def read_rewritten(self, job_id: UUID, start: int, end: int) -> bytes:
        """Returns a byte range of the rewritten input. Raises FileNotFoundError if it was deleted."""
        try:
            return self._range(rewritten_key(job_id), start, end)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                raise FileNotFoundError("the rewritten input of the job is gone") from error
            raise

    # Parts

    def put_part(self, job_id: UUID, chunk: int, part: Part, body: bytes) -> None:
        """Stores a part of a chunk: the same key and bytes when the chunk is scored again."""
        self._put(part_key(job_id, part, chunk), body)

    def delete_parts(self, job_id: UUID, chunk: int) -> None:
        """Removes the parts of a worker whose commit was refused."""
        self._delete([part_key(job_id, part, chunk) for part in SCORED_PARTS])

    def part_sizes(self, job_id: UUID, part: Part) -> dict[int, int]:
        """Returns the chunks that have this part, with its size in bytes."""
        prefix = part_prefix(job_id, part)
        return {int(entry["Key"].removeprefix(prefix)): entry["Size"] for entry in self._list(prefix)}

    def read_summaries(self, job_id: UUID, chunks: Sequence[int]) -> Iterator[bytes]:
        """Yields the summaries of these chunks in order, some read ahead. Raises FileNotFoundError."""
        with ThreadPoolExecutor(_READ_AHEAD) as pool:
            for start in range(0, len(chunks), _READ_AHEAD):
                read = partial(self._get_part, job_id, Part.SUMMARY)
                yield from pool.map(read, chunks[start : start + _READ_AHEAD])

    def read_errors(self, job_id: UUID, chunk: int, offset: int, length: int) -> bytes:
        return self._range_of_job(part_key(job_id, Part.ERRORS, chunk), offset, length)

    # Result files

    def put_summary(self, job_id: UUID, summary: dict[str, Any]) -> None:
        """Stores the risk summary of a job."""
        self._put(summary_key(job_id), json.dumps(summary, ensure_ascii=False).encode())

    def get_summary(self, job_id: UUID) -> dict[str, Any] | None:
        body = self._get(summary_key(job_id))
        return cast("dict[str, Any]", json.loads(body)) if body is not None else None

    def read_result(self, job_id: UUID, outcome: Outcome, offset: int, length: int) -> bytes:
        return self._range_of_job(result_key(job_id, outcome), offset, length)

    def assemble(self, job_id: UUID, outcome: Outcome, pieces: Sequence[Piece | bytes]) -> None:
        """Writes a result file from bytes and stored parts, in this order."""
        with translated():
            compose(
                self._client(),
                bucket=self._bucket,
                key=result_key(job_id, outcome),
                content_type="text/csv; charset=utf-8",
                pieces=pieces,
            )

    def part_piece(self, job_id: UUID, part: Part, chunk: int, size: int) -> Piece:
        """Returns a stored part as a piece of a result file."""
        return Piece(key=part_key(job_id, part, chunk), size=size)

    def copy_input(self, job_id: UUID, *, bucket: str, key: str, version_id: str) -> None:
        """Copies a whole input as the unprocessed file of the job. Raises FileNotFoundError if it is gone."""
        try:
            with translated():
                self._client().copy(
                    {"Bucket": bucket, "Key": key, "VersionId": version_id},
                    self._bucket,
                    result_key(job_id, Outcome.UNPROCESSED),
                    # Tags are not copied: that would need another permission.
                    ExtraArgs={"TaggingDirective": "REPLACE"},
                )
        except ClientError as error:
            if code_of(error) in {*_ABSENT, "NoSuchVersion"}:
                raise FileNotFoundError("the input of the job is gone") from error
            raise

    def result_blocks(self, job_id: UUID, outcome: Outcome) -> Iterator[bytes]:
        """Yields a result file in blocks. Raises FileNotFoundError.

        Each block is a request of its own: a connection that waits while other rows are read would be closed.
        """
        key = result_key(job_id, outcome)
        # Listed first: without the permission to list, S3 returns 403 for a missing object.
        if not any(entry["Key"] == key for entry in self._list(key)):
            raise FileNotFoundError(f"the {outcome} file of job {job_id} is gone")
        start = 0
        size = _BLOCK_BYTES
        while size == _BLOCK_BYTES:
            block = self._result_range(job_id, outcome, start, start + _BLOCK_BYTES)
            yield block
            size = len(block)
            start += size

    def _result_range(self, job_id: UUID, outcome: Outcome, start: int, end: int) -> bytes:
        try:
            return self._range(result_key(job_id, outcome), start, end)
        except ClientError as error:
            if code_of(error) == "InvalidRange":  # exactly at the end
                return b""
            if code_of(error) in _ABSENT:
                raise FileNotFoundError(f"the {outcome} file of job {job_id} is gone") from error
            raise

    def result_source(self, job_id: UUID, outcome: Outcome) -> tuple[str, str]:
        """Returns bucket and key of a result file, for a copy of it."""
        return self._bucket, result_key(job_id, outcome)

    def download_link(
        self, job_id: UUID, outcome: Outcome, *, filename: str, file_format: FileFormat = FileFormat.CSV
    ) -> str | None:
        is_csv = file_format is FileFormat.CSV
        key = result_key(job_id, outcome) if is_csv else export_key(job_id, ExportKind(outcome, file_format))
        try:
            with translated():
                self._client().head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return None
            raise
        return self._client().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": _attachment(filename),
            },
            ExpiresIn=DOWNLOAD_SECONDS,
        )

    # Exports

    def put_export(self, job_id: UUID, kind: ExportKind, file: IO[bytes]) -> None:
        """Stores an export; it is visible only when it is whole."""
        with translated():
            self._client().upload_fileobj(
                file,
                self._bucket,
                export_key(job_id, kind),
                ExtraArgs={"ContentType": _EXPORT_TYPES[kind.file_format]},
            )

    def delete_export(self, job_id: UUID, kind: ExportKind) -> None:
        """Removes an export if it is there."""
        with translated():
            self._client().delete_object(Bucket=self._bucket, Key=export_key(job_id, kind))

    def delete_all(self, job_id: UUID) -> None:
        for prefix in (work_prefix(job_id), results_prefix(job_id), exports_prefix(job_id)):
            keys = [entry["Key"] for entry in self._list(prefix)]
            for start in range(0, len(keys), _DELETE_BATCH):
                self._delete(keys[start : start + _DELETE_BATCH])

    def _put(self, key: str, body: bytes) -> None:
        with translated():
            self._client().put_object(Bucket=self._bucket, Key=key, Body=body)

    def _get(self, key: str) -> bytes | None:
        try:
            with translated():
                answer = self._client().get_object(Bucket=self._bucket, Key=key)
                with closing(answer["Body"]) as body:
                    return body.read()
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return None
            raise

    def _get_part(self, job_id: UUID, part: Part, chunk: int) -> bytes:
        body = self._get(part_key(job_id, part, chunk))
        if body is None:
            raise FileNotFoundError(f"a part of job {job_id} is gone")
        return body

    def _range_of_job(self, key: str, offset: int, length: int) -> bytes:
        try:
            return self._range(key, offset, offset + length)
        except ClientError as error:
            if code_of(error) == "InvalidRange":  # exactly at the end
                return b""
            if code_of(error) in _ABSENT:
                raise ResultsGoneError from error
            raise

    def _range(self, key: str, start: int, end: int) -> bytes:
        with translated():
            answer = self._client().get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}")
            with closing(answer["Body"]) as body:
                return body.read()

    def _list(self, prefix: str) -> Iterator[Any]:
        with translated():
            for page in self._client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from page.get("Contents", [])

    def _delete(self, keys: Sequence[str]) -> None:
        with translated():
            answer = self._client().delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        if errors := answer.get("Errors"):
            raise OSError(f"{len(errors)} of {len(keys)} objects could not be removed: {errors[0].get('Code')}")


def _attachment(filename: str) -> str:
    """Returns a Content-Disposition that every browser saves under this name (RFC 6266)."""
    plain = "".join(
        character if character.isascii() and character.isprintable() and character not in '"\\' else "_"
        for character in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
