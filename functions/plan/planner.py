"""Plans a job: from an upload of any accepted format to a manifest of chunks."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import IO
from uuid import UUID

from shared.aws.planned_input import InputPlan
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.delimited.dialect import CANONICAL, HEAD_BYTES, Dialect
from shared.inputs import workbooks
from shared.inputs.chunks import Chunk, chunk_size, plan_chunks
from shared.inputs.decimal_search import DecimalSearch
from shared.inputs.decimals import convention_notes
from shared.inputs.encodings import EncodingWatch, declaration_notes
from shared.inputs.errors import EmptyFileError, FileError, TooLargeError
from shared.inputs.formats import as_utf8, check_end, detect_dialect, dialect_notes, is_gzip, sniff_format
from shared.inputs.gzipped import GzipReader, unpacked_start
from shared.inputs.header import MAX_COLUMNS, Layout, read_layout
from shared.inputs.rewriting import to_canonical
from shared.inputs.streams import Readable
from shared.inputs.tolerance import inspection_for, tolerance_notes
from shared.jobs.job import Job, StoredInput, utc_now
from shared.jobs.ports import Clock, Plan
from shared.jobs.processing import Planning
from shared.jobs.progress import shard_count
from shared.scoring.model import model_for
from shared.scratch import scratch_folder
from shared.vocabulary import DecimalConvention, FileFormat, Note

_COPY_BYTES = 8 * 1024 * 1024
_END_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scannable:
    """A file in the form that is scored: its stream from the first byte, its layout, and notes on how it was read."""

    stream: IO[bytes]
    size: int
    layout: Layout
    notes: tuple[Note, ...]
    is_rewritten: bool
    has_typed_cells: bool = False
    proves_point: bool = False


class Planner:
    """Plans jobs. Planning a job again writes the same objects.

    `max_bytes` is the largest file of each format.
    """

    def __init__(
        self,
        *,
        planning: Planning,
        uploads: UploadBucket,
        results: ResultsBucket,
        clock: Clock = utc_now,
        max_bytes: Mapping[FileFormat, int],
    ) -> None:
        self._planning = planning
        self._uploads = uploads
        self._results = results
        self._clock = clock
        self._max_bytes = max_bytes

    def plan(self, job_id: UUID) -> str | None:
        """Returns the key of the manifest; None if there is nothing to score. The record then has the reason."""
        job = self._planning.begin(job_id)
        if job is None or job.stored_input is None:
            return None
        try:
            return self._plan_input(job, job.stored_input)
        except FileError as error:
            self._planning.refuse(job, error_code=error.code, error_message=str(error))
            return None
        except FileNotFoundError:
            self._planning.refuse(
                job, error_code="input_missing", error_message="The uploaded file is no longer there. Upload it again."
            )
            return None

    def _plan_input(self, job: Job, stored_input: StoredInput) -> str | None:
        with self._scannable(job, stored_input) as file:
            search = DecimalSearch(file.layout, has_typed_cells=file.has_typed_cells, proves_point=file.proves_point)
            given = _given_convention(job, has_typed_cells=file.has_typed_cells)
            # Rows of a workbook, and of a file that was written here, are as they should be.
            inspection = inspection_for(file.layout) if not (file.has_typed_cells or _is_ours(job)) else None
            chunks = list(
                plan_chunks(
                    file.stream,
                    file.layout,
                    chunk_bytes=chunk_size(file.size),
                    on_records=None if given else search.add,
                    inspection=inspection,
                )
            )
            if file.is_rewritten:
                file.stream.seek(0)
                self._results.put_rewritten(job.id, file.stream)
        decimal, decimal_notes = (given, convention_notes(given)) if given else search.decided()
        layout = replace(file.layout, decimal=decimal, is_workbook=file.has_typed_cells)
        model = model_for(layout.job_type, layout.profile)
        plan = InputPlan(
            layout=layout,
            stored_input=stored_input,
            is_rewritten=file.is_rewritten,
            validate_only=job.options.validate_only,
            model_version=model.version,
            next_year=(job.started_at or self._clock()).year + 1,
            shard_count=shard_count(len(chunks)),
            has_failure_budget=job.options.max_failed_percent is not None,
            planned_at=self._clock(),
        )
        self._results.put_plan(job.id, plan.as_json())
        manifest_key = self._results.put_manifest(job.id, [asdict(chunk) for chunk in chunks])
        notes = (*file.notes, *decimal_notes, *(tolerance_notes(inspection) if inspection is not None else ()))
        return manifest_key if self._planning.record(job, _recorded(plan, chunks, notes)) else None

    @contextmanager
    def _scannable(self, job: Job, stored_input: StoredInput) -> Iterator[_Scannable]:
        """Yields the input in the form that is scored: the upload itself, or a rewritten or unpacked file on disk."""
        if stored_input.size == 0:
            raise EmptyFileError("The file is empty")
        head = self._uploads.read_range(stored_input, 0, HEAD_BYTES)
        is_whole_file = stored_input.size <= len(head)
        within_gzip = is_gzip(head)
        if within_gzip:
            head, is_whole_file = unpacked_start(head, max_bytes=HEAD_BYTES, is_whole_file=is_whole_file)
        file_format = sniff_format(head, job.original_filename, within_gzip=within_gzip)
        if not _is_ours(job):
            _check_size(stored_input.size, file_format, limit=self._max_bytes[file_format])
        notes: tuple[Note, ...] = ()
        has_typed_cells = proves_point = False
        if file_format is FileFormat.CSV:
            dialect = detect_dialect(head, declared_encoding=job.options.encoding, is_whole_file=is_whole_file)
            # Before anything is rewritten, so that a wrong header is refused at once and with the lines of the upload.
            text, text_dialect = as_utf8(head, dialect, is_whole_file=is_whole_file)
            layout = self._layout(job, text, text_dialect, is_whole_file=is_whole_file)
            notes = (*dialect_notes(dialect), *declaration_notes(dialect, job.options.encoding))
            if not within_gzip and not is_whole_file:
                self._check_end(stored_input, dialect)
            if not dialect.needs_rewrite and not within_gzip:
                size = stored_input.size
                with closing(self._uploads.open(stored_input)) as stream:
                    yield _Scannable(stream=stream, size=size, layout=layout, notes=notes, is_rewritten=False)
                return
        with scratch_folder() as folder, (folder / "input.csv").open("w+b") as rewritten:
            if file_format is FileFormat.CSV:
                with self._opened(stored_input, within_gzip=within_gzip) as stream:
                    if dialect.needs_rewrite:
                        watch = EncodingWatch(stream, rewritten, dialect)
                        to_canonical(watch, dialect, watch)
                        notes += watch.notes
                    else:
                        _copy(stream, rewritten)
            else:
                with (folder / "input.xlsx").open("w+b") as workbook, self._opened(stored_input) as stream:
                    _copy(stream, workbook)
                    workbook.seek(0)
                    converted = workbooks.convert(workbook, rewritten, job_type=job.job_type, sheet=job.options.sheet)
                    notes, has_typed_cells, proves_point = converted.notes, True, converted.proves_point
            size = rewritten.tell()
            rewritten.seek(0)
            if file_format is FileFormat.XLSX or dialect.needs_rewrite:
                layout = self._layout(job, rewritten.read(HEAD_BYTES), CANONICAL, is_whole_file=size <= HEAD_BYTES)
                rewritten.seek(0)
            yield _Scannable(
                stream=rewritten,
                size=size,
                layout=layout,
                notes=notes,
                is_rewritten=True,
                has_typed_cells=has_typed_cells,
                proves_point=proves_point,
            )

    def _check_end(self, stored_input: StoredInput, dialect: Dialect) -> None:
        start = max(stored_input.size - _END_BYTES, 0)
        check_end(self._uploads.read_range(stored_input, start, stored_input.size), dialect, offset=start)

    @contextmanager
    def _opened(self, stored_input: StoredInput, *, within_gzip: bool = False) -> Iterator[Readable]:
        """Yields the stream of an upload, unpacked if it is gzipped."""
        with closing(self._uploads.open(stored_input)) as stream:
            yield GzipReader(stream, max_bytes=self._max_bytes[FileFormat.CSV]) if within_gzip else stream

    def _layout(self, job: Job, head: bytes, dialect: Dialect, *, is_whole_file: bool) -> Layout:
        return read_layout(
            head,
            dialect,
            job_type=job.job_type,
            is_whole_file=is_whole_file,
            max_columns=MAX_COLUMNS + _is_ours(job),
        )


def _copy(stream: Readable, target: IO[bytes]) -> None:
    while block := stream.read(_COPY_BYTES):
        target.write(block)


def _is_ours(job: Job) -> bool:
    """Whether the file was written here, from rows of a file within the limits, with one column more."""
    return job.retry is not None and job.retry.has_source_row


def _check_size(size: int, file_format: FileFormat, *, limit: int) -> None:
    if size > limit:
        raise TooLargeError(
            f"The file has {size:,} bytes; a {file_format.upper()} file may have {limit:,}. "
            "Split it and upload the parts."
        )


def _given_convention(job: Job, *, has_typed_cells: bool) -> DecimalConvention | None:
    """Returns the decimal convention of a job that has it from its parent or from its options, else None."""
    if job.retry is not None and job.retry.decimal is not None:
        return job.retry.decimal
    sign = job.options.decimal
    return DecimalConvention(sign=sign, has_typed_cells=has_typed_cells) if sign is not None else None


def _recorded(plan: InputPlan, chunks: list[Chunk], notes: tuple[Note, ...]) -> Plan:
    return Plan(
        planned_at=plan.planned_at,
        total_rows=sum(chunk.row_count for chunk in chunks),
        chunk_count=len(chunks),
        profile=plan.layout.profile,
        model_version=plan.model_version,
        notes=(*notes, *plan.layout.notes),
        decimal=plan.layout.decimal,
    )
