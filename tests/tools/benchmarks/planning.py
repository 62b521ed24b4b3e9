"""Planning the chunks of a large CSV file: its time, and its memory, which does not grow with the file."""

import csv
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from time import process_time
from typing import Final

from shared.inputs.streams import BLOCK_BYTES, Readable
from tests.tools.benchmarks import planned_process
from tests.tools.benchmarks.http_s3 import served
from tests.tools.benchmarks.inputs import write_large_csv
from tests.tools.benchmarks.measurements import Measurement, Series, check_same_work
from tests.tools.benchmarks.peak_memory import peak_of
from tests.tools.benchmarks.timing import Contender, in_turns, timed

MB: Final = 1_000_000
SMALL_BYTES: Final = 10 * MB
MEDIUM_BYTES: Final = 100 * MB
LARGE_BYTES: Final = 1_000 * MB
_MEMORY_ROUNDS: Final = 3


def measure() -> tuple[Measurement, ...]:
    """Returns processor seconds per MB and peak bytes of a process.

    Raises DifferentWorkError when csv.reader counts different rows.
    """
    with tempfile.TemporaryDirectory() as folder:
        small, medium, large = (Path(folder) / f"{name}.csv" for name in ("small", "medium", "large"))
        write_large_csv(small, at_least_bytes=SMALL_BYTES)
        medium_size = write_large_csv(medium, at_least_bytes=MEDIUM_BYTES)
        size = write_large_csv(large, at_least_bytes=LARGE_BYTES)
        check_same_work("rows", ours=planned_process.plan(medium), theirs=read_records(medium))
        return (
            _time(large, medium, megabytes=size / MB, medium_megabytes=medium_size / MB),
            _time_from_s3(large, megabytes=size / MB),
            _memory(small, medium, large),
        )


def read_blocks(stream: Readable) -> int:
    """Reads a file in the blocks of planning, and returns their number."""
    blocks = 0
    while stream.read(BLOCK_BYTES):
        blocks += 1
    return blocks


def read_file(path: Path) -> int:
    """Reads a file in blocks, as `read_blocks` does."""
    with path.open("rb") as file:
        return read_blocks(file)


def read_records(path: Path) -> int:
    """Returns the number of data rows that csv.reader counts."""
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _time(path: Path, medium: Path, *, megabytes: float, medium_megabytes: float) -> Measurement:
    subject, *baselines = timed(
        [
            Contender(name="`plan_chunks`", run=lambda: planned_process.plan(path), units=megabytes),
            Contender(name="`csv.reader`, counting", run=lambda: read_records(medium), units=medium_megabytes),
            Contender(name="floor: reading the bytes", run=lambda: read_file(path), units=megabytes),
        ],
        rounds=5,
        clock=process_time,
    )
    return Measurement(
        title="Plan a CSV file",
        quantity="seconds",
        unit="MB",
        subject=subject,
        baselines=tuple(baselines),
        notes=(
            f"{megabytes:,.0f} MB, every fifth row with a line break inside quotes; read from the page cache",
            "processor time; the floor reads the same blocks",
            "`csv.reader` reads a tenth of it",
        ),
    )


def _time_from_s3(path: Path, *, megabytes: float) -> Measurement:
    with served(path) as s3:

        def read_with(reader: Callable[[Readable], object]) -> None:
            with closing(s3.get_object(Bucket="any", Key="any")["Body"]) as body:
                reader(body)

        subject, *baselines = timed(
            [
                Contender(
                    name="`plan_chunks`",
                    run=lambda: read_with(partial(planned_process.plan, path)),
                    units=megabytes,
                ),
                Contender(name="floor: reading the bytes", run=lambda: read_with(read_blocks), units=megabytes),
            ],
            rounds=5,
        )
    return Measurement(
        title="Plan a CSV file that S3 sends",
        quantity="seconds",
        unit="MB",
        subject=subject,
        baselines=tuple(baselines),
        notes=("the same file, sent over HTTP on loopback by another process, and read with boto3; wall time",),
    )


def _memory(small: Path, medium: Path, large: Path) -> Measurement:
    module = planned_process.__name__
    work = {
        "planning 1,000 MB": ("plan", large),
        "planning 100 MB": ("plan", medium),
        "planning 10 MB": ("plan", small),
        "reading 100 MB whole": ("read_whole", medium),
        "floor: the imports alone": ("nothing", large),
    }
    processes = {name: partial(peak_of, module, [verb, str(path)]) for name, (verb, path) in work.items()}
    peaks = in_turns(processes, rounds=_MEMORY_ROUNDS, warm_ups=0)
    subject, *baselines = (Series(name=name, values=values) for name, values in peaks.items())
    return Measurement(
        title="Peak memory of planning",
        quantity="bytes",
        unit="process",
        subject=subject,
        baselines=tuple(baselines),
        notes=("the resident peak of a whole process with Python and NumPy in it",),
    )
