"""Which changes of status there are: every pair, written out."""

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
def test_only_these_changes_are_allowed(source: JobStatus, target: JobStatus) -> None:
    assert (target in TRANSITIONS[source]) is ((source, target) in ALLOWED)
    assert (source in sources_of(target)) is ((source, target) in ALLOWED)


def test_nothing_leaves_a_terminal_status() -> None:
    assert [status for status in JobStatus if status.is_terminal] == [COMPLETED, FAILED]
    assert not TRANSITIONS[COMPLETED]
    assert not TRANSITIONS[FAILED]


def test_every_live_job_can_be_ended() -> None:
    assert {PENDING, QUEUED, PROCESSING} == LIVE
    assert sources_of(FAILED) == LIVE


def test_everything_but_a_processing_job_can_be_deleted() -> None:
    assert {PENDING, QUEUED, COMPLETED, FAILED} == DELETABLE


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[COMPLETED] = frozenset({PENDING})  # type: ignore[index]
