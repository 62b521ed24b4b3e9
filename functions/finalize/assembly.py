"""Assembles the parts of chunks into result files, in the order of the rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.aws.multipart import Piece
from shared.aws.planned_input import InputPlan, PlannedInput
from shared.aws.result_keys import SCORED_PARTS, Part
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.inputs.chunks import Chunk
from shared.inputs.header import Layout
from shared.jobs.job import Job, Note, Outcome, StoredInput
from shared.jobs.progress import JobView, Progress
from shared.scoring.catalog import model_card, model_name_for
from shared.scoring.chunk import unprocessed_rows
from shared.scoring.chunk_summary import ChunkSummary
from shared.scoring.results import header_line
from shared.scoring.risk_summary import RiskSummary

# Size in bytes of every existing part, by chunk.
PartSizes = dict[Part, dict[int, int]]


class Assembly:
    """`ResultFiles` on S3. Parts are copied inside S3; only rows that were never scored are read and written here."""

    def __init__(
        self,
        *,
        uploads: UploadBucket,
        results: ResultsBucket,
        planned_input: PlannedInput,
        on_summary: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._on_summary = on_summary
        self._uploads = uploads
        self._results = results
        self._input = planned_input

    def missing_parts(self, view: JobView) -> Sequence[int]:
        return _missing(view.progress, self._part_sizes(view.job.id))

    def row_ranges(self, view: JobView, chunks: Sequence[int]) -> Sequence[tuple[int, int]]:
        wanted = set(chunks)
        ranges: list[tuple[int, int]] = []
        for chunk in self._chunks(view.job.id):
            if chunk.index not in wanted:
                continue
            first, last = chunk.first_row, chunk.first_row + chunk.row_count - 1
            if ranges and ranges[-1][1] == first - 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
        return ranges

    def assemble(self, view: JobView) -> Sequence[Note]:
        job = view.job
        if job.total_rows is None:
            self._return_input(view)
            return ()
        plan = self._input.plan(job.id)
        if plan is None:
            raise FileNotFoundError(f"the plan of job {job.id} is gone")
        chunks = self._chunks(job.id)
        sizes = self._part_sizes(job.id)
        # A chunk that lost a part counts as not scored: its rows are unprocessed.
        lost = _missing(view.progress, sizes)
        done, with_successes, with_failures = (
            found.difference(lost)
            for found in (view.progress.done, view.progress.with_successes, view.progress.with_failures)
        )
        notes = self._write_summary(job, plan, [chunk for chunk in chunks if chunk.index in done])
        self._write(job.id, plan, Outcome.SUCCESSFUL, self._pieces(job.id, Part.SUCCESSFUL, sizes, with_successes))
        self._write(job.id, plan, Outcome.FAILED, self._pieces(job.id, Part.FAILED, sizes, with_failures))
        # These need the input, which may be gone although the parts are not.
        unscored = [chunk for chunk in chunks if chunk.index not in done]
        sizes |= self._write_unprocessed(job.id, plan, unscored)
        left = {chunk.index for chunk in unscored}
        unprocessed = self._pieces(job.id, Part.UNPROCESSED, sizes, left)
        self._write(job.id, plan, Outcome.UNPROCESSED, unprocessed)
        in_all = self._pieces(job.id, Part.UNPROCESSED_IN_ALL, sizes, left)
        self._write(job.id, plan, Outcome.ALL, {**self._pieces(job.id, Part.ALL, sizes, done), **in_all})
        return notes

    def _return_input(self, view: JobView) -> None:
        """Writes the files of a job that ended before its rows were counted: its input is the unprocessed file."""
        job = view.job
        if job.stored_input is None:
            return
        self._require_input(job.stored_input)
        self._results.copy_input(
            job.id,
            bucket=self._uploads.name,
            key=job.stored_input.key,
            version_id=job.stored_input.version_id,
        )
        # The columns of the input are unknown, so these files have only ours.
        layout = Layout(
            delimiter=",",
            names=(),
            normalized=(),
            job_type=job.job_type,
            profile="statements",
            used_both=False,
            data_start=0,
        )
        for outcome in (Outcome.SUCCESSFUL, Outcome.FAILED, Outcome.ALL):
            self._results.assemble(job.id, outcome, [header_line(layout, outcome)])

    def _write_summary(self, job: Job, plan: InputPlan, chunks: Sequence[Chunk]) -> Sequence[Note]:
        """Writes the risk summary of the rows of these chunks. Returns notes of these rows."""
        summary = RiskSummary()
        parts = self._results.read_summaries(job.id, [chunk.index for chunk in chunks])
        for chunk, part in zip(chunks, parts, strict=True):
            summary.add(ChunkSummary.from_bytes(part), first_row=chunk.first_row)
        card = model_card(model_name_for(plan.layout.job_type, plan.layout.profile))
        # The card is that of the deployed model, which may have changed since the job was scored.
        is_current = card["version"] == plan.model_version
        notes = summary.notes()
        content = summary.as_json(
            model_version=None if plan.validate_only else plan.model_version,
            training_grades=card["training_grades"] if is_current else None,
            notes=(*job.notes, *notes),
        )
        self._results.put_summary(job.id, content)
        self._on_summary(content)
        return notes

    def _write_unprocessed(self, job_id: UUID, plan: InputPlan, chunks: Sequence[Chunk]) -> PartSizes:
        """Writes the unprocessed parts of these chunks. Returns their sizes."""
        if chunks and not plan.is_rewritten:
            self._require_input(plan.stored_input)
        sizes: PartSizes = {Part.UNPROCESSED: {}, Part.UNPROCESSED_IN_ALL: {}}
        for chunk in chunks:
            rows = unprocessed_rows(
                self._input.read(job_id, plan, chunk.start, chunk.end),
                layout=plan.layout,
                first_row=chunk.first_row,
                row_count=chunk.row_count,
                scored=not plan.validate_only,
            )
            for part, body in ((Part.UNPROCESSED, rows.unprocessed), (Part.UNPROCESSED_IN_ALL, rows.all)):
                self._results.put_part(job_id, chunk.index, part, body)
                sizes[part][chunk.index] = len(body)
        return sizes

    def _require_input(self, stored_input: StoredInput) -> None:
        # Listed first: without the permission to list, S3 returns 403 for a missing object.
        if not self._uploads.has(stored_input):
            raise FileNotFoundError("the input of the job is gone")

    def _part_sizes(self, job_id: UUID) -> PartSizes:
        return {part: self._results.part_sizes(job_id, part) for part in SCORED_PARTS}

    def _pieces(self, job_id: UUID, part: Part, sizes: PartSizes, chunks: Iterable[int]) -> dict[int, Piece]:
        """Returns the parts of these chunks by chunk."""
        return {chunk: self._results.part_piece(job_id, part, chunk, sizes[part][chunk]) for chunk in chunks}

    def _write(self, job_id: UUID, plan: InputPlan, outcome: Outcome, pieces: dict[int, Piece]) -> None:
        header = header_line(plan.layout, outcome, scored=not plan.validate_only)
        self._results.assemble(job_id, outcome, [header, *(pieces[chunk] for chunk in sorted(pieces))])

    def _chunks(self, job_id: UUID) -> list[Chunk]:
        return [Chunk(**chunk) for chunk in self._results.get_manifest(job_id)]


def _missing(progress: Progress, sizes: PartSizes) -> list[int]:
    """Returns the committed chunks that lack a part."""
    expected = {
        Part.ALL: progress.done,
        Part.SUMMARY: progress.done,
        Part.SUCCESSFUL: progress.with_successes,
        Part.FAILED: progress.with_failures,
        Part.ERRORS: progress.with_failures,
    }
    return sorted({chunk for part, chunks in expected.items() for chunk in chunks - sizes[part].keys()})
