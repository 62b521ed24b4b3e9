"""The chunks of one job scored by the real handler in one process and in two at the same time.

Every worker has its own copy of the table after planning. Contention of commits is simulated in `costing`; only the
parallel speed of the machine is measured here.
"""

import multiprocessing
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import BrokenBarrierError
from time import perf_counter
from typing import Any, Final

from tests.tools.benchmarks.measurements import Measurement, Series
from tests.tools.benchmarks.planned_job import PlannedJob, planned_job
from tests.tools.benchmarks.timing import in_turns

ROWS: Final = 400_000
_ROUNDS: Final = 5
# Limit for a worker that hangs.
_LIMIT_SECONDS: Final = 300


def measure() -> tuple[Measurement, ...]:
    """Returns seconds per row."""
    with tempfile.TemporaryDirectory() as folder, planned_job(ROWS, Path(folder)) as planned:
        contenders = {"two workers": partial(score_all, planned, 2), "one worker": partial(score_all, planned, 1)}
        seconds = in_turns(contenders, rounds=_ROUNDS)
        rows, chunks = planned.rows, len(planned.chunks)
    subject, baseline = (Series(name=name, values=values, units=rows) for name, values in seconds.items())
    return (
        Measurement(
            title="Score the chunks of a job at the same time",
            quantity="seconds",
            unit="row",
            subject=subject,
            baselines=(baseline,),
            notes=(
                f"{rows:,} rows in {chunks} chunks; a process a worker, which has scored a chunk before; linear is 2",
            ),
        ),
    )


def score_all(planned: PlannedJob, workers: int) -> float:
    """Returns the seconds in which `workers` processes score all chunks. Raises RuntimeError when one of them fails."""
    forked = multiprocessing.get_context("fork")
    barrier = forked.Barrier(workers + 1)
    processes = [
        forked.Process(target=_work, args=(planned, planned.chunks[worker::workers], barrier), daemon=True)
        for worker in range(workers)
    ]
    for process in processes:
        process.start()
    with suppress(BrokenBarrierError):
        barrier.wait(_LIMIT_SECONDS)
    started = perf_counter()
    for process in processes:
        process.join(_LIMIT_SECONDS)
    taken = perf_counter() - started
    if failed := [process.exitcode for process in processes if process.exitcode != 0]:
        raise RuntimeError(f"workers ended with {failed}")
    return taken


def _work(planned: PlannedJob, chunks: Sequence[dict[str, Any]], barrier: Barrier) -> None:
    try:
        planned.score(chunks[0])
    except BaseException:
        # The others must not wait for a worker that failed.
        barrier.abort()
        raise
    barrier.wait(_LIMIT_SECONDS)
    for chunk in chunks:
        planned.score(chunk)
