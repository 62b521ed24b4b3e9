"""A process that does one thing with a large CSV file: `plan`, `read_whole` or `nothing`; it prints its peak memory."""

import sys
from pathlib import Path

from shared.delimited.dialect import HEAD_BYTES
from shared.inputs.chunks import chunk_size, plan_chunks
from shared.inputs.streams import Readable
from tests.tools.benchmarks.layouts import layout_of
from tests.tools.benchmarks.peak_memory import peak_bytes


def plan(path: Path, stream: Readable | None = None) -> int:
    """Plans the chunks of a file, read from `stream` if given, and returns the number of rows."""
    with path.open("rb") as file:
        layout = layout_of(file.read(HEAD_BYTES), is_whole_file=False)
        file.seek(0)
        chunks = list(plan_chunks(stream or file, layout, chunk_bytes=chunk_size(path.stat().st_size)))
    return sum(chunk.row_count for chunk in chunks)


def main(work: str, path: Path) -> None:
    """Does the work and prints the peak. Raises ValueError for unknown work."""
    if work == "plan":
        plan(path)
    elif work == "read_whole":
        path.read_bytes()
    elif work != "nothing":
        raise ValueError(work)
    sys.stdout.write(f"{peak_bytes()}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
