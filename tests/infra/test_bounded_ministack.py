"""Patches that make the local cloud behave like AWS."""

import asyncio
import importlib.metadata
import time
from typing import Any

import pytest
from ministack.services import apigateway, dynamodb, lambda_svc, s3, stepfunctions

from infra.local import bounded_ministack
from infra.local.bounded_ministack import _in_turn, _unless_stopped, _with_folders


def test_patches_match_the_installed_version_of_ministack() -> None:
    assert importlib.metadata.version("ministack") == bounded_ministack.MINISTACK_VERSION


@pytest.mark.parametrize(("reserved", "is_refused"), [(None, False), (1, False), (0, True)])
def test_invocation_without_reserved_concurrency_is_throttled(
    monkeypatch: pytest.MonkeyPatch, reserved: int | None, *, is_refused: bool
) -> None:
    record: tuple[dict[str, Any], dict[str, Any], str] = ({"concurrency": reserved}, {}, "score")
    monkeypatch.setattr(lambda_svc, "_get_func_record_for_ref", lambda _function: record)
    started: list[str] = []
    call = _in_turn(lambda function, _event: started.append(function))
    if is_refused:
        # The error that the workflow retries longest.
        with pytest.raises(stepfunctions._ExecutionError, match=r"Lambda\.TooManyRequestsException"):
            call("score", {})
    else:
        call("score", {})
    assert started == [] if is_refused else ["score"]


@pytest.mark.parametrize(("status", "ran"), [("RUNNING", ["Score"]), ("ABORTED", [])])
def test_map_of_a_stopped_execution_starts_no_further_item(
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
def test_greedy_route_matches_its_folder_too(route: str, path: str, *, is_matched: bool) -> None:
    assert _with_folders(apigateway._path_matches)(route, path) == is_matched


def test_stack_with_many_resources_is_described_in_part() -> None:
    def describe(count: int) -> tuple[int, Any, bytes]:
        members = "".join(f"<member><Id>{number}</Id></member>" for number in range(count))
        return 200, {}, f"<All>{members}</All>".encode()

    for resources, described in ((3, 3), (100, 100), (140, 100)):
        _, _, body = bounded_ministack._at_most_100(describe)(resources)
        assert body.count(b"<member>") == body.count(b"</member>") == described
        assert body.startswith(b"<All>")
        assert body.endswith(b"</All>")


def test_archive_of_a_bus_is_created_again_after_it_was_deleted() -> None:
    source = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    properties = {"SourceArn": source, "EventPattern": {"source": ["default-risk.jobs"]}}
    for _ in range(2):
        name, attributes = bounded_ministack._create_archive("Archive", properties, "stack")
        assert attributes["Arn"].endswith(f":archive/{name}")
        bounded_ministack._delete_archive(name, properties)


@pytest.mark.parametrize(
    ("method", "query", "may", "status"),
    [
        ("GET", {}, {"s3:ListBucket"}, 404),
        ("HEAD", {}, set(), 403),
        ("GET", {}, set(), 403),
        ("GET", {"versionId": ["1"]}, {"s3:ListBucket"}, 403),
        ("GET", {"versionId": ["1"]}, {"s3:ListBucket", "s3:ListBucketVersions"}, 404),
        ("PUT", {}, set(), 404),
    ],
)
def test_missing_object_is_hidden_from_who_may_not_list_it(
    method: str, query: dict[str, list[str]], may: set[str], status: int
) -> None:
    async def missing(*_: Any) -> tuple[int, Any, bytes]:
        return 404, {}, b"NoSuchKey"

    def enforce(_service: str, action: str, *_: Any, **options: Any) -> tuple[int, Any, bytes] | None:
        assert options == {"resource_arn": "arn:aws:s3:::files", "service_context": {"s3:prefix": "work/a"}}
        return None if action in may else (403, {}, b"AccessDenied")

    handle = bounded_ministack._hiding_missing_objects(missing, enforce)
    found = asyncio.run(handle(method, "/files/work/a", {"host": "localhost"}, b"", query))
    assert found[0] == status
    assert not (method == "HEAD" and found[2])


def test_object_versions_keep_no_bytes_in_memory() -> None:
    record = {"last_modified": "2026-01-01T00:00:00.000Z", "etag": '"e"', "size": 3}
    entry_of = s3._version_entry_from_record
    assert entry_of(record, "v1", b"abc")["data"] == b"abc"
    assert bounded_ministack._without_data(entry_of)(record, "v1", b"abc") == entry_of(record, "v1", None)


def test_stream_records_are_dropped_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "_stream_records", {"jobs": [_changed(900), _changed(300)]})
    monkeypatch.setattr(dynamodb, "_stream_trimmed", {})
    assert len(dynamodb.stream_live_records("jobs")) == 2
    monkeypatch.setattr(dynamodb, "_STREAM_RETENTION_SECONDS", bounded_ministack._STREAM_RETENTION_SECONDS)
    assert len(dynamodb.stream_live_records("jobs")) == 1


def _changed(seconds_ago: float) -> dict[str, Any]:
    return {"dynamodb": {"ApproximateCreationDateTime": time.time() - seconds_ago}}
