"""Retry jobs of failed and unprocessed rows: when they are allowed, who may manage them and what they inherit."""

from dataclasses import replace

import pytest

from shared.jobs.access import may_manage
from shared.jobs.errors import NothingToRetryError, ResultsNotReadyError, RetryLimitError, UnavailableError
from shared.jobs.job import Job, JobStatus, Outcome, Phase, Source, UploadOptions
from shared.jobs.progress import JobView, Progress
from shared.jobs.retries import MAX_GENERATIONS, RETRIED_OUTCOMES, RetryService
from shared.vocabulary import DecimalConvention
from tests.builders import (
    NOON,
    a_caller,
    a_completed_job,
    a_job,
    a_processing_job,
    a_retry,
    a_shard,
    a_super_admin,
    a_view,
)
from tests.fakes import FakeJobStore, FakePreparer, SettableClock

BOTH = frozenset(RETRIED_OUTCOMES)


@pytest.fixture
def retries(store: FakeJobStore, preparer: FakePreparer, clock: SettableClock) -> RetryService:
    return RetryService(store=store, request_retry_file=preparer, clock=clock)


def a_cancelled_job(**overrides: object) -> Job:
    """Returns a job of ten rows, of which three were scored and one was invalid before the end."""
    ended = {
        "status": JobStatus.FAILED,
        "completed_at": NOON,
        "cancelled_at": NOON,
        "error_message": "Job cancelled by user",
    }
    return a_processing_job(**{**ended, **overrides})


def half_done(job: Job) -> JobView:
    return a_view(job, Progress((a_shard(done=frozenset({0}), successful_rows=3, failed_rows=1, closed=True),)))


def test_retry_is_a_pending_job_like_its_parent(
    retries: RetryService, store: FakeJobStore, preparer: FakePreparer
) -> None:
    options = UploadOptions(validate_only=True, max_failed_percent=5.0, encoding="cp1252", labels={"team": "risk"})
    parent = a_completed_job(options=options, original_filename="figures.xlsx")
    store.add(parent)
    before = store.get(parent.id)
    child = retries.retry(a_caller(user_id="user-2", username="joe"), a_view(parent), BOTH)

    view = store.get(child.id)
    assert view is not None
    assert view.job == child
    assert (child.status, child.phase, child.source) == (JobStatus.PENDING, Phase.AWAITING_UPLOAD, Source.RETRY)
    assert (child.parent_job_id, child.job_type) == (parent.id, parent.job_type)
    # The rows are written as CSV in UTF-8, whatever the format of the input.
    assert (child.options, child.original_filename) == (replace(options, encoding=None), "figures.csv")
    assert (child.organization_id, child.user_id, child.created_by) == (parent.organization_id, "user-2", "joe")
    assert child.retry == a_retry()
    assert preparer.requested == [child.id]
    assert store.get(parent.id) == before


def test_retry_has_the_decimal_convention_of_its_parent(retries: RetryService, store: FakeJobStore) -> None:
    decimal = DecimalConvention(sign=",", ambiguous=".,")
    parent = a_completed_job(decimal=decimal)
    store.add(parent)
    child = retries.retry(a_caller(), a_view(parent), BOTH)
    assert child.retry == a_retry(decimal=decimal)


def test_input_whose_rows_were_never_counted_is_retried_unchanged(retries: RetryService) -> None:
    options = UploadOptions(encoding="cp1252")
    parent = a_cancelled_job(total_rows=None, shard_count=0, options=options, original_filename="figures.xlsx")
    child = retries.retry(a_caller(), a_view(parent), BOTH)
    assert child.retry == a_retry(is_whole_input=True, has_source_row=False)
    assert (child.options, child.original_filename) == (options, "figures.xlsx")
    grandchild = retries.retry(
        a_caller(), a_view(a_cancelled_job(total_rows=None, shard_count=0, retry=a_retry(generation=3))), BOTH
    )
    assert grandchild.retry == a_retry(generation=4, is_whole_input=True, has_source_row=True)


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.QUEUED, JobStatus.PROCESSING])
def test_live_job_cannot_be_retried(retries: RetryService, store: FakeJobStore, status: JobStatus) -> None:
    with pytest.raises(ResultsNotReadyError, match=status):
        retries.retry(a_caller(), a_view(a_job(status=status)), BOTH)
    assert store.unsettled() == []


def test_completed_job_has_failed_but_no_unprocessed_rows_to_retry(retries: RetryService) -> None:
    parent = a_view(a_completed_job())
    for wanted in (frozenset({Outcome.FAILED}), BOTH):
        assert retries.retry(a_caller(), parent, wanted).retry == a_retry(outcomes=wanted)
    with pytest.raises(NothingToRetryError, match="no unprocessed rows"):
        retries.retry(a_caller(), parent, frozenset({Outcome.UNPROCESSED}))


def test_job_without_failed_rows_has_nothing_to_retry(retries: RetryService) -> None:
    parent = a_completed_job(final_successful_rows=10, final_failed_rows=0)
    with pytest.raises(NothingToRetryError, match="no failed or unprocessed rows"):
        retries.retry(a_caller(), a_view(parent), BOTH)


@pytest.mark.parametrize("wanted", [{Outcome.FAILED}, {Outcome.UNPROCESSED}])
def test_cancelled_job_can_be_retried_before_its_files_are_assembled(
    retries: RetryService, wanted: set[Outcome]
) -> None:
    assert retries.retry(a_caller(), half_done(a_cancelled_job()), frozenset(wanted)).retry is not None


def test_rows_that_were_never_counted_are_unprocessed_and_not_failed(retries: RetryService) -> None:
    with pytest.raises(NothingToRetryError, match="no failed rows"):
        retries.retry(a_caller(), a_view(a_cancelled_job(total_rows=None, shard_count=0)), frozenset({Outcome.FAILED}))


def test_job_whose_file_never_arrived_has_nothing_to_retry(retries: RetryService) -> None:
    parent = a_cancelled_job(total_rows=None, shard_count=0, stored_input=None)
    with pytest.raises(NothingToRetryError, match="before its file arrived"):
        retries.retry(a_caller(), a_view(parent), BOTH)


def test_number_of_successive_retries_is_limited(retries: RetryService) -> None:
    last = retries.retry(a_caller(), a_view(a_completed_job(retry=a_retry(generation=MAX_GENERATIONS - 1))), BOTH)
    assert last.retry == a_retry(generation=MAX_GENERATIONS)
    with pytest.raises(RetryLimitError, match="10th retry"):
        retries.retry(a_caller(), a_view(a_completed_job(retry=last.retry)), BOTH)


@pytest.mark.parametrize(
    "parent",
    [
        a_completed_job(),
        a_completed_job(organization_id=None, user_id="user-5"),
        a_completed_job(user_id="s3-drop", source=Source.S3_DROP),
    ],
    ids=["organization", "alone", "dropped"],
)
def test_callers_who_may_manage_the_parent_may_manage_its_retry(retries: RetryService, parent: Job) -> None:
    child = retries.retry(a_super_admin(), a_view(parent), BOTH)
    assert child.created_by == "root"
    callers = [
        a_super_admin(),
        a_caller(),
        a_caller(user_id="user-2"),
        a_caller(organization_id="rival"),
        *(a_caller(user_id=user, organization_id=None) for user in ("user-5", "user-6", "s3-drop")),
    ]
    assert [may_manage(caller, child) for caller in callers] == [may_manage(caller, parent) for caller in callers]


def test_retry_whose_file_request_failed_is_left_to_reconcile(
    retries: RetryService, store: FakeJobStore, preparer: FakePreparer
) -> None:
    preparer.error = UnavailableError()
    child = retries.retry(a_caller(), a_view(a_completed_job()), BOTH)
    assert store.unsettled() == [child.id]
