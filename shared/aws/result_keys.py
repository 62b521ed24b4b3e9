"""Where everything of a job lies in the results bucket.

Keys are made from the job's id and the chunk's number alone, so a repeated write is the same write. What is under
`work/` and what is under `results/` have lifecycles of their own.
"""

from enum import StrEnum
from uuid import UUID

from shared.jobs.job import ExportKind, Outcome


class Part(StrEnum):
    """What a chunk leaves behind: rows for the result files, its row errors as JSON lines, and what it sums up to.

    The last two are of chunks that were never committed; a late worker's own `ALL` part is not among them.
    """

    SUCCESSFUL = "successful"
    FAILED = "failed"
    ALL = "all"
    ERRORS = "errors"
    SUMMARY = "summary"
    UNPROCESSED = "unprocessed"
    UNPROCESSED_IN_ALL = "unprocessed-in-all"


# What Score writes, the part that every chunk has last.
SCORED_PARTS = (Part.ERRORS, Part.FAILED, Part.SUCCESSFUL, Part.SUMMARY, Part.ALL)


def work_prefix(job_id: UUID) -> str:
    """What is of no use once the job's result files are there."""
    return f"work/{job_id}/"


def results_prefix(job_id: UUID) -> str:
    """What is kept for as long as the job."""
    return f"results/{job_id}/"


def plan_key(job_id: UUID) -> str:
    """How the job's input is to be read."""
    return f"{work_prefix(job_id)}plan.json"


def rewritten_key(job_id: UUID) -> str:
    """The job's input in the form that is scored, when its file had another."""
    return f"{work_prefix(job_id)}input.csv"


def part_key(job_id: UUID, part: Part, chunk: int) -> str:
    """One part of one chunk."""
    return f"{part_prefix(job_id, part)}{chunk:06d}"


def part_prefix(job_id: UUID, part: Part) -> str:
    """All parts of a kind."""
    # Row errors are read as they are for as long as the job is kept; the other parts only until they are put together.
    return f"{results_prefix(job_id)}errors/" if part is Part.ERRORS else f"{work_prefix(job_id)}{part}/"


def summary_key(job_id: UUID) -> str:
    """The job's risk summary."""
    return f"{results_prefix(job_id)}summary.json"


def result_key(job_id: UUID, outcome: Outcome) -> str:
    """The CSV of an outcome."""
    return f"{results_prefix(job_id)}{outcome}.csv"


def exports_prefix(job_id: UUID) -> str:
    """The prefix of all exports of a job."""
    return f"exports/{job_id}/"


def export_key(job_id: UUID, kind: ExportKind) -> str:
    """The key of an export."""
    return f"{exports_prefix(job_id)}{kind.outcome}.{kind.file_format}"
