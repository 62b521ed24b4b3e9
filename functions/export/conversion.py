"""Turning result files into other formats, by way of the disk: nothing is visible before it is whole."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from shared.aws.exports_bucket import ExportsBucket
from shared.aws.results_bucket import ResultsBucket
from shared.exports.errors import ExportError
from shared.exports.parquet import write_parquet
from shared.exports.result_file import read_result
from shared.exports.workbook import write_workbook
from shared.jobs.errors import ExportRefusedError
from shared.jobs.job import ExportKind, FileFormat, Outcome

# Each is a request of its own: a connection that waits while rows are worked on would be closed.
_BLOCK_BYTES = 4 * 1024 * 1024


class Conversion:
    """`ExportFiles` on S3. The CSV passes in blocks, so memory does not grow with it."""

    def __init__(self, *, results: ResultsBucket, exports: ExportsBucket) -> None:
        self._results = results
        self._exports = exports

    def make(self, job_id: UUID, kind: ExportKind) -> None:
        with TemporaryDirectory(prefix="export-") as folder:
            path = Path(folder) / f"{kind.outcome}.{kind.file_format}"
            try:
                result = read_result(self._blocks(job_id, kind.outcome))
                if kind.file_format is FileFormat.PARQUET:
                    write_parquet(result, str(path))
                else:
                    write_workbook(result, str(path), folder=folder)
            except ExportError as error:
                raise ExportRefusedError(str(error), code=error.code) from error
            with path.open("rb") as file:
                self._exports.put(job_id, kind, file)

    def remove(self, job_id: UUID, kind: ExportKind) -> None:
        self._exports.delete(job_id, kind)

    def _blocks(self, job_id: UUID, outcome: Outcome) -> Iterator[bytes]:
        start = 0
        while block := self._results.read_result(job_id, outcome, start, _BLOCK_BYTES):
            yield block
            start += len(block)
