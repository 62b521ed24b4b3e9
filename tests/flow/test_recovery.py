"""Recovery from a restored table, lost objects and events in the dead-letter queue."""

import json
from datetime import datetime, timedelta
from unittest.mock import patch
from uuid import UUID

import boto3
import pytest
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from functions.api.handler import ApiSettings, services
from shared.aws import clients
from shared.aws.state_machine import StateMachine
from shared.jobs.errors import ResultsAssemblingError, ResultsGoneError, UnavailableError
from shared.jobs.job import LIVE, FileFormat, JobStatus, Outcome, utc_now
from shared.jobs.listing import JobFilter
from shared.jobs.retries import RETRIED_OUTCOMES
from shared.jobs.service import JobService
from tests.fakes import time_of
from tests.flow.system import System
from tests.flow.test_jobs import MEMBER, annual_csv, cancel_after_first_chunks, jobs, link, ran, result, submitted
from tests.synthesized import JsonObject

__all__ = ["jobs"]


def items(system: System, *, about: UUID | None = None) -> list[JsonObject]:
    """Returns all items of the table, or those of one job."""
    response = clients.dynamodb().scan(TableName=system.table)
    assert "LastEvaluatedKey" not in response
    found = sorted(response["Items"], key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
    return [item for item in found if about is None or str(about) in json.dumps(item)]


def objects_except_of(system: System, job_ids: set[UUID]) -> list[tuple[str, str]]:
    """Returns key, version and ETag of every object except those of these jobs."""
    found = []
    for bucket in (system.uploads_bucket, system.results_bucket):
        versions = clients.s3().list_object_versions(Bucket=bucket).get("Versions", [])
        found += [(version["Key"], version["VersionId"] + version["ETag"]) for version in versions]
    return [(key, tag) for key, tag in found if not any(str(job_id) in key for job_id in job_ids)]


def restore(system: System, copy: list[JsonObject]) -> None:
    """Restores the table from the copy."""
    for item in items(system):
        clients.dynamodb().delete_item(TableName=system.table, Key={"pk": item["pk"], "sk": item["sk"]})
    for item in copy:
        clients.dynamodb().put_item(TableName=system.table, Item=item)


def forget_executions(system: System) -> None:
    """Removes every execution, as 90 days after its end."""
    region, account = system.state_machine_arn.split(":")[3:5]
    # The backend that runs executions; moto's other backend only records them.
    (machine,) = stepfunctions_parser_backends[account][region].state_machines
    machine.executions.clear()


def reconciled(system: System, now: datetime) -> list[JsonObject]:
    """Runs reconcile at that time and returns the items of the table."""
    with time_of(lambda: now):
        system.invoke("reconcile", {})
    return items(system)


def copied_before(system: System, jobs: JobService, function: str) -> tuple[UUID, list[JsonObject]]:
    """Runs a job to its end; returns its items as they were when the function was first invoked."""
    copy: list[JsonObject] = []
    job_id = submitted(jobs, annual_csv(40))

    def take_copy(_event: JsonObject) -> None:
        if not copy:
            copy.extend(items(system, about=job_id))

    system.before[function] = [take_copy]
    system.deliver()
    assert system.wait(job_id) == "SUCCEEDED"
    system.before.clear()
    return job_id, copy


@pytest.mark.hazard("A table restored from an older backup, with executions and objects missing or unknown")
def test_reconcile_repairs_a_table_restored_from_an_older_backup(system: System, jobs: JobService) -> None:
    kept, deleted_when_ended = ran(system, jobs, annual_csv(20)), ran(system, jobs, annual_csv(30))
    copy = items(system)
    live = {}
    for function in ("intake", "plan", "score", "finalize"):
        live[function], items_of_job = copied_before(system, jobs, function)
        copy += items_of_job
    deleted = {deleted_when_ended, live["intake"], live["finalize"]}
    for job_id in deleted:
        jobs.delete(MEMBER, job_id)
    unknown = ran(system, jobs, annual_csv(50))
    restore(system, copy)
    forget_executions(system)
    before = {job_id: jobs.get(MEMBER, job_id) for job_id in (kept, deleted_when_ended)}
    assert {jobs.get(MEMBER, job_id).job.status for job_id in live.values()} == LIVE
    others = objects_except_of(system, set(live.values()))
    assert {job_id for job_id in (kept, unknown, *deleted) if str(job_id) in str(others)} == {kept, unknown}

    after = reconciled(system, utc_now() + timedelta(days=7))

    for function, job_id in live.items():
        job = jobs.get(MEMBER, job_id).job
        code = "upload_expired" if function == "intake" else "execution_ended"
        assert (job.status, job.error_code) == (JobStatus.FAILED, code)
        assert job.error_message is not None
        assert job.error_message.endswith(".")
        assert job.results_ready
        # Files of lost objects cannot be assembled; the other jobs return every row as unprocessed.
        assert ("has been lost" in job.error_message) is (function == "finalize")
    assert [row["outcome"] for row in result(system, live["score"], "all")] == ["unprocessed"] * 40
    with pytest.raises(ResultsGoneError):
        link(jobs, live["finalize"], Outcome.UNPROCESSED)
    assert {job_id: jobs.get(MEMBER, job_id) for job_id in before} == before
    assert objects_except_of(system, set(live.values())) == others
    assert [(item["pk"], item["sk"]) for item in after] == sorted(((item["pk"], item["sk"]) for item in copy), key=str)


def remove(bucket: str, name: str) -> None:
    """Deletes every version of the objects whose keys contain `name`."""
    versions = clients.s3().list_object_versions(Bucket=bucket).get("Versions", [])
    gone = [version for version in versions if name in version["Key"]]
    assert gone
    for version in gone:
        clients.s3().delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def available(system: System, job_id: UUID) -> dict[str, list[int]]:
    """Returns the row numbers of every existing result file."""
    keys = system.objects(system.results_bucket)
    return {
        outcome: [int(row["row"]) for row in result(system, job_id, outcome)]
        for outcome in Outcome
        if f"results/{job_id}/{outcome}.csv" in keys
    }


@pytest.mark.hazard("Finalize with a part missing or a chunk uncommitted")
@pytest.mark.parametrize("part", ["all", "summary", "successful", "failed", "errors"])
def test_rows_of_a_chunk_whose_part_is_lost_are_returned_as_unprocessed(
    system: System, jobs: JobService, part: str
) -> None:
    job_id = submitted(jobs, annual_csv(3_000, invalid=300))

    def lose(_event: JsonObject) -> None:
        remove(system.results_bucket, f"/{part}/000001")

    system.before["finalize"] = [lose]
    system.deliver()
    system.wait(job_id)

    job = jobs.get(MEMBER, job_id).job
    rows = available(system, job_id)
    assert (job.status, job.error_code, job.results_ready) == (JobStatus.FAILED, "chunks_failed", True)
    assert rows["unprocessed"]
    assert f"Rows {rows['unprocessed'][0]}-{rows['unprocessed'][-1]} could not be scored" in str(job.error_message)
    assert sorted(rows["successful"] + rows["failed"] + rows["unprocessed"]) == list(range(1, 3_001))
    assert rows["all"] == list(range(1, 3_001))


@pytest.mark.hazard("Stored objects deleted: a job that never ends, a download that is never ready")
def test_cancelled_job_keeps_scored_rows_when_its_input_is_lost(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(3_000, invalid=30))

    def lose(_event: JsonObject) -> None:
        remove(system.uploads_bucket, str(job_id))

    system.before["score"] = [cancel_after_first_chunks(jobs, job_id)]
    system.before["finalize"] = [lose]
    system.deliver()
    system.wait(job_id)

    view = jobs.get(MEMBER, job_id)
    rows = available(system, job_id)
    assert (view.job.cancelled, view.job.results_ready) == (True, True)
    assert set(rows) == {"successful", "failed"}
    assert len(rows["successful"] + rows["failed"]) == view.progress.processed_rows > 0
    with pytest.raises(ResultsGoneError):
        link(jobs, job_id, Outcome.UNPROCESSED)
    assert reconciled(system, utc_now()) == items(system)


@pytest.mark.hazard("Stored objects deleted: a job that never ends, a download that is never ready")
def test_job_cancelled_before_its_plan_ends_when_its_input_is_lost(system: System, jobs: JobService) -> None:
    job_id = submitted(jobs, annual_csv(10))

    def lose_and_cancel(_event: JsonObject) -> None:
        remove(system.uploads_bucket, str(job_id))
        jobs.cancel(MEMBER, job_id)

    system.before["plan"] = [lose_and_cancel]
    system.deliver()
    system.wait(job_id)

    job = jobs.get(MEMBER, job_id).job
    assert (job.cancelled, job.error_message, job.results_ready) == (True, "Job cancelled by user", True)
    for outcome in Outcome:
        with pytest.raises(ResultsGoneError):
            link(jobs, job_id, outcome)


@pytest.mark.hazard("Leftovers of a job that was retried, exported and deleted")
def test_deleted_jobs_with_retries_and_exports_leave_only_tombstones(system: System, jobs: JobService) -> None:
    api = services(ApiSettings.from_environment())
    parent = ran(system, jobs, annual_csv(60, invalid=6))
    child = api.retries.retry(MEMBER, jobs.get(MEMBER, parent), frozenset(RETRIED_OUTCOMES)).id
    system.deliver()
    system.wait(child)
    for job_id in (parent, child):
        for file_format in (FileFormat.XLSX, FileFormat.PARQUET):
            with pytest.raises(ResultsAssemblingError):
                api.downloads.link(jobs.get(MEMBER, job_id).job, Outcome.ALL, file_format)
    kinds = {key.partition("/")[0] for key in system.objects(system.results_bucket)}
    assert {"exports", "results"} <= kinds, kinds

    jobs.delete(MEMBER, parent)
    left = system.objects(system.results_bucket)
    assert left
    assert all(str(child) in key for key in left), left
    jobs.delete(MEMBER, child)

    assert [(item["sk"]["S"], "deleted_at" in item) for item in items(system)] == [("JOB", True)] * 2
    assert system.objects(system.uploads_bucket) == system.objects(system.results_bucket) == []
    remaining = reconciled(system, utc_now() + timedelta(hours=1))
    tombstone = {"pk", "sk", "deleted_at", "stored_input", "due_at", "listed_at", "ttl"}
    assert [set(item) for item in remaining] == [tombstone] * 2


@pytest.mark.hazard("An event redriven from the dead-letter queue")
def test_event_redriven_from_the_dead_letter_queue_creates_one_job(system: System, jobs: JobService) -> None:
    _, arrivals = system.template.only("AWS::SQS::Queue", containing="Arrivals")
    deliveries = int(arrivals["RedrivePolicy"]["maxReceiveCount"])
    sqs = boto3.client("sqs")
    dead_letter_queue = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_letter_queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"deadLetterTargetArn": arn, "maxReceiveCount": deliveries}
    sqs.set_queue_attributes(
        QueueUrl=system.queue_url, Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"}
    )
    system.put("drop/acme/annual/figures.csv", annual_csv(20))

    failed = 0
    with patch.object(StateMachine, "start", side_effect=UnavailableError):
        while messages := sqs.receive_message(QueueUrl=system.queue_url).get("Messages"):
            (message,) = messages
            response = system.invoke(
                "intake", {"Records": [{"messageId": message["MessageId"], "body": message["Body"]}]}
            )
            assert response == {"batchItemFailures": [{"itemIdentifier": message["MessageId"]}]}
            failed += 1
    assert failed == deliveries
    (message,) = sqs.receive_message(QueueUrl=dead_letter_queue)["Messages"]

    sqs.send_message(QueueUrl=system.queue_url, MessageBody=message["Body"])
    sqs.delete_message(QueueUrl=dead_letter_queue, ReceiptHandle=message["ReceiptHandle"])
    system.deliver(times=2)

    (view,) = jobs.page(MEMBER, JobFilter(), after=None, offset=0, limit=10).views
    assert system.wait(view.job.id) == "SUCCEEDED"
    assert jobs.get(MEMBER, view.job.id).job.status is JobStatus.COMPLETED
    assert len(clients.step_functions().list_executions(stateMachineArn=system.state_machine_arn)["executions"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=dead_letter_queue)
