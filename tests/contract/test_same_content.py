"""Contract of `JobStore`: earlier jobs whose files have the same bytes."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import Job, JobType
from shared.jobs.ports import JobStore
from tests.builders import NOON, a_job
from tests.fakes import FakeJobStore

SHA = "ab" * 32


def uploaded(store: JobStore, *, after: int = 0, **overrides: object) -> Job:
    """Creates a job `after` seconds after noon, by default with the same bytes as every other."""
    job = a_job(**{"content_sha256": SHA, "created_at": NOON + timedelta(seconds=after), **overrides})
    store.create(job)
    return job


def test_first_upload_of_a_file_has_no_earlier_job(job_store: JobStore) -> None:
    assert job_store.earlier_with_content(uploaded(job_store)) is None


def test_later_uploads_of_a_file_refer_to_the_first_job(job_store: JobStore) -> None:
    first, second, third = (uploaded(job_store, after=seconds) for seconds in (0, 1, 2))
    assert job_store.earlier_with_content(second) == first.id
    assert job_store.earlier_with_content(third) == first.id


@pytest.mark.parametrize(
    "overrides",
    [
        {"content_sha256": "cd" * 32},
        {"content_sha256": None},
        {"job_type": JobType.QUARTERLY},
        {"organization_id": "rival"},
        {"organization_id": None},
    ],
)
def test_upload_with_other_bytes_type_or_owner_is_no_duplicate(
    job_store: JobStore, overrides: dict[str, object]
) -> None:
    uploaded(job_store)
    assert job_store.earlier_with_content(uploaded(job_store, after=1, **overrides)) is None


def test_user_without_organization_has_duplicates_of_own_files_only(job_store: JobStore) -> None:
    first = uploaded(job_store, organization_id=None)
    assert job_store.earlier_with_content(uploaded(job_store, after=1, organization_id=None)) == first.id
    other = uploaded(job_store, after=2, organization_id=None, user_id="user-2")
    assert job_store.earlier_with_content(other) is None


def test_organization_named_like_a_user_is_another_owner(job_store: JobStore) -> None:
    uploaded(job_store, organization_id=None, user_id="acme")
    assert job_store.earlier_with_content(uploaded(job_store, after=1, organization_id="acme")) is None


def test_deleted_job_is_never_the_earlier_job(job_store: JobStore) -> None:
    first, second, third = (uploaded(job_store, after=seconds) for seconds in (0, 1, 2))
    job_store.delete(first, now=NOON)
    assert job_store.earlier_with_content(third) == second.id
    job_store.delete(second, now=NOON)
    assert job_store.earlier_with_content(third) is None


def test_refused_job_is_never_the_earlier_job(job_store: JobStore) -> None:
    job = uploaded(job_store, after=1)
    job_store.delete(job, now=NOON)
    with pytest.raises(TransitionRefusedError):
        job_store.create(job)
    assert job_store.earlier_with_content(uploaded(job_store, after=2)) is None


@given(
    made=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([SHA, "cd" * 32, None]), st.sampled_from(["acme", "rival", None])),
        max_size=8,
    )
)
def test_earlier_job_exists_with_the_same_content_and_owner(
    made: list[tuple[int, str | None, str | None]],
) -> None:
    store = FakeJobStore()
    jobs: dict[UUID, Job] = {}
    for after, content_sha256, organization_id in made:
        job = uploaded(store, after=after, content_sha256=content_sha256, organization_id=organization_id)
        found = store.earlier_with_content(job)
        if found is not None:
            earlier = jobs[found]
            assert (earlier.content_sha256, earlier.organization_id) == (content_sha256, organization_id)
            assert earlier.created_at <= job.created_at
        jobs[job.id] = job
