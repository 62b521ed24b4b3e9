"""Services built on fakes."""

import pytest

from shared.jobs.service import JobService
from tests.fakes import FakeAssembler, FakeJobStore, FakeResultStore, FakeUploadStore, FakeWorkflow, SettableClock


@pytest.fixture
def service(
    store: FakeJobStore,
    uploads: FakeUploadStore,
    results: FakeResultStore,
    workflow: FakeWorkflow,
    assembler: FakeAssembler,
    clock: SettableClock,
) -> JobService:
    return JobService(
        store=store, uploads=uploads, results=results, workflow=workflow, request_assembly=assembler, clock=clock
    )
