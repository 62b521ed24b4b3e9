"""MiniStack with patches for limits of AWS that it lacks, and for its use of memory.

- MiniStack starts a process for every task at once, so a few hundred jobs would be as many Python processes. A
  semaphore limits the concurrent tasks, as the concurrency of an account does on AWS.
- A function with a reserved concurrency of 0 is throttled, and the map of a stopped execution starts no further item.
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
  https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
- With `S3_PERSIST`, which `infra.local.emulator` sets, MiniStack keeps objects on disk, but older versions in memory,
  and the records of a table's stream for a day. The patches keep versions on disk and stream records for ten minutes.
- A route such as `/console/{proxy+}` matches `/console/` too. https://github.com/storacha/w3infra/pull/166
"""

import threading
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ministack import app
from ministack.services import apigateway, dynamodb, lambda_svc, s3, stepfunctions

from infra.local.emulator import TASKS_AT_ONCE
from infra.local.process_group import end_with_parent

# The patched functions are private, so check the patches before changing the version.
MINISTACK_VERSION = "1.5.33"

_STREAM_RETENTION_SECONDS = 600


def main() -> None:
    """Runs MiniStack until it receives a signal or the parent process ends."""
    end_with_parent()
    # MiniStack has no settings for these.
    stepfunctions._call_lambda = _in_turn(stepfunctions._call_lambda)  # noqa: SLF001
    stepfunctions._run_sub_machine = _unless_stopped(stepfunctions._run_sub_machine)  # noqa: SLF001
    apigateway._path_matches = _with_folders(apigateway._path_matches)  # noqa: SLF001
    s3._version_entry_from_record = _without_data(s3._version_entry_from_record)  # noqa: SLF001
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


def _failure(error: str, cause: str) -> Exception:
    failure: Exception = stepfunctions._ExecutionError(error, cause)  # noqa: SLF001
    return failure


if __name__ == "__main__":
    main()
