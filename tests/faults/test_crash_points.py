"""Every AWS call of every function lost on its way there or back, then everything delivered again as AWS does.

`make soak` puts every fault in alone, in more ways, and samples pairs.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from functions.api.app import described_app
from shared.jobs.representations import API_ROOT
from tests.faults.faults import Fate
from tests.faults.naive import a_plain_counter, an_end_without_closing, the_count_before_the_parts
from tests.faults.platform import Platform
from tests.faults.scenarios import (
    a_file_is_uploaded_scored_read_and_deleted,
    a_job_is_cancelled_while_chunks_are_late,
)
from tests.faults.schedules import TOLD, CleanRuns, Loss, by_place, every_loss, run
from tests.synthesised import template

Naive = Callable[[], AbstractContextManager[None]]
Record = Callable[[str, object], None]


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
def test_every_function_that_can_call_aws_does_so_in_a_scenario(calls: CleanRuns) -> None:
    with_client = {
        str(function["Handler"]).split(".")[1]
        for function in template().resources("AWS::Lambda::Function").values()
        if "Layers" in function
    }
    assert {call.place.function for _, made in calls for call in made} == with_client


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
@pytest.mark.usefixtures("calls")
def test_every_route_is_asked_in_a_scenario(platform: Platform) -> None:
    paths = described_app().openapi()["paths"]
    routes = {(method.upper(), path) for path in paths if path.startswith(API_ROOT) for method in paths[path]}
    assert {route for route in routes if not any(_is_of(asked, route) for asked in platform.asked)} == set()


def _is_of(asked: tuple[str, str], route: tuple[str, str]) -> bool:
    pattern = re.sub(r"\\{.*?\\}", "[0-9a-f-]{36}", re.escape(route[1]))
    return asked[0] == route[0] and re.fullmatch(pattern, asked[1]) is not None


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
def test_no_lost_call_breaks_a_promise(platform: Platform, calls: CleanRuns, record_property: Record) -> None:
    known: set[Loss] = set()
    for scenario, made in calls:
        for met in every_loss(platform, scenario, made, TOLD, known):
            assert not met.broken, (scenario.__name__, met.broken, [(call.place, fate) for call, fate in met.injected])
    wanted = {call.line for _, made in calls for call in made}
    assert wanted <= {line for line, _ in known}
    record_property("injected", len(known))


@pytest.mark.hazard("A write whose response is lost and that botocore repeats")
def test_no_write_that_botocore_repeats_breaks_a_promise(
    platform: Platform, calls: CleanRuns, record_property: Record
) -> None:
    known: set[Loss] = set()
    for scenario, made in calls:
        for met in every_loss(platform, scenario, made, [Fate.ASKED_AGAIN], known):
            assert not met.broken, (scenario.__name__, met.broken, [call.place for call, _ in met.injected])
    created = {operation for (function, operation, _), _ in known if function == "api"}
    # With the SHA-256 of the file, without it, and under a key of the caller's.
    assert {"TransactWriteItems", "PutItem"} <= created
    record_property("injected", len(known))


@pytest.mark.hazard("A crash before or after any AWS call of any function, then redelivery")
@pytest.mark.parametrize("naive", [a_plain_counter, the_count_before_the_parts])
def test_a_simpler_count_is_found_out(platform: Platform, naive: Naive, record_property: Record) -> None:
    scenario = a_file_is_uploaded_scored_read_and_deleted
    with naive():
        clean = run(platform, scenario, by_place({}))
        assert clean.broken == [], "without faults it looks right"
        scored = [call for call in clean.calls if call.place.function == "score"]
        runs = list(every_loss(platform, scenario, scored, TOLD, set()))
    broken = sum(bool(met.broken) for met in runs)
    assert broken
    record_property("injected", sum(len(met.injected) for met in runs))
    record_property("naive_broken", broken)
    record_property("naive_runs", len(runs))


@pytest.mark.hazard("A cancel that races with the last chunk and with finalize")
def test_an_end_that_leaves_the_ledger_open_is_found_out(platform: Platform, record_property: Record) -> None:
    with an_end_without_closing():
        broken = run(platform, a_job_is_cancelled_while_chunks_are_late, by_place({})).broken
    assert any("after the end" in promise for promise in broken), broken
    # Its late chunks are what is put in.
    record_property("injected", 1)
    record_property("naive_broken", 1)
    record_property("naive_runs", 1)
