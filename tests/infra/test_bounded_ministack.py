"""Where the local cloud is made to do as AWS does."""

from typing import Any

import pytest
from ministack.services import apigateway, lambda_svc, stepfunctions

from infra.local.bounded_ministack import _in_turn, _unless_stopped, _with_folders


@pytest.mark.parametrize(("reserved", "is_refused"), [(None, False), (1, False), (0, True)])
def test_a_function_without_concurrency_is_refused_as_one_that_is_busy(
    monkeypatch: pytest.MonkeyPatch, reserved: int | None, *, is_refused: bool
) -> None:
    record: tuple[dict[str, Any], dict[str, Any], str] = ({"concurrency": reserved}, {}, "score")
    monkeypatch.setattr(lambda_svc, "_get_func_record_for_ref", lambda _function: record)
    started: list[str] = []
    call = _in_turn(lambda function, _event: started.append(function))
    if is_refused:
        # What the workflow tries again for longest.
        with pytest.raises(stepfunctions._ExecutionError, match=r"Lambda\.TooManyRequestsException"):
            call("score", {})
    else:
        call("score", {})
    assert started == [] if is_refused else ["score"]


@pytest.mark.parametrize(("status", "ran"), [("RUNNING", ["Score"]), ("ABORTED", [])])
def test_a_map_begins_no_item_once_its_execution_was_stopped(
    monkeypatch: pytest.MonkeyPatch, status: str, ran: list[str]
) -> None:
    monkeypatch.setattr(stepfunctions, "_map_runs", {"map": {"executionArn": "job"}})
    monkeypatch.setattr(stepfunctions, "_executions", {"job": {"status": status}})
    begun: list[Any] = []
    run = _unless_stopped(lambda _states, start_at, *_: begun.append(start_at))
    if ran:
        run({}, "Score", {}, {"mapRunArn": "map"}, {})
    else:
        with pytest.raises(stepfunctions._ExecutionError, match=r"States\.Aborted"):
            run({}, "Score", {}, {"mapRunArn": "map"}, {})
    assert begun == ran


@pytest.mark.parametrize(
    ("route", "path", "is_matched"),
    [
        ("/console/{proxy+}", "/console/", True),
        ("/console/{proxy+}", "/console/a/b", True),
        ("/console/{proxy+}", "/console", False),
        ("/console/{proxy+}", "/other/", False),
        ("/jobs/{id}", "/jobs/", False),
        ("/{proxy+}", "/", False),
    ],
)
def test_a_greedy_route_takes_its_folder_too(route: str, path: str, *, is_matched: bool) -> None:
    assert _with_folders(apigateway._path_matches)(route, path) == is_matched
