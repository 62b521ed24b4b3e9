"""S3 closes the connection after half a body: every reader raises an error instead of using the half."""

import io
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import BotoCoreError
from botocore.response import StreamingBody
from moto import mock_aws

from shared.aws import clients
from shared.aws.multipart import Piece
from shared.aws.result_keys import Part
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.errors import UnavailableError
from shared.jobs.job import Outcome, StoredInput
from shared.jobs.uploads import upload_key
from tests.aws_clients import forget_clients
from tests.aws_resources import RESULTS, UPLOADS, create_buckets

JOB = uuid4()
BODY = b'{"a": 1}\n' * 10

Read = Callable[[UploadBucket, ResultsBucket, StoredInput], object]
READS: dict[str, Read] = {
    "plan": lambda _uploads, results, _stored: results.get_plan(JOB),
    "manifest": lambda _uploads, results, _stored: results.get_manifest(JOB),
    "rewritten input": lambda _uploads, results, _stored: results.read_rewritten(JOB, 0, len(BODY)),
    "row errors": lambda _uploads, results, _stored: results.read_errors(JOB, 0, 0, len(BODY)),
    "range of the upload": lambda uploads, _results, stored: uploads.read_range(stored, 0, len(BODY)),
    "whole upload": lambda uploads, _results, stored: uploads.open(stored).read(),
    "part of a result file": lambda _uploads, results, _stored: results.assemble(
        JOB, Outcome.ALL, [Piece(key=f"work/{JOB}/all/000000", size=len(BODY))]
    ),
}


@pytest.fixture
def buckets() -> Iterator[tuple[UploadBucket, ResultsBucket, StoredInput]]:
    with mock_aws():
        forget_clients()
        create_buckets()
        uploads = UploadBucket(client=clients.s3, bucket=UPLOADS)
        results = ResultsBucket(client=clients.s3, bucket=RESULTS)
        uploads.put(JOB, BODY)
        version = uploads.current_version(upload_key(JOB))
        assert version is not None
        _fill(results, JOB)
        yield uploads, results, StoredInput(key=upload_key(JOB), version_id=version, size=len(BODY))
    forget_clients()


def _fill(results: ResultsBucket, job_id: UUID) -> None:
    results.put_plan(job_id, {"a": 1})
    results.put_manifest(job_id, [{"index": 0}])
    results.put_rewritten(job_id, io.BytesIO(BODY))
    for part in (Part.ERRORS, Part.ALL):
        results.put_part(job_id, 0, part, BODY)


def send_half(*, parsed: dict[str, Any], **_: object) -> None:
    """Ends the connection in the middle of the body."""
    whole = parsed["Body"].read()
    parsed["Body"] = StreamingBody(io.BytesIO(whole[: len(whole) // 2]), len(whole))


@pytest.mark.hazard("Throttling, conflicts, timeouts, half a body from S3")
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_truncated_body_raises_an_error(buckets: tuple[UploadBucket, ResultsBucket, StoredInput], read: Read) -> None:
    read(*buckets)
    clients.s3().meta.events.register("after-call.s3.GetObject", send_half)
    with pytest.raises((UnavailableError, BotoCoreError)):
        read(*buckets)
