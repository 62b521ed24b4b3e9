"""Logs of a whole job: its ids in every line, its metrics, and none of its content."""

from uuid import UUID

import httpx
import pytest

from functions.score.scorer import Scorer
from shared.inputs.chunks import Chunk
from shared.jobs.job import Outcome, dropped_job_id
from shared.jobs.service import JobService
from tests.flow.status_stream import StatusStream
from tests.flow.system import System
from tests.flow.test_jobs import annual_csv, jobs, link
from tests.log_lines import written

__all__ = ["jobs"]

MARKER = "zanzibar"


def test_log_lines_of_a_job_have_its_ids_but_none_of_its_content(
    system: System, jobs: JobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, *rows = annual_csv(600, invalid=30).decode().splitlines()
    named = [f'{row},"{MARKER}\n{place}"' for place, row in enumerate(rows)]
    body = "\n".join([f"{header},{MARKER}_column", *named]).encode()
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
        key = f"drop/acme/annual/{MARKER}.csv"
        job_id = dropped_job_id(bucket=system.uploads_bucket, key=key, version_id=system.put(key, body))
        system.deliver()
        assert system.wait(job_id) == "SUCCEEDED"
        stream.deliver()
        address = link(jobs, job_id, Outcome.ALL)
    assert MARKER not in log.text.lower()
    assert httpx.URL(address).params["X-Amz-Signature" if "X-Amz-Signature" in address else "Signature"] not in log.text

    # moto's interpreter warns about a feature that it does not support.
    lines = [line for line in log.lines if not line.get("message", "ToleratedFailure").startswith("ToleratedFailure")]
    assert len(lines) >= 8
    for line in lines:
        assert (line["job_id"], line["execution_id"], line["organization_id"]) == (str(job_id), str(job_id), "acme")
        assert line["function_request_id"]
    messages = {line["message"] for line in lines}
    assert {"An object was taken in", "The job was planned", "The chunk was done", "The job was finalized"} <= messages
    assert log.values("ChunkAttemptsFailed") == [1]
    assert sum(log.values("ChunkRows")) == 600
    assert len(log.values("ChunkDuration")) == len(log.values("ChunkRows"))
    assert log.values("JobsCompleted") == [1]
    assert log.values("RowErrorRate") == [5]
    for metric in ("RowsPerSecond", "PopulationStabilityIndex", "MeanDefaultProbability"):
        assert len(log.values(metric)) == 1, metric
    assert {line["job_id"] for line in log.lines if "ChunkRows" in line} == {str(job_id)}
