"""The benchmarks measure what they claim; these tests do not measure time."""

import logging
from pathlib import Path

import pytest

from shared.aws import clients
from tests.tools.benchmarks import finalizing, large_process, starting
from tests.tools.benchmarks.finalized_process import JOB, finished_job
from tests.tools.benchmarks.finalizing import LARGE_PART, MIB, SMALL_PART
from tests.tools.benchmarks.measurements import ratio
from tests.tools.benchmarks.planned_job import planned_job
from tests.tools.benchmarks.starting import start_seconds
from tests.tools.benchmarks.status import served
from tests.tools.benchmarks.workers import score_all


@pytest.mark.parametrize("program", [starting.API, starting.SCORE], ids=["api", "score"])
def test_function_starts_in_the_environment_of_the_template(program: str) -> None:
    assert start_seconds(program) > 0


def test_get_status_makes_one_aws_call_and_an_empty_route_none() -> None:
    made: list[str] = []
    with served() as app:
        for client in (clients.dynamodb(), clients.s3()):
            client.meta.events.register("before-call", lambda model, **_: made.append(model.name))
        logging.disable()
        try:
            app.empty()
            assert made == []
            app.status()
        finally:
            logging.disable(logging.NOTSET)
    assert made == ["Query"]


class TestFinalizing:
    """Assembly of parts in the benchmark."""

    @pytest.mark.parametrize("part_bytes", [SMALL_PART, LARGE_PART])
    def test_assembly_reads_or_copies_every_byte(self, part_bytes: int) -> None:
        finished = finished_job(parts=3, part_bytes=part_bytes)
        parts = sum(finished.s3.sizes[key] for key in finished.parts())
        finished.assembly.assemble(finished.view)
        files = [
            size
            for key, size in finished.s3.sizes.items()
            if key.startswith(f"results/{JOB}/") and key.endswith(".csv")
        ]
        assert len(files) == 4
        headers = sum(files) - parts
        assert 4 * 200 < headers < 4 * 1000

    def test_assembly_reads_small_parts_and_copies_large_ones(self) -> None:
        passed = finalizing.through(parts=4, part_bytes=SMALL_PART)
        assert ratio(baseline=passed.baselines[0], subject=passed.subject).median == pytest.approx(1, rel=0.02)
        few, many = (finalizing.through(parts=parts, part_bytes=LARGE_PART) for parts in (10, 20))
        grown = many.subject.values[0] - few.subject.values[0]
        # What grows are the short parts: failed rows and summaries.
        assert grown < 10 * MIB < many.baselines[0].values[0] / 10

    def test_assembly_makes_requests_in_proportion_to_its_parts(self) -> None:
        few, many = (finalizing.requests(parts=parts, part_bytes=LARGE_PART).subject.values[0] for parts in (100, 200))
        assert (many - few) / 100 == pytest.approx(4, rel=0.05)


@pytest.fixture
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@pytest.mark.usefixtures("_no_account")
def test_small_job_passes_the_same_handlers_as_a_large_one(tmp_path: Path) -> None:
    found = large_process.run(2_000, tmp_path)
    assert found["rows"] == 2_000
    assert found["result_bytes"] > found["bytes"]


@pytest.mark.usefixtures("_no_account")
def test_workers_are_timed_only_if_each_scored_its_chunks(tmp_path: Path) -> None:
    with planned_job(2_000, tmp_path) as planned:
        assert score_all(planned, 2) > 0
        (tmp_path / "input.csv").write_bytes(b"")
        with pytest.raises(RuntimeError, match="ended with"):
            score_all(planned, 1)
