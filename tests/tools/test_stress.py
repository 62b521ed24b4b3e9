"""Reports of the stress test for violated invariants."""

import os
from typing import Any

import pytest

from infra.local.emulator import TASKS_AT_ONCE
from tests.tools.stress import processes
from tests.tools.stress.__main__ import MOST_LEFT, check_bound
from tests.tools.stress.loads import CheckFailedError, Watched, small_files
from tests.tools.stress.processes import Memory


def seen(**changes: Any) -> Any:
    job = {
        "id": "1",
        "original_filename": "a.csv",
        "status": "processing",
        "total_rows": 10,
        "processed_rows": 5,
        "successful_rows": 4,
        "failed_rows": 1,
        "progress_percentage": 50.0,
    }
    return {**job, **changes}


@pytest.mark.parametrize(
    "then",
    [
        {"processed_rows": 4, "successful_rows": 3, "progress_percentage": 40.0},
        {"total_rows": 9},
        {"processed_rows": 6},
        {"processed_rows": 11, "successful_rows": 10, "progress_percentage": 99.9},
        {"processed_rows": 10, "successful_rows": 9, "progress_percentage": 100.0},
    ],
    ids=["a number goes down", "rows vanish", "counts do not add up", "too many rows", "all of it and not ended"],
)
def test_number_that_breaks_an_invariant_is_reported(then: dict[str, Any]) -> None:
    watched = Watched()
    watched.see(seen())
    with pytest.raises(CheckFailedError):
        watched.see(seen(**then))


def test_changed_end_is_reported_and_an_unchanged_one_counted_once() -> None:
    watched = Watched()
    for _ in range(2):
        watched.see(seen(status="failed"))
    assert watched.ended == 1
    with pytest.raises(CheckFailedError):
        watched.see(seen(status="completed"))


def test_all_stress_files_differ() -> None:
    files = small_files(40, prefix="x")
    assert len(set(files.values())) == len({file.filename for file in files}) == 40


def test_process_that_ends_during_the_measurement_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_folder: object) -> tuple[int, int]:
        raise ProcessLookupError

    monkeypatch.setattr(processes, "_sizes", gone)
    Memory().add(processes.processes_of(os.getsid(0)))


def test_memory_has_the_peak_of_the_largest_process_and_of_all() -> None:
    memory = Memory()
    memory.add({"plan": [(10, 30), (20, 20)], "api": [(5, 5)]})
    memory.add({"plan": [(15, 30)]})
    assert (memory.largest, memory.at_once, memory.together) == ({"plan": 30, "api": 5}, {"plan": 2, "api": 1}, 35)
    assert memory.last == {"plan": 15}


@pytest.mark.parametrize(
    ("memory", "sentence"),
    [
        (Memory(at_once={"score": TASKS_AT_ONCE + 1}), "processes of score at once"),
        (Memory(last={processes.EMULATOR: MOST_LEFT + 2**20}), "513 MiB in the local cloud at the end"),
    ],
)
def test_processes_and_memory_above_their_limits_are_reported(memory: Memory, sentence: str) -> None:
    with pytest.raises(CheckFailedError, match=sentence):
        check_bound(memory)


def test_processes_and_memory_within_their_limits_are_not_reported() -> None:
    check_bound(Memory(at_once={"score": TASKS_AT_ONCE}, last={processes.EMULATOR: MOST_LEFT}))
