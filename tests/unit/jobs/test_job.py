"""The allowed changes of status, written out for every pair."""

from itertools import product

import pytest

from shared.jobs.job import DELETABLE, LIVE, TRANSITIONS, JobStatus, sources_of

PENDING, QUEUED, PROCESSING, COMPLETED, FAILED = JobStatus
ALLOWED = {
    (PENDING, QUEUED),
    (PENDING, FAILED),
    (QUEUED, PROCESSING),
    (QUEUED, FAILED),
    (PROCESSING, COMPLETED),
    (PROCESSING, FAILED),
}


@pytest.mark.parametrize(("source", "target"), [*product(JobStatus, JobStatus)])
def test_only_listed_changes_of_status_are_allowed(source: JobStatus, target: JobStatus) -> None:
    assert (target in TRANSITIONS[source]) is ((source, target) in ALLOWED)
    assert (source in sources_of(target)) is ((source, target) in ALLOWED)


def test_terminal_status_never_changes() -> None:
    assert [status for status in JobStatus if status.is_terminal] == [COMPLETED, FAILED]
    assert not TRANSITIONS[COMPLETED]
    assert not TRANSITIONS[FAILED]


def test_every_live_job_can_fail() -> None:
    assert {PENDING, QUEUED, PROCESSING} == LIVE
    assert sources_of(FAILED) == LIVE


def test_job_can_be_deleted_unless_it_is_processing() -> None:
    assert {PENDING, QUEUED, COMPLETED, FAILED} == DELETABLE


def test_table_of_transitions_is_read_only() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[COMPLETED] = frozenset({PENDING})  # type: ignore[index]
