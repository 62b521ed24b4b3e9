"""Uploads with an idempotency key create one job, also in races and with a failure at any AWS call."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from functions.api.app import create_app
from functions.api.dependencies import Limits, Services
from functions.api.pagination import cursor_serializer
from shared.aws import clients
from shared.aws.idempotency_keys import StoredKeys
from shared.aws.jobs_table import JobsTable
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.access import Caller, Scope
from shared.jobs.downloads import Downloads
from shared.jobs.idempotency import IN_FLIGHT, Idempotency, IdempotencyKeys
from shared.jobs.intake import Intake
from shared.jobs.job import Job
from shared.jobs.listing import JobFilter
from shared.jobs.ports import JobStore, UploadStore
from shared.jobs.retries import RetryService
from shared.jobs.service import JobService
from shared.jobs.uploads import ArrivedObject, upload_key
from tests.aws_clients import forget_clients
from tests.aws_resources import TABLE, UPLOADS, create_buckets, create_table
from tests.builders import a_caller
from tests.contract.concurrency import OneCallAtATime, at_once
from tests.fakes import (
    FakeAssembler,
    FakeExporter,
    FakeIdempotencyKeys,
    FakeJobStore,
    FakePreparer,
    FakeResultStore,
    FakeRowScorer,
    FakeUploadStore,
    FakeWorkflow,
    SettableClock,
)
from tests.unit.api.conftest import API, Client, annual_csv

THREADS = 8
RACES = {"fake": 20, "table": 5}

FILE: dict[str, Any] = {"files": {"file": ("a.csv", annual_csv())}}
PRESIGNED: dict[str, Any] = {"json": {"filename": "a.csv"}}


class Crash(BaseException):
    """Ends the process; no handler of the application catches it."""


class SingleCallerVerifier:
    """Accepts every token as that of one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def caller(self, _authorization: str | None) -> Caller:
        return self._caller


class Api:
    """The API for one caller without an organization, whose list has only the caller's own jobs."""

    def __init__(self, user: str, *, store: JobStore, uploads: UploadStore, keys: IdempotencyKeys) -> None:
        self.clock = SettableClock()
        self.store = store
        self._scope = Scope(user_id=user)
        results = FakeResultStore()
        verifier: Any = SingleCallerVerifier(a_caller(user_id=user, organization_id=None))
        jobs = JobService(
            store=store,
            uploads=uploads,
            results=results,
            workflow=FakeWorkflow(),
            request_assembly=FakeAssembler(),
            clock=self.clock,
        )
        limits = Limits(multipart_max_bytes=10**6, rows_max_bytes=10**6, csv_max_bytes=10**9, xlsx_max_bytes=10**8)
        self._app = create_app(
            Services(
                jobs=jobs,
                retries=RetryService(store=store, request_retry_file=FakePreparer(), clock=self.clock),
                score_rows=FakeRowScorer(),
                downloads=Downloads(
                    store=store, results=results, request_export=FakeExporter(), clock=self.clock, xlsx_max_rows=100
                ),
                idempotency=Idempotency(keys=keys, clock=self.clock),
                verifier=verifier,
                cursor_serializer=lambda: cursor_serializer(b"key"),
                clock=self.clock,
                limits=limits,
            )
        )

    def upload(self, sent: dict[str, Any], key: str = "k") -> httpx.Response:
        with asyncio.Runner() as runner:
            client = Client(self._app, runner)
            return client.post(f"{API}/annual/bulk-upload-async", headers={"Idempotency-Key": key}, **sent)

    def jobs(self) -> list[Job]:
        page = self.store.page(self._scope, JobFilter(), after=None, offset=0, limit=100)
        return [view.job for view in page.views]


@pytest.fixture(scope="module")
def _aws() -> Iterator[None]:
    with mock_aws():
        forget_clients()
        create_table()
        create_buckets()
        yield
    forget_clients()


def on_aws(user: str) -> Api:
    return Api(
        user,
        store=JobsTable(client=clients.dynamodb, table=TABLE),
        uploads=UploadBucket(client=clients.s3, bucket=UPLOADS),
        keys=StoredKeys(client=clients.dynamodb, table=TABLE),
    )


@pytest.mark.parametrize("kind", RACES)
@pytest.mark.usefixtures("_aws")
def test_concurrent_requests_with_one_key_create_one_job(kind: str) -> None:
    uploads = FakeUploadStore()
    one_at_a_time: Any = OneCallAtATime()
    store: JobStore = JobsTable(client=lambda: one_at_a_time, table=TABLE)
    keys: IdempotencyKeys = StoredKeys(client=lambda: one_at_a_time, table=TABLE)
    if kind == "fake":
        store, keys = FakeJobStore(), FakeIdempotencyKeys()
    api = Api(f"racer-{kind}", store=store, uploads=uploads, keys=keys)
    for race in range(RACES[kind]):
        responses = at_once(*[partial(api.upload, FILE, f"k{race}")] * THREADS)
        assert {response.status_code for response in responses} <= {202, 409}
        accepted = [response for response in responses if response.status_code == 202]
        assert sum("Idempotency-Replayed" not in response.headers for response in accepted) == 1
        assert len({response.json()["job_id"] for response in accepted}) == 1
        assert len(api.jobs()) == len(uploads.objects) == race + 1
        assert api.upload(FILE, f"k{race}").content == accepted[0].content


def crash(_: str) -> None:
    raise Crash


def lose_connection(url: str) -> None:
    raise EndpointConnectionError(endpoint_url=url)


@contextmanager
def failing_call(event: str, at: int, how: Callable[[str], None]) -> Iterator[list[str]]:
    """Calls `how` before or after AWS call number `at`; yields the names of the calls made so far."""
    calls: list[str] = []

    def count_and_fail(*, model: Any, **_: Any) -> None:
        calls.append(model.name)
        if len(calls) == at + 1:
            how("https://aws.example")

    emitters = [clients.dynamodb().meta.events, clients.s3().meta.events]
    for emitter in emitters:
        emitter.register(event, count_and_fail, "failing-call")
    try:
        yield calls
    finally:
        for emitter in emitters:
            emitter.unregister(event, unique_id="failing-call")


def deliver_every_event_of(job_id: UUID, store: JobStore) -> FakeWorkflow:
    """Delivers the event of every version of the job's file to intake, twice and the newest first."""
    workflow = FakeWorkflow()
    uploads = UploadBucket(client=clients.s3, bucket=UPLOADS)
    intake = Intake(store=store, uploads=uploads, workflow=workflow, clock=SettableClock())
    versions = versions_of(job_id)
    for version in versions * 2:
        intake.receive(
            ArrivedObject(bucket=UPLOADS, key=upload_key(job_id), version_id=version, size=len(annual_csv()))
        )
    return workflow


def versions_of(job_id: UUID) -> list[str]:
    listed = clients.s3().list_object_versions(Bucket=UPLOADS, Prefix=upload_key(job_id))
    return [version["VersionId"] for version in listed.get("Versions", [])]


CALLS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "file": (FILE, ["PutItem", "TransactWriteItems", "PutObject", "Query", "PutItem"]),
    "presigned": (PRESIGNED, ["PutItem", "PutItem", "PutItem"]),
}
POINTS = [(way, at) for way, (_, calls) in CALLS.items() for at in range(len(calls))]


@pytest.mark.parametrize("way", CALLS)
@pytest.mark.usefixtures("_aws")
def test_upload_makes_the_expected_aws_calls(way: str) -> None:
    sent, expected = CALLS[way]
    with failing_call("before-call", at=-1, how=crash) as calls:
        assert on_aws(f"counted-{way}").upload(sent).status_code == 202
    assert calls == expected


@pytest.mark.parametrize("how", [crash, lose_connection])
@pytest.mark.parametrize("event", ["before-call", "after-call"])
@pytest.mark.parametrize(("way", "at"), POINTS)
@pytest.mark.usefixtures("_aws")
def test_upload_that_fails_at_any_call_and_is_retried_creates_one_job(
    way: str, at: int, event: str, how: Callable[[str], None]
) -> None:
    api = on_aws(f"{way}-{at}-{event}-{how.__name__}")
    sent, _ = CALLS[way]
    with failing_call(event, at, how):
        try:
            first = api.upload(sent)
        except Crash:
            first = None
    assert len(api.jobs()) <= 1
    if how is crash and api.jobs():
        # With a crash, the event of the file arrives before the retry; otherwise both arrive after it.
        deliver_every_event_of(api.jobs()[0].id, api.store)
    if first is None or first.status_code == 202:
        # A request that crashed, or could not store its response, still claims its key for a while.
        assert api.upload(sent).status_code in {202, 409}
        api.clock.advance(IN_FLIGHT)
    else:
        assert first.status_code == 503

    second = api.upload(sent)
    if second.status_code == 409:
        # The claim was stored although its response was lost.
        api.clock.advance(IN_FLIGHT)
        second = api.upload(sent)

    assert second.status_code == 202
    (job,) = api.jobs()
    assert second.json()["job_id"] == str(job.id)
    assert api.upload(sent).content == second.content
    if way == "file":
        workflow = deliver_every_event_of(job.id, api.store)
        assert list(workflow.executions) == [job.id]
        # Of the bytes that were uploaded twice, only the version that the job reads is left.
        view = api.store.get(job.id)
        assert view is not None
        assert view.job.stored_input is not None
        assert versions_of(job.id) == [view.job.stored_input.version_id]
