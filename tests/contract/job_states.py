"""Creates jobs in the states that tests of a `JobStore` start from."""

from datetime import timedelta
from uuid import UUID

from shared.jobs.job import Job
from shared.jobs.ports import JobStore
from shared.jobs.progress import JobView
from tests.builders import NOON, a_job, a_stored_input, plan_facts

SECOND = timedelta(seconds=1)


def read(store: JobStore, job: Job) -> JobView:
    view = store.get(job.id)
    assert view is not None
    return view


def unsettled(store: JobStore) -> list[UUID]:
    """Returns the jobs that reconcile will look at, now or later."""
    return [job.id for job in store.due(NOON + timedelta(days=2))]


def queued(store: JobStore, **overrides: object) -> Job:
    job = a_job(**overrides)
    store.create(job)
    store.queue(job, stored_input=a_stored_input(job.id), execution_arn="arn:execution", now=NOON + SECOND)
    return read(store, job).job


def planning(store: JobStore, **overrides: object) -> Job:
    job = queued(store, **overrides)
    store.start(job, now=NOON + 2 * SECOND)
    return read(store, job).job


def scoring(store: JobStore, *, chunks: int = 2) -> Job:
    job = planning(store)
    store.record_plan(job, plan_facts(total_rows=5 * chunks, chunk_count=chunks), now=NOON + 3 * SECOND)
    return read(store, job).job


def failed(store: JobStore, job: Job) -> Job:
    store.fail(job, error_code="oops", error_message="Something broke.", cancelled=False, now=NOON + 9 * SECOND)
    return read(store, job).job
