"""Loses the request or response of every AWS call of every function, then redelivers events as AWS does.

`make soak` injects every fault alone, with more kinds of faults, and samples pairs.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from functions.api.app import described_app
from shared.jobs.representations import API_ROOT
from tests.faults.fault_injection import Fault
from tests.faults.fault_runs import LOSSES, CleanRuns, Loss, by_place, every_loss, run
from tests.faults.naive_variants import commit_before_parts, end_without_closed_shards, plain_counter
from tests.faults.scenarios import (
    a_file_is_uploaded_scored_read_and_deleted,
    a_job_is_cancelled_while_chunks_are_late,
)
from tests.faults.simulated_platform import Platform
from tests.synthesized import template

Naive = Callable[[], AbstractContextManager[None]]
Record = Callable[[str, object], None]


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
def test_scenarios_make_every_function_call_aws(calls: CleanRuns) -> None:
    with_client = {
        str(function["Handler"]).split(".")[1]
        for function in template().resources("AWS::Lambda::Function").values()
        if "Layers" in function
    }
    assert {call.place.function for _, made in calls for call in made} == with_client


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
@pytest.mark.usefixtures("calls")
def test_scenarios_request_every_route(platform: Platform) -> None:
    paths = described_app().openapi()["paths"]
    routes = {(method.upper(), path) for path in paths if path.startswith(API_ROOT) for method in paths[path]}
    assert {
        route for route in routes if not any(_matches(requested, route) for requested in platform.requested)
    } == set()


def _matches(requested: tuple[str, str], route: tuple[str, str]) -> bool:
    pattern = re.sub(r"\\{.*?\\}", "[0-9a-f-]{36}", re.escape(route[1]))
    return requested[0] == route[0] and re.fullmatch(pattern, requested[1]) is not None


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
def test_no_lost_call_violates_an_invariant(platform: Platform, calls: CleanRuns, record_property: Record) -> None:
    known: set[Loss] = set()
    for scenario, made in calls:
        for result in every_loss(platform, scenario, made, LOSSES, known):
            assert not result.broken, (
                scenario.__name__,
                result.broken,
                [(call.place, fault) for call, fault in result.injected],
            )
    wanted = {call.line for _, made in calls for call in made}
    assert wanted <= {line for line, _ in known}
    record_property("injected", len(known))


@pytest.mark.hazard("A write whose response is lost and that botocore repeats")
def test_no_write_repeated_by_botocore_violates_an_invariant(
    platform: Platform, calls: CleanRuns, record_property: Record
) -> None:
    known: set[Loss] = set()
    for scenario, made in calls:
        for result in every_loss(platform, scenario, made, [Fault.REPEATED], known):
            assert not result.broken, (scenario.__name__, result.broken, [call.place for call, _ in result.injected])
    created = {operation for (function, operation, _), _ in known if function == "api"}
    # With and without the file's SHA-256, and with an idempotency key.
    assert {"TransactWriteItems", "PutItem"} <= created
    record_property("injected", len(known))


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
@pytest.mark.parametrize("naive", [plain_counter, commit_before_parts])
def test_naive_chunk_commit_violates_an_invariant(platform: Platform, naive: Naive, record_property: Record) -> None:
    scenario = a_file_is_uploaded_scored_read_and_deleted
    with naive():
        clean = run(platform, scenario, by_place({}))
        assert clean.broken == [], "without faults it looks correct"
        scored = [call for call in clean.calls if call.place.function == "score"]
        runs = list(every_loss(platform, scenario, scored, LOSSES, set()))
    broken = sum(bool(result.broken) for result in runs)
    assert broken
    record_property("injected", sum(len(result.injected) for result in runs))
    record_property("naive_broken", broken)
    record_property("naive_runs", len(runs))


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
def test_end_without_closed_shards_violates_an_invariant(platform: Platform, record_property: Record) -> None:
    with end_without_closed_shards():
        broken = run(platform, a_job_is_cancelled_while_chunks_are_late, by_place({})).broken
    assert any("after the end" in promise for promise in broken), broken
    # The late chunks are the injected fault.
    record_property("injected", 1)
    record_property("naive_broken", 1)
    record_property("naive_runs", 1)
