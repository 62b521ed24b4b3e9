"""Removes each statement of each function's role in turn on the local cloud, which enforces roles. By `make soak`.

Without the statement, the flow that needs it must be denied; with all statements, no flow is denied.
`tests/faults/test_least_privilege.py` checks the same on the template, action by action, in seconds; here IAM of the
local cloud decides.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from default_risk_jobs import TERMINAL, ClientError, JobsClient
from infra.local import panel
from infra.local.cloud import LocalCloud
from shared.aws.jobs_table import JobsTable
from shared.jobs.job import StoredInput, utc_now
from shared.jobs.progress import JobView

pytestmark = pytest.mark.e2e

# Statements that the local cloud does not enforce, by their first action.
NOT_ENFORCED = {
    "logs:CreateLogStream": "the local cloud writes the logs itself, not under the function's role",
    "sqs:ReceiveMessage": "its poller reads queues by itself, whatever the function's role says",
    "dynamodb:DescribeStream": "its poller reads streams by itself, likewise",
}
# The local cloud puts no records into buckets; on AWS, Lambda does so with the role of publish.
BY_THE_POLLER = {("publish", "s3:PutObject"), ("publish", "s3:ListBucket")}
# The template of the local stage has none of these; `tests/faults` and `tests/infra` check them.
NOT_DEPLOYED = {
    "kms:": "the local stage has no key, and the local cloud encrypts nothing",
    "xray:": "the local cloud has no traces",
}
_SMALL = panel.as_csv(panel.statement_rows(60, seed=1, invalid=3), panel.STATEMENT_COLUMNS)
_MEDIUM = panel.as_csv(panel.statement_rows(20_000, seed=2), panel.STATEMENT_COLUMNS)
_HOPELESS = panel.as_csv(panel.statement_rows(8_000, seed=3, invalid=8_000), panel.STATEMENT_COLUMNS)
_A_CHUNK = {"index": 0, "start": 0, "end": 100, "first_row": 1, "row_count": 1}
_WITHIN_SECONDS = 60.0
# Messages of botocore; a response to HEAD has no body with details.
_DENIALS = ("is not authorized to perform", "(403) when calling")


class DeniedError(Exception):
    """A function lacked a permission."""


@dataclass
class World:
    """The local cloud, with a caller's client and with administrator clients for the set-up of flows."""

    cloud: LocalCloud
    member: JobsClient
    s3: Any
    iam: Any
    functions: Any
    logs: Any
    table: JobsTable
    function: str = ""
    began_at: float = 0.0

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits for the condition. Raises `DeniedError` as soon as a call of the function was denied."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        while not condition():
            self.look_for_denials()
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(0.1)

    def look_for_denials(self) -> None:
        """Raises `DeniedError` if a call of the function was denied since the flow started."""
        group = self.described(self.function)["LoggingConfig"]["LogGroup"]
        events = self.logs.filter_log_events(logGroupName=group, startTime=int(self.began_at * 1000))["events"]
        for event in events:
            if any(denial in event["message"] for denial in _DENIALS):
                raise DeniedError(event["message"])

    def logged(self, function: str) -> bool:
        """Whether the function logged anything since the flow started."""
        group = self.described(function)["LoggingConfig"]["LogGroup"]
        return bool(self.logs.filter_log_events(logGroupName=group, startTime=int(self.began_at * 1000))["events"])

    def described(self, function: str) -> dict[str, Any]:
        """Returns Lambda's description of the function."""
        (found,) = [one for one in self.functions.list_functions()["Functions"] if _folder(one) == function]
        described: dict[str, Any] = found
        return described

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        """Invokes a function synchronously. Raises `RuntimeError` if it fails."""
        name = self.described(function)["FunctionName"]
        response = self.functions.invoke(FunctionName=name, Payload=json.dumps(event))
        if "FunctionError" in response:
            raise RuntimeError(response["Payload"].read().decode())

    def restart(self, function: str) -> None:
        """Makes the function cold-start, so that it reads cached values again."""
        name = self.described(function)["FunctionName"]
        self.functions.update_function_configuration(FunctionName=name, Description=str(time.monotonic()))

    def ended(self, body: bytes, **options: Any) -> str:
        """Runs a job of this file to its end and returns its id."""
        job_id = self.member.upload_presigned("annual", "rights.csv", body, **options)["job_id"]
        self.wait_for_files(job_id)
        return job_id

    def wait_for_files(self, job_id: str) -> None:
        """Waits until the job has ended and its result files are assembled."""
        self.until(lambda: self.member.status(job_id)["status"] in TERMINAL, "the job has not ended")
        self.until(lambda: self.view(job_id).job.results_ready, "the job has no files")

    def presigned_upload(self) -> tuple[str, dict[str, Any]]:
        """Creates a job that waits for its upload; returns its id and the upload form."""
        response = (
            self.member.http.post("annual/bulk-upload-async", json={"filename": "a.csv"}).raise_for_status().json()
        )
        return response["job_id"], response["upload"]

    def view(self, job_id: str) -> JobView:
        """Returns the job with its progress."""
        view = self.table.get(UUID(job_id))
        assert view is not None
        return view

    def keys(self, bucket: str, of: str) -> list[str]:
        """Returns the keys of the job's objects in the bucket."""
        versions = self.s3.list_object_versions(Bucket=bucket).get("Versions", [])
        return [version["Key"] for version in versions if of in version["Key"]]


def _folder(described: dict[str, Any]) -> str:
    return str(described["Handler"].split(".")[1])


Flow = Callable[[World], None]


def a_file_is_scored(world: World) -> None:
    job_id = world.member.upload("annual", "rights.csv", _SMALL)["job_id"]
    world.wait_for_files(job_id)
    assert world.member.status(job_id)["status"] == "completed"
    assert len(world.member.row_errors(job_id)) == 3
    assert world.member.download(job_id, "successful").count(b"\n") == 58


def jobs_are_listed(world: World) -> None:
    for _ in range(2):
        world.presigned_upload()
    world.restart("api")
    page = world.member.jobs(limit=1)
    assert world.member.jobs(limit=1, cursor=page["pagination"]["next_cursor"])["jobs"]


def a_job_is_deleted(world: World) -> None:
    job_id = world.ended(_SMALL)
    world.member.delete(job_id)
    for bucket in (world.cloud.uploads_bucket, world.cloud.results_bucket):
        assert not world.keys(bucket, job_id)


def a_running_job_is_cancelled(world: World) -> None:
    job_id = world.member.upload_presigned("annual", "rights.csv", _MEDIUM)["job_id"]
    world.until(lambda: world.member.status(job_id)["processed_rows"], "nothing was processed")
    world.member.cancel(job_id)
    world.wait_for_files(job_id)
    assert b"\n" in world.member.download(job_id, "unprocessed")


def a_hopeless_job_ends_early(world: World) -> None:
    job_id = world.ended(_HOPELESS, max_failed_percent=10)
    assert world.view(job_id).job.error_code == "too_many_failed_rows"


def results_are_exported(world: World) -> None:
    job_id = world.ended(_SMALL)

    def is_there() -> bool:
        response = world.member.http.get(f"jobs/{job_id}/download", params={"outcome": "all", "format": "parquet"})
        assert response.status_code in {202, 303}, response.text
        return response.status_code == 303

    world.until(is_there, "the export is not there")


def failed_rows_are_retried(world: World) -> None:
    child = world.member.retry(world.ended(_SMALL), "failed")["job_id"]
    world.wait_for_files(child)
    assert world.member.status(child)["total_rows"] == 3


def a_file_comes_for_a_cancelled_job(world: World) -> None:
    job_id, form = world.presigned_upload()
    world.member.cancel(job_id)
    world.s3.put_object(Bucket=world.cloud.uploads_bucket, Key=form["fields"]["key"], Body=_SMALL)
    world.until(lambda: not world.keys(world.cloud.uploads_bucket, job_id), "the file was not removed")


def a_file_is_dropped(world: World) -> None:
    name = f"{uuid4()}.csv"
    world.s3.put_object(Bucket=world.cloud.uploads_bucket, Key=f"drop/acme/annual/{name}", Body=_SMALL)
    world.until(lambda: world.member.jobs(filename_contains=name)["jobs"], "the dropped file made no job")


def a_dropped_file_is_gone(world: World) -> None:
    name = f"{uuid4()}.csv"
    stored = {"key": f"drop/acme/annual/{name}", "version-id": str(uuid4()), "size": len(_SMALL)}
    event = {
        "source": "aws.s3",
        "account": "000000000000",
        "detail": {"bucket": {"name": world.cloud.uploads_bucket}, "object": stored},
    }
    world.invoke("intake", {"Records": [{"messageId": "1", "body": json.dumps(event)}]})
    world.until(
        lambda: [job["status"] for job in world.member.jobs(filename_contains=name)["jobs"]] == ["failed"],
        "the job has not failed",
    )


def a_file_event_is_late(world: World) -> None:
    """Without the version that S3 names, intake looks for an object that is gone."""
    stored = {"key": f"api/{uuid4()}"}
    event = {
        "source": "aws.s3",
        "account": "000000000000",
        "detail": {"bucket": {"name": world.cloud.uploads_bucket}, "object": stored},
    }
    world.invoke("intake", {"Records": [{"messageId": "1", "body": json.dumps(event)}]})


def the_input_of_a_late_chunk_is_gone(world: World) -> None:
    job_id = world.ended(_SMALL)
    stored = world.view(job_id).job.stored_input
    assert stored is not None
    world.s3.delete_object(Bucket=world.cloud.uploads_bucket, Key=stored.key, VersionId=stored.version_id)
    world.invoke("score", {"job_id": job_id, "chunk": _A_CHUNK})


def the_plan_of_a_late_chunk_is_gone(world: World) -> None:
    world.invoke("score", {"job_id": str(uuid4()), "chunk": _A_CHUNK})


def an_exported_file_is_gone(world: World) -> None:
    job_id = world.ended(_SMALL)
    world.s3.delete_object(Bucket=world.cloud.results_bucket, Key=f"results/{job_id}/all.csv")
    parameters = {"outcome": "all", "format": "parquet"}
    for _ in range(2):
        world.member.http.get(f"jobs/{job_id}/download", params=parameters)
    world.until(lambda: world.logged("export"), "the export did not run")


def objects_of_a_deleted_job_are_removed(world: World) -> None:
    job_id = world.ended(_SMALL)
    job = world.view(job_id).job
    # Marked as deleted an hour ago, with all its objects kept.
    world.table.delete(job, now=utc_now() - timedelta(hours=1))
    world.invoke("reconcile", {"source": "aws.events"})
    assert job.id not in {due.id for due in world.table.due(utc_now() + timedelta(days=2))}
    for bucket in (world.cloud.uploads_bucket, world.cloud.results_bucket):
        assert not world.keys(bucket, job_id)


def an_execution_that_never_began_is_started(world: World) -> None:
    job_id, _ = world.presigned_upload()
    version = world.s3.put_object(Bucket=world.cloud.uploads_bucket, Key=f"elsewhere/{job_id}", Body=_SMALL)[
        "VersionId"
    ]
    stored = StoredInput(key=f"elsewhere/{job_id}", version_id=version, size=len(_SMALL))
    arn = f"{world.cloud.state_machine_arn.replace(':stateMachine:', ':execution:')}:{job_id}"
    earlier = utc_now() - timedelta(minutes=10)
    world.table.queue(world.view(job_id).job, stored_input=stored, execution_arn=arn, now=earlier)
    world.invoke("reconcile", {"source": "aws.events"})
    world.wait_for_files(job_id)
    assert world.member.status(job_id)["status"] == "completed"


def files_of_a_failed_job_are_requested(world: World) -> None:
    job_id, _ = world.presigned_upload()
    job = world.view(job_id).job
    world.table.fail(job, error_code="x", error_message="x", cancelled=False, now=utc_now())
    world.invoke("reconcile", {"source": "aws.events"})
    world.wait_for_files(job_id)


# Per function: the first action of each statement in order, and the flow that needs it.
NEEDED: dict[str, tuple[tuple[str, Flow], ...]] = {
    "api": (
        ("dynamodb:Query", a_file_is_scored),
        ("dynamodb:Query", jobs_are_listed),
        ("s3:PutObject", a_file_is_scored),
        ("s3:DeleteObjectVersion", a_job_is_deleted),
        ("s3:GetObject", a_file_is_scored),
        ("s3:DeleteObject", a_job_is_deleted),
        ("s3:ListBucket", a_job_is_deleted),
        ("states:DescribeExecution", a_running_job_is_cancelled),
        ("lambda:InvokeFunction", results_are_exported),
        ("secretsmanager:GetSecretValue", jobs_are_listed),
    ),
    "claims": (),
    "console": (),
    "export": (
        ("dynamodb:Query", results_are_exported),
        ("s3:GetObject", results_are_exported),
        ("s3:ListBucket", an_exported_file_is_gone),
        ("s3:PutObject", results_are_exported),
    ),
    "finalize": (
        ("dynamodb:Query", a_file_is_scored),
        ("s3:GetObjectVersion", a_running_job_is_cancelled),
        ("s3:ListBucketVersions", a_running_job_is_cancelled),
        ("s3:GetObject", a_file_is_scored),
        ("s3:PutObject", a_file_is_scored),
        ("s3:ListBucket", a_file_is_scored),
    ),
    "intake": (
        ("dynamodb:Query", a_file_is_scored),
        ("s3:DeleteObjectVersion", a_file_comes_for_a_cancelled_job),
        ("s3:GetObjectVersion", a_file_is_dropped),
        ("s3:ListBucket", a_dropped_file_is_gone),
        ("states:StartExecution", a_file_is_scored),
        ("s3:GetObject", a_file_is_scored),
        ("s3:ListBucket", a_file_event_is_late),
    ),
    "plan": (
        ("dynamodb:Query", a_file_is_scored),
        ("s3:GetObjectVersion", a_file_is_scored),
        ("s3:ListBucket", a_dropped_file_is_gone),
        ("s3:PutObject", a_file_is_scored),
    ),
    "publish": (
        ("dynamodb:Query", a_running_job_is_cancelled),
        ("events:PutEvents", a_file_is_scored),
    ),
    "reconcile": (
        ("dynamodb:Query", objects_of_a_deleted_job_are_removed),
        ("dynamodb:Query", objects_of_a_deleted_job_are_removed),
        ("s3:DeleteObjectVersion", objects_of_a_deleted_job_are_removed),
        ("s3:ListBucket", objects_of_a_deleted_job_are_removed),
        ("s3:DeleteObject", objects_of_a_deleted_job_are_removed),
        ("states:StartExecution", an_execution_that_never_began_is_started),
        ("states:DescribeExecution", an_execution_that_never_began_is_started),
        ("lambda:InvokeFunction", files_of_a_failed_job_are_requested),
    ),
    "retry": (
        ("dynamodb:Query", failed_rows_are_retried),
        ("s3:GetObject", failed_rows_are_retried),
        ("s3:ListBucket", failed_rows_are_retried),
        ("s3:PutObject", failed_rows_are_retried),
    ),
    "score": (
        ("dynamodb:Query", a_file_is_scored),
        ("s3:GetObjectVersion", a_file_is_scored),
        ("s3:ListBucket", the_input_of_a_late_chunk_is_gone),
        ("s3:GetObject", a_file_is_scored),
        ("s3:ListBucket", the_plan_of_a_late_chunk_is_gone),
        ("s3:PutObject", a_file_is_scored),
        ("states:DescribeExecution", a_hopeless_job_ends_early),
        ("lambda:InvokeFunction", a_hopeless_job_ends_early),
    ),
}


@pytest.fixture(scope="module")
def world(cloud: LocalCloud) -> Iterator[World]:
    session = cloud.session()
    with ExitStack() as stack:
        client: Any = session.client
        s3, iam, functions, logs, dynamodb = (
            stack.enter_context(closing(client(service, endpoint_url=cloud.endpoint_url)))
            for service in ("s3", "iam", "lambda", "logs", "dynamodb")
        )
        member = stack.enter_context(JobsClient(cloud.api_url, token=cloud.token("acme_member")))
        table = JobsTable(client=lambda: dynamodb, table=cloud.table)
        yield World(cloud=cloud, member=member, s3=s3, iam=iam, functions=functions, logs=logs, table=table)


def policy_of(world: World, function: str) -> tuple[str, str, list[dict[str, Any]]]:
    """Returns the function's role, the name of its policy and the statements of that policy."""
    role = world.described(function)["Role"].rpartition("/")[2]
    (name,) = world.iam.list_role_policies(RoleName=role)["PolicyNames"]
    statements = world.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    return role, name, statements


def first_action(statement: dict[str, Any]) -> str:
    action = statement["Action"]
    return str(action if isinstance(action, str) else action[0])


def enforced(function: str, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        statement
        for statement in statements
        if first_action(statement) not in NOT_ENFORCED and (function, first_action(statement)) not in BY_THE_POLLER
    ]


@contextmanager
def without(world: World, function: str, number: int) -> Iterator[None]:
    """Removes the enforced statement with this number from the function's role during the block."""
    role, name, statements = policy_of(world, function)
    left_out = enforced(function, statements)[number]
    rest = [statement for statement in statements if statement != left_out]
    try:
        _put(world, role, name, rest)
        yield
    finally:
        _put(world, role, name, statements)


def _put(world: World, role: str, name: str, statements: list[dict[str, Any]]) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    world.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def test_every_deployed_statement_has_a_flow_that_needs_it(world: World) -> None:
    deployed = {_folder(one) for one in world.functions.list_functions()["Functions"]}
    found = {function: [*map(first_action, enforced(function, policy_of(world, function)[2]))] for function in deployed}
    assert found == {function: [action for action, _ in needed] for function, needed in NEEDED.items()}
    actions = {first_action(one) for function in deployed for one in policy_of(world, function)[2]}
    assert NOT_ENFORCED.keys() <= actions
    assert not any(action.startswith(tuple(NOT_DEPLOYED)) for action in actions)


@pytest.mark.parametrize(
    ("function", "number"),
    [(function, number) for function, needed in NEEDED.items() for number in range(len(needed))],
    ids=str,
)
def test_flow_is_denied_without_the_statement_it_needs(world: World, function: str, number: int) -> None:
    _, flow = NEEDED[function][number]
    world.function = function
    with without(world, function, number):
        world.began_at = time.time()
        # The flow may fail in any way; the test checks that a call was denied.
        with suppress(DeniedError, ClientError, RuntimeError, AssertionError, httpx.HTTPError):
            flow(world)
        with pytest.raises(DeniedError):
            world.until(lambda: False, "no call was denied")


@pytest.mark.parametrize(
    "flow", sorted({flow for needed in NEEDED.values() for _, flow in needed}, key=str), ids=lambda flow: flow.__name__
)
def test_no_flow_is_denied_with_all_statements(world: World, flow: Flow) -> None:
    world.began_at = time.time()
    world.function = next(function for function, needed in NEEDED.items() if flow in {one for _, one in needed})
    flow(world)
    for world.function in NEEDED:
        world.look_for_denials()
