"""Assembling the result files of a job: requests, bytes through the function, and its memory.

S3 is replaced by one that only counts. The time of a request and of a byte on the real S3 is part of the cost model.
"""

from functools import partial
from typing import Final

from tests.tools.benchmarks import finalized_process
from tests.tools.benchmarks.finalized_process import finished_job
from tests.tools.benchmarks.measurements import Measurement, Series
from tests.tools.benchmarks.peak_memory import peak_of
from tests.tools.benchmarks.timing import in_turns

MIB: Final = 1 << 20
# Parts of files of 320 MiB and more are at least as long as the chunks they come from.
LARGE_PART: Final = 8 * MIB
SMALL_PART: Final = MIB
_MEMORY_ROUNDS: Final = 3


def measure() -> tuple[Measurement, ...]:
    """Returns bytes and requests per job by number and size of its parts, and peak bytes of a process."""
    return (
        through(parts=40, part_bytes=SMALL_PART),
        through(parts=40, part_bytes=LARGE_PART),
        through(parts=250, part_bytes=LARGE_PART),
        requests(parts=250, part_bytes=LARGE_PART),
        _memory(),
    )


def through(*, parts: int, part_bytes: int) -> Measurement:
    """Compares the bytes through the function with copying every byte."""
    finished = finished_job(parts=parts, part_bytes=part_bytes)
    copied = 2 * sum(finished.s3.sizes[key] for key in finished.parts())
    finished.assembly.assemble(finished.view)
    return Measurement(
        title=f"Finalize {parts} parts of {part_bytes // MIB} MiB",
        quantity="bytes",
        unit="job",
        subject=Series(name="`Assembly`, read and written", values=(finished.s3.bytes_through,)),
        baselines=(Series(name="copying the bytes", values=(copied,)),),
        notes=("S3 copies parts of 5 MiB and more itself; the function joins smaller ones first",),
    )


def requests(*, parts: int, part_bytes: int) -> Measurement:
    """Compares the S3 requests with copying part by part."""
    finished = finished_job(parts=parts, part_bytes=part_bytes)
    # Each part is read once and written once.
    copied = 2 * len(finished.parts())
    finished.assembly.assemble(finished.view)
    return Measurement(
        title=f"Finalize {parts} parts of {part_bytes // MIB} MiB",
        quantity="requests",
        unit="job",
        subject=Series(name="`Assembly`", values=(finished.s3.requests,)),
        baselines=(Series(name="copying part by part", values=(copied,)),),
    )


def _memory() -> Measurement:
    work = {
        "1,000 parts of 8 MiB, 23 GiB in all": (1_000, LARGE_PART),
        "100 parts of 8 MiB": (100, LARGE_PART),
        "1,000 parts of 1 MiB": (1_000, SMALL_PART),
        "floor: the imports alone": (0, 0),
    }
    processes = {
        name: partial(peak_of, finalized_process.__name__, [str(parts), str(size)])
        for name, (parts, size) in work.items()
    }
    peaks = in_turns(processes, rounds=_MEMORY_ROUNDS, warm_ups=0)
    subject, *baselines = (Series(name=name, values=values) for name, values in peaks.items())
    return Measurement(
        title="Peak memory of finalizing",
        quantity="bytes",
        unit="process",
        subject=subject,
        baselines=tuple(baselines),
        notes=("the resident peak of a whole process with Python and NumPy in it",),
    )
