"""Contract of the export states in a `JobStore`, and the invocation of the export function."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import boto3
import pytest
from botocore.stub import Stubber

from shared.aws import clients
from shared.aws.invocations import request_export
from shared.jobs.errors import TransitionRefusedError, UnavailableError
from shared.jobs.job import Export, ExportKind, FileFormat, Job, Outcome
from shared.jobs.ports import JobStore
from tests.builders import NOON
from tests.contract.job_states import failed, read, scoring

KIND = ExportKind(Outcome.ALL, FileFormat.XLSX)
OTHER = ExportKind(Outcome.ALL, FileFormat.PARQUET)
CLAIM = Export(claimed_at=NOON)
BEGUN = Export(claimed_at=NOON + timedelta(milliseconds=1), is_begun=True, attempts=1)
REFUSED = Export(attempts=2, refusal_code="too_large", refusal="Too long a cell.")


def assembled_job(store: JobStore) -> Job:
    job = failed(store, scoring(store))
    store.record_assembly(job, successful=3, failed=2, now=NOON)
    return read(store, job).job


def test_export_has_its_last_state_and_other_fields_are_unchanged(job_store: JobStore) -> None:
    job = assembled_job(job_store)
    assert job.exports == {}
    steps = [None, CLAIM, BEGUN, Export(attempts=1), REFUSED, replace(REFUSED, claimed_at=NOON), None, CLAIM]
    job_store.change_export(job.id, OTHER, expected=None, changed=BEGUN)
    for expected, changed in pairwise(steps):
        job_store.change_export(job.id, KIND, expected=expected, changed=changed)
        exports = {OTHER: BEGUN, **({KIND: changed} if changed else {})}
        assert read(job_store, job).job == replace(job, exports=exports)


@pytest.mark.parametrize("current", [None, CLAIM, BEGUN, REFUSED])
def test_export_change_with_other_expected_state_is_refused(job_store: JobStore, current: Export | None) -> None:
    job = assembled_job(job_store)
    if current is not None:
        job_store.change_export(job.id, KIND, expected=None, changed=current)
    others = {None, CLAIM, BEGUN, REFUSED, replace(CLAIM, attempts=1), replace(CLAIM, is_begun=True)} - {current}
    for other in others:
        for changed in (None, CLAIM):
            with pytest.raises(TransitionRefusedError):
                job_store.change_export(job.id, KIND, expected=other, changed=changed)
    assert read(job_store, job).job.exports.get(KIND) == current


def test_export_of_job_without_result_files_is_refused(job_store: JobStore) -> None:
    running = scoring(job_store)
    ended = failed(job_store, scoring(job_store))
    for job_id in (running.id, ended.id, uuid4()):
        with pytest.raises(TransitionRefusedError):
            job_store.change_export(job_id, KIND, expected=None, changed=CLAIM)
    assert read(job_store, running).job == running


def test_deleted_job_has_no_exports(job_store: JobStore) -> None:
    job = assembled_job(job_store)
    job_store.change_export(job.id, KIND, expected=None, changed=CLAIM)
    job_store.delete(read(job_store, job).job, now=NOON)
    for expected in (None, CLAIM):
        with pytest.raises(TransitionRefusedError):
            job_store.change_export(job.id, KIND, expected=expected, changed=BEGUN)
    assert job_store.get(job.id) is None
    assert job_store.tombstone(job.id) is not None


def test_export_function_is_invoked_asynchronously(monkeypatch: pytest.MonkeyPatch) -> None:
    client, job_id = boto3.client("lambda"), uuid4()
    monkeypatch.setattr(clients, "lambda_", lambda: client)
    event = {"job_id": str(job_id), "outcome": "all", "format": "xlsx", "claimed_at": "2026-03-02T12:00:00.000Z"}
    with Stubber(client) as stub:
        stub.add_response(
            "invoke",
            {"StatusCode": 202},
            {"FunctionName": "export", "InvocationType": "Event", "Payload": json.dumps(event).encode()},
        )
        request_export("export", job_id, KIND, NOON)
        stub.assert_no_pending_responses()
        stub.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
        with pytest.raises(UnavailableError):
            request_export("export", job_id, KIND, NOON)
