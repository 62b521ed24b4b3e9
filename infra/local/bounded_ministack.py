"""MiniStack with patches for limits of AWS that it lacks, and for its use of memory.

- MiniStack starts a process for every task at once, so a few hundred jobs would be as many Python processes. A
  semaphore limits the concurrent tasks, as the concurrency of an account does on AWS.
- A function with a reserved concurrency of 0 is throttled, and the map of a stopped execution starts no further item.
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
  https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
- With `S3_PERSIST`, which `infra.local.emulator` sets, MiniStack keeps objects on disk, but older versions in memory,
  and the records of a table's stream for a day. The patches keep versions on disk and stream records for ten minutes.
- A missing object is 403 for a role that may not list it, and DescribeStackResources returns 100 resources at most.
  https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
  https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
- CloudFormation creates archives of event buses, so that the templates for AWS can be created here.
- A route such as `/console/{proxy+}` matches `/console/` too. https://github.com/storacha/w3infra/pull/166
"""

import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from ministack import app
from ministack.services import apigateway, dynamodb, eventbridge, lambda_svc, s3, stepfunctions
from ministack.services.cloudformation import handlers, provisioners

from infra.local.emulator import TASKS_AT_ONCE
from infra.local.process_group import end_with_parent

# The patched functions are private, so check the patches before changing the version.
MINISTACK_VERSION = "1.5.33"

_STREAM_RETENTION_SECONDS = 600
_DESCRIBED_RESOURCES = 100

# Status, headers, body.
Response = tuple[int, Any, Any]


def main() -> None:
    """Runs MiniStack until it receives a signal or the parent process ends."""
    end_with_parent()
    # MiniStack has no settings for these.
    stepfunctions._call_lambda = _in_turn(stepfunctions._call_lambda)  # noqa: SLF001
    stepfunctions._run_sub_machine = _unless_stopped(stepfunctions._run_sub_machine)  # noqa: SLF001
    apigateway._path_matches = _with_folders(apigateway._path_matches)  # noqa: SLF001
    s3._version_entry_from_record = _without_data(s3._version_entry_from_record)  # noqa: SLF001
    s3.handle_request = _hiding_missing_objects(s3.handle_request, app._enforce_data_plane)  # noqa: SLF001
    handlers._ACTION_HANDLERS["DescribeStackResources"] = _at_most_100(handlers._describe_stack_resources)  # noqa: SLF001
    provisioners._RESOURCE_HANDLERS["AWS::Events::Archive"] = ARCHIVES  # noqa: SLF001
    dynamodb._STREAM_RETENTION_SECONDS = _STREAM_RETENTION_SECONDS  # noqa: SLF001
    app.main()


def _in_turn(call: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    turns = threading.BoundedSemaphore(TASKS_AT_ONCE)

    @wraps(call)
    def called(function: str, event: Any) -> Any:
        record, _, _ = lambda_svc._get_func_record_for_ref(function)  # noqa: SLF001
        if record is not None and record.get("concurrency") == 0:
            raise _failure("Lambda.TooManyRequestsException", "Rate Exceeded.")
        with turns:
            return call(function, event)

    return called


def _unless_stopped(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def ran(states: Any, start_at: str, given: Any, execution: Mapping[str, Any], context: Any) -> Any:
        map_run = stepfunctions._map_runs.get(execution.get("mapRunArn"))  # noqa: SLF001
        if map_run is not None and stepfunctions._executions[map_run["executionArn"]]["status"] == "ABORTED":  # noqa: SLF001
            raise _failure("States.Aborted", "The execution was stopped.")
        return run(states, start_at, given, execution, context)

    return ran


def _with_folders(matches: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    @wraps(matches)
    def matched(route: str, path: str) -> bool:
        folder, _, variable = route.rpartition("{")
        return matches(route, path) or (variable.endswith("+}") and path == folder != "/")

    return matched


def _without_data(entry_of: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @wraps(entry_of)
    def entry(record: Any, version_id: str, _data: bytes) -> dict[str, Any]:
        # Without data in the entry, MiniStack reads the version from disk.
        return entry_of(record, version_id, None)

    return entry


def _hiding_missing_objects(
    handle: Callable[..., Coroutine[Any, Any, Response]], enforce: Callable[..., Response | None]
) -> Callable[..., Coroutine[Any, Any, Response]]:
    @wraps(handle)
    async def handled(
        method: str, path: str, headers: Any, body: bytes, query: Mapping[str, Any], *rest: Any, **options: Any
    ) -> Response:
        response = await handle(method, path, headers, body, query, *rest, **options)
        bucket, key = s3._parse_bucket_key(path, headers)  # noqa: SLF001
        if response[0] != HTTPStatus.NOT_FOUND or method not in {"GET", "HEAD"} or not key:
            return response
        actions = ["s3:ListBucket", *(["s3:ListBucketVersions"] if "versionId" in query else [])]
        for action in actions:
            # S3 takes the key as the prefix of the listing.
            context = {"s3:prefix": key}
            refusal = enforce(
                "s3", action, headers, query, "", resource_arn=f"arn:aws:s3:::{bucket}", service_context=context
            )
            if refusal is not None:
                return refusal if method == "GET" else (refusal[0], refusal[1], b"")
        return response

    return handled


def _at_most_100(describe: Callable[[Any], Response]) -> Callable[[Any], Response]:
    @wraps(describe)
    def described(parameters: Any) -> Response:
        status, headers, body = describe(parameters)
        text = body.decode() if isinstance(body, bytes) else body
        start, *members = text.split("<member>")
        if len(members) <= _DESCRIBED_RESOURCES:
            return status, headers, body
        _, _, rest = members[-1].partition("</member>")
        kept = "".join(f"<member>{member}" for member in members[:_DESCRIBED_RESOURCES])
        shortened = f"{start}{kept}{rest}"
        return status, headers, shortened.encode() if isinstance(body, bytes) else shortened

    return described


def _create_archive(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    name = f"{stack_name[:24]}-{logical_id[-23:]}"  # 48 characters at most
    pattern = json.dumps(properties["EventPattern"])
    status, _, body = eventbridge._create_archive(  # noqa: SLF001
        {"ArchiveName": name, "EventSourceArn": properties["SourceArn"], "EventPattern": pattern}
    )
    if status != HTTPStatus.OK:
        raise ValueError(body)
    return name, {"ArchiveName": name, "Arn": eventbridge._archives[name]["ArchiveArn"]}  # noqa: SLF001


def _delete_archive(name: str, _properties: Mapping[str, Any]) -> None:
    eventbridge._delete_archive({"ArchiveName": name})  # noqa: SLF001


ARCHIVES = {"create": _create_archive, "delete": _delete_archive}


def _failure(error: str, cause: str) -> Exception:
    failure: Exception = stepfunctions._ExecutionError(error, cause)  # noqa: SLF001
    return failure


if __name__ == "__main__":
    main()
