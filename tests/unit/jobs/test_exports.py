"""Making the exports that were claimed: once, whatever comes twice, late or not at all."""

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

    def test_a_file_is_made_once_however_often_its_event_comes(
        self, exporting: Exports, files: FakeExportFiles, store: FakeJobStore, results: FakeResultStore, job: Job
    ) -> None:
        for _ in range(3):
            exporting.make(job.id, KIND, claimed_at=NOON)
        assert (files.made, list(results.exports)) == (1, [(job.id, KIND)])
        assert self.export(store, job) is None

    def test_an_event_that_comes_again_meanwhile_makes_no_second_file(
        self, exporting: Exports, files: FakeExportFiles, job: Job
    ) -> None:
        files.before = lambda: exporting.make(job.id, KIND, claimed_at=NOON)
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert files.made == 1

    def test_an_event_of_another_claim_is_late(self, exporting: Exports, files: FakeExportFiles, job: Job) -> None:
        exporting.make(job.id, KIND, claimed_at=NOON - timedelta(seconds=1))
        assert files.made == 0

    def test_a_claim_that_waited_is_as_old_as_its_attempt(
        self, exporting: Exports, files: FakeExportFiles, store: FakeJobStore, clock: SettableClock, job: Job
    ) -> None:
        clock.advance(timedelta(minutes=9))
        seen = []
        files.before = lambda: seen.append(self.export(store, job))
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert seen == [Export(claimed_at=NOON + timedelta(minutes=9), is_begun=True, attempts=1)]

    def test_what_the_format_cannot_hold_is_remembered_with_its_reason(
        self, exporting: Exports, files: FakeExportFiles, store: FakeJobStore, job: Job
    ) -> None:
        def refuse() -> None:
            raise ExportRefusedError("A cell is too long.", code="too_large")

        files.before = refuse
        exporting.make(job.id, KIND, claimed_at=NOON)
        assert self.export(store, job) == Export(attempts=1, refusal_code="too_large", refusal="A cell is too long.")

    @pytest.mark.parametrize(("error", "attempts"), [(UnavailableError(), 0), (MemoryError(), 1)])
    def test_what_broke_may_be_asked_for_at_once_and_counts_unless_a_service_was_to_blame(
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
    def test_a_job_deleted_meanwhile_gets_no_file(
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


class ExportLife(RuleBasedStateMachine):
    """Callers who ask, events that come twice, late or never, functions that die, and a delete, in any order."""

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
        self.is_given_up = False
        # Nothing happens before the first request.
        self.ask(at_once=False)

    @property
    def deleted(self) -> bool:
        return self.store.get(self.job.id) is None

    @rule()
    def look(self) -> None:
        """A request that is between its read and its answer while others act."""
        view = self.store.get(self.job.id)
        if view is not None:
            self.stale_view = view.job

    @rule(at_once=st.booleans())
    def ask(self, *, at_once: bool) -> None:
        if not at_once:
            self.look()
        before = len(self.exporter.requested)
        try:
            self.downloads.link(self.stale_view, KIND.outcome, KIND.file_format)
        except ResultsAssemblingError:
            assert not self.results.exports
        except ExportRefusedError:
            self.is_given_up = True
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
            raise KeyboardInterrupt  # as nothing of ours would catch it

        self.files.before = die if dies else None
        for _ in range(times):
            try:
                self.exporting.make(job_id, kind, claimed_at=claimed_at)
            except KeyboardInterrupt:
                assert dies

    @rule(minutes=st.sampled_from([1, 9, 16]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    # Most lives end otherwise.
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
    def what_was_asked_for_once_is_begun_once_and_one_file_made(self) -> None:
        assert self.files.made <= len(self.exporter.requested)
        assert self.files.made - self.deaths <= 1
        assert self.deaths <= MAX_ATTEMPTS

    @invariant()
    def nothing_of_a_deleted_job_comes_back(self) -> None:
        if self.deleted:
            assert not self.results.exports

    def teardown(self) -> None:
        """Whatever happened, who goes on asking comes to an end."""
        if self.deleted:
            return
        for _ in range(2 * MAX_ATTEMPTS + 2):
            self.clock.advance(LONGEST_WORKER)
            self.ask(at_once=False)
            if self.results.exports or self.is_given_up:
                return
            if self.exporter.requested:
                self.deliver(which=len(self.exporter.requested) - 1, dies=False, times=1)
        raise AssertionError("neither a file nor an end")


TestExports = ExportLife.TestCase
TestExports.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)


def test_the_record_of_another_job_is_not_touched(store: FakeJobStore, results: FakeResultStore) -> None:
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
