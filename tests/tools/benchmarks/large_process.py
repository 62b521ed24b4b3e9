"""A process that runs a job of the given number of rows through the real handlers, and prints times and peak memory."""

import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import Any

from shared.jobs.job import JobStatus
from tests.tools.benchmarks.peak_memory import peak_bytes
from tests.tools.benchmarks.planned_job import planned_job


def run(rows: int, folder: Path) -> dict[str, Any]:
    """Plans, scores chunk by chunk and finalizes a job, and returns the seconds of each step.

    Raises AssertionError unless every row is counted.
    """
    with planned_job(rows, folder) as planned:
        started = perf_counter()
        for chunk in planned.chunks:
            planned.score(chunk)
        scored = perf_counter()
        planned.finalize()
        ended = perf_counter()
        view = planned.table.get(planned.id)
    assert view is not None
    job = view.job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert (job.final_successful_rows or 0) + (job.final_failed_rows or 0) == planned.rows
    return {
        "rows": planned.rows,
        "bytes": planned.size,
        "chunks": job.chunk_count,
        "plan": planned.plan_seconds,
        "score": scored - started,
        "finalize": ended - scored,
        "peak": peak_bytes(),
        "result_bytes": planned.s3.size(f"results/{planned.id}/all.csv"),
    }


def main(rows: int) -> None:
    """Prints the measurements as JSON."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
    ):
        found = run(rows, Path(folder))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
