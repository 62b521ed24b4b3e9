"""Making claimed exports: once, even if events come twice, late or never."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.jobs.downloads import MAX_ATTEMPTS, Downloads, Exports
from shared.jobs.errors import ExportRefusedError, ResultsAssemblingError, UnavailableError
from shared.jobs.job import Export, ExportKind, FileFormat, Job, Outcome
from shared.jobs.ports import LONGEST_WORKER
from tests.builders import NOON, a_completed_job
from tests.fakes import FakeExporter, FakeExportFiles, FakeJobStore, FakeResultStore, SettableClock

KIND = ExportKind(Outcome.ALL, FileFormat.PARQUET)
CLAIM = Export(claimed_at=NOON)


class TestMake:
    @pytest.fixture
    def job(self, store: FakeJobStore) -> Job:
        job = a_completed_job(exports={KIND: CLAIM})
        store.add(job)
        return job

    @pytest.fixture
    def files(self, results: FakeResultStore) -> FakeExportFiles:
        return FakeExportFiles(results)

    @pytest.fixture
    def exporting(self, store: FakeJobStore, files: FakeExportFiles, clock: SettableClock) -> Exports:
        return Exports(store=store, write_file=files.write, remove_file=files.remove, clock=clock)

    def export(self, store: FakeJobStore, job: Job) -> Export | None:
        view = store.get(job.id)
        assert view is not None
        return view.job.exports.get(KIND)

    def test_export_is_written_once_for_repeated_events(
        self, exporting: Exports, files: FakeExportFiles, store: FakeJobStore, results: FakeResultStore, job: Job
    ) -> None:
        for _ in range(3):
            exporting.make(job.id, KIND, claimed_at=NOON)
        assert (files.made, list(results.exports)) == (1, [(job.id, KIND)])
        assert self.export(store, job) is None

    def test_event_repeated_during_the_export_writes_no_second_file(
        self, exporting: Exports, files: FakeExportFiles, job: Job
    ) -> None:
        files.before = lambda: exporting.make(job.id, KIND, claimed_at=NOON)
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert files.made == 1

    def test_event_of_an_earlier_claim_is_ignored(self, exporting: Exports, files: FakeExportFiles, job: Job) -> None:
        exporting.make(job.id, KIND, claimed_at=NOON - timedelta(seconds=1))
        assert files.made == 0

    def test_claim_is_dated_from_its_attempt_when_it_waited(
        self, exporting: Exports, files: FakeExportFiles, store: FakeJobStore, clock: SettableClock, job: Job
    ) -> None:
        clock.advance(timedelta(minutes=9))
        seen = []
        files.before = lambda: seen.append(self.export(store, job))
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert seen == [Export(claimed_at=NOON + timedelta(minutes=9), is_begun=True, attempts=1)]

    def test_refusal_by_the_format_is_stored_with_its_reason(
        self, exporting: Exports, files: FakeExportFiles, store: FakeJobStore, job: Job
    ) -> None:
        def refuse() -> None:
            raise ExportRefusedError("A cell is too long.", code="too_large")

        files.before = refuse
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert self.export(store, job) == Export(attempts=1, refusal_code="too_large", refusal="A cell is too long.")

    @pytest.mark.parametrize(("error", "attempts"), [(UnavailableError(), 0), (MemoryError(), 1)])
    def test_failed_export_may_be_repeated_and_counts_unless_a_service_was_down(
        self,
        exporting: Exports,
        files: FakeExportFiles,
        store: FakeJobStore,
        job: Job,
        error: Exception,
        attempts: int,
    ) -> None:
        def fail() -> None:
            raise error

        files.before = fail
        with pytest.raises(type(error)):
            exporting.make(job.id, KIND, claimed_at=NOON)
        assert self.export(store, job) == Export(attempts=attempts)

    @pytest.mark.parametrize("is_unreadable", [False, True])
    def test_job_deleted_during_the_export_gets_no_file(
        self,
        exporting: Exports,
        files: FakeExportFiles,
        store: FakeJobStore,
        results: FakeResultStore,
        job: Job,
        *,
        is_unreadable: bool,
    ) -> None:
        def delete() -> None:
            store.delete(job, now=NOON)
            if is_unreadable:
                raise FileNotFoundError("the file is gone")

        files.before = delete
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert results.exports == {}


class ExportStateMachine(RuleBasedStateMachine):
    """Repeated requests, events that come twice, late or never, functions that crash, and a delete, in any order."""

    @initialize()
    def build(self) -> None:
        self.clock, self.store, self.results = SettableClock(), FakeJobStore(), FakeResultStore()
        self.exporter, self.files = FakeExporter(), FakeExportFiles(self.results)
        self.downloads = Downloads(
            store=self.store, results=self.results, request_export=self.exporter, clock=self.clock, xlsx_max_rows=100
        )
        self.exporting = Exports(
            store=self.store, write_file=self.files.write, remove_file=self.files.remove, clock=self.clock
        )
        self.job = a_completed_job()
        self.store.add(self.job)
        self.stale_view = self.job
        self.deaths = 0
        self.is_refused = False
        # Nothing happens before the first request.
        self.request(at_once=False)

    @property
    def deleted(self) -> bool:
        return self.store.get(self.job.id) is None

    @rule()
    def read_early(self) -> None:
        """Reads the job for a request that goes on after other steps."""
        view = self.store.get(self.job.id)
        if view is not None:
            self.stale_view = view.job

    @rule(at_once=st.booleans())
    def request(self, *, at_once: bool) -> None:
        if not at_once:
            self.read_early()
        before = len(self.exporter.requested)
        try:
            self.downloads.link(self.stale_view, KIND.outcome, KIND.file_format)
        except ResultsAssemblingError:
            assert not self.results.exports
        except ExportRefusedError:
            self.is_refused = True
            assert self.deaths >= MAX_ATTEMPTS
        else:
            assert self.results.exports
        assert len(self.exporter.requested) <= before + (not self.results.exports)

    @precondition(lambda self: self.exporter.requested)
    @rule(which=st.integers(0, 9), dies=st.booleans(), times=st.integers(1, 2))
    def deliver(self, *, which: int, dies: bool, times: int) -> None:
        job_id, kind, claimed_at = self.exporter.requested[which % len(self.exporter.requested)]

        def die() -> None:
            self.deaths += 1
            raise KeyboardInterrupt  # our code must not catch it

        self.files.before = die if dies else None
        for _ in range(times):
            try:
                self.exporting.make(job_id, kind, claimed_at=claimed_at)
            except KeyboardInterrupt:
                assert dies

    @rule(minutes=st.sampled_from([1, 9, 16]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    # Most runs should not end with a delete.
    @precondition(lambda self: self.exporter.requested)
    @rule(really=st.sampled_from([True, False, False, False]))
    def delete(self, *, really: bool) -> None:
        if not really:
            return
        view = self.store.get(self.job.id)
        if view is not None:
            self.store.delete(view.job, now=self.clock())
            self.results.delete_all(self.job.id)

    @invariant()
    def each_request_begins_once_and_at_most_one_file_is_written(self) -> None:
        assert self.files.made <= len(self.exporter.requested)
        assert self.files.made - self.deaths <= 1
        assert self.deaths <= MAX_ATTEMPTS

    @invariant()
    def deleted_job_has_no_exports(self) -> None:
        if self.deleted:
            assert not self.results.exports

    def teardown(self) -> None:
        """Checks that repeated requests come to an end in any state."""
        if self.deleted:
            return
        for _ in range(2 * MAX_ATTEMPTS + 2):
            self.clock.advance(LONGEST_WORKER)
            self.request(at_once=False)
            if self.results.exports or self.is_refused:
                return
            if self.exporter.requested:
                self.deliver(which=len(self.exporter.requested) - 1, dies=False, times=1)
        raise AssertionError("neither a file nor a refusal")


TestExports = ExportStateMachine.TestCase
TestExports.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)


def test_export_does_not_change_the_record_of_another_job(store: FakeJobStore, results: FakeResultStore) -> None:
    jobs = [a_completed_job(exports={KIND: CLAIM}) for _ in range(2)]
    for job in jobs:
        store.add(job)
    files = FakeExportFiles(results)
    exporting = Exports(store=store, write_file=files.write, remove_file=files.remove, clock=SettableClock())
    exporting.make(jobs[0].id, KIND, claimed_at=NOON)

    def exports(job_id: UUID) -> dict[ExportKind, Export]:
        view = store.get(job_id)
        assert view is not None
        return dict(view.job.exports)

    assert [exports(job.id) for job in jobs] == [{}, {KIND: CLAIM}]
