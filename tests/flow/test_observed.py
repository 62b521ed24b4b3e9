"""What a whole job writes into the logs: its ids in every line, its figures as metrics, and nothing of its content."""

from uuid import UUID

import httpx
import pytest

from functions.score.scorer import Scorer
from shared.inputs.chunks import Chunk
from shared.jobs.job import Outcome, dropped_job_id
from shared.jobs.service import JobService
from tests.flow.stream import StatusStream
from tests.flow.system import System
from tests.flow.test_jobs import annual_csv, jobs, link
from tests.log_lines import written

__all__ = ["jobs"]

TELL_TALE = "zanzibar"


def test_every_line_of_a_job_has_its_ids_and_none_has_its_content(
    system: System, jobs: JobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, *rows = annual_csv(600, faulty=30).decode().splitlines()
    named = [f'{row},"{TELL_TALE}\n{place}"' for place, row in enumerate(rows)]
    body = "\n".join([f"{header},{TELL_TALE}_column", *named]).encode()
    attempts = []
    real = Scorer.score

    def first_attempt_fails(self: Scorer, job_id: UUID, chunk: Chunk) -> None:
        attempts.append(chunk.index)
        if len(attempts) == 1:
            raise RuntimeError("two\nlines")
        real(self, job_id, chunk)

    monkeypatch.setattr(Scorer, "score", first_attempt_fails)
    stream = StatusStream(system)
    with written() as log:
        key = f"drop/acme/annual/{TELL_TALE}.csv"
        job_id = dropped_job_id(bucket=system.uploads_bucket, key=key, version_id=system.put(key, body))
        system.deliver()
        assert system.wait(job_id) == "SUCCEEDED"
        stream.deliver()
        address = link(jobs, job_id, Outcome.ALL)
    assert TELL_TALE not in log.text.lower()
    assert httpx.URL(address).params["X-Amz-Signature" if "X-Amz-Signature" in address else "Signature"] not in log.text

    # moto's interpreter warns of the one thing it does not do.
    lines = [line for line in log.lines if not line.get("message", "ToleratedFailure").startswith("ToleratedFailure")]
    assert len(lines) >= 8
    for line in lines:
        assert (line["job_id"], line["execution_id"], line["organization_id"]) == (str(job_id), str(job_id), "acme")
        assert line["function_request_id"]
    said = {line["message"] for line in lines}
    assert {"An object was taken in", "The job was planned", "The chunk was done", "The job was finalized"} <= said
    assert log.values("ChunkAttemptsFailed") == [1]
    assert sum(log.values("ChunkRows")) == 600
    assert len(log.values("ChunkDuration")) == len(log.values("ChunkRows"))
    assert log.values("JobsCompleted") == [1]
    assert log.values("RowErrorRate") == [5]
    for metric in ("RowsPerSecond", "PopulationStabilityIndex", "MeanDefaultProbability"):
        assert len(log.values(metric)) == 1, metric
    assert {line["job_id"] for line in log.lines if "ChunkRows" in line} == {str(job_id)}
