"""Converts result files to other formats, by way of the disk: nothing is visible before it is whole.

The CSV passes in blocks, so that memory does not grow with it.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

import pyarrow as pa
from pyarrow import csv as arrow_csv

from functions.export.formats import ExportError, ResultFile, write_parquet, write_workbook
from shared.aws.multipart import BlockStream
from shared.aws.results_bucket import ResultsBucket
from shared.jobs.errors import ExportRefusedError
from shared.jobs.job import ExportKind, FileFormat, Outcome
from shared.scratch import scratch_folder

# Each is a request of its own: a connection that waits while rows are worked on would be closed.
_REQUEST_BYTES: Final = 4 * 1024 * 1024
# A record may be no longer; 200 columns of 32 KB each are shorter. Arrow reads 32 of these ahead, and no more.
BLOCK_BYTES: Final = 8 * 1024 * 1024


def write_file(results: ResultsBucket, job_id: UUID, kind: ExportKind) -> None:
    """Writes the export from the CSV of its outcome. Raises `ExportRefusedError` if the format cannot hold the rows."""
    with scratch_folder() as folder:
        path = folder / f"{kind.outcome}.{kind.file_format}"
        try:
            result = read_result(_blocks(results, job_id, kind.outcome))
            if kind.file_format is FileFormat.PARQUET:
                write_parquet(result, str(path))
            else:
                write_workbook(result, str(path), folder=str(folder))
        except ExportError as error:
            raise ExportRefusedError(str(error), code=error.code) from error
        with path.open("rb") as file:
            results.put_export(job_id, kind, file)


def _blocks(results: ResultsBucket, job_id: UUID, outcome: Outcome) -> Iterator[bytes]:
    start = 0
    while block := results.read_result(job_id, outcome, start, _REQUEST_BYTES):
        yield block
        start += len(block)


def read_result(blocks: Iterable[bytes], *, block_bytes: int = BLOCK_BYTES) -> ResultFile:
    """Reads a result file. Raises `ExportError`, also from the batches, for a record longer than a block."""
    file = io.BufferedReader(BlockStream(iter(blocks)))
    names = _read_header(file)
    return ResultFile(names, _batches(file, len(names), block_bytes))


def _read_header(file: "io.BufferedReader[BlockStream]") -> tuple[str, ...]:
    """Reads the header record and no byte of the next. Raises ValueError where there is none."""
    lines = (line.decode() for line in iter(file.readline, b"") if line.endswith(b"\n"))
    try:
        return tuple(next(csv.reader(lines, strict=True)))
    except (StopIteration, csv.Error) as error:
        raise ValueError("a result file begins with its header") from error


def _batches(file: "io.BufferedReader[BlockStream]", columns: int, block_bytes: int) -> Iterator[pa.RecordBatch]:
    if not file.peek(1):
        return
    # By position, so that the column names of the file are not interpreted.
    places = [str(place) for place in range(columns)]
    try:
        with arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(column_names=places, block_size=block_bytes, use_threads=False),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        ) as reader:
            yield from reader
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
        raise ExportError(
            f"The file has a row of more than {block_bytes:,} bytes, which cannot be exported. "
            "Download it as CSV: format=csv.",
            code="not_exportable",
        ) from error
