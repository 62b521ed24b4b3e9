"""Keys of the results bucket.

A key consists of the id of the job and the number of the chunk alone, so a repeated write is the same write. Objects
under `work/`, `results/` and `exports/` have different lifecycle rules.
"""

from enum import StrEnum
from uuid import UUID

from shared.jobs.job import ExportKind, Outcome


class Part(StrEnum):
    """Parts of a chunk: rows for the result files, row errors as JSON lines, and the summary.

    The last two are of chunks that were never committed; the `ALL` part of a late worker is not one of them.
    """

    SUCCESSFUL = "successful"
    FAILED = "failed"
    ALL = "all"
    ERRORS = "errors"
    SUMMARY = "summary"
    UNPROCESSED = "unprocessed"
    UNPROCESSED_IN_ALL = "unprocessed-in-all"


# Parts that Score writes. The last one exists for every chunk.
SCORED_PARTS = (Part.ERRORS, Part.FAILED, Part.SUCCESSFUL, Part.SUMMARY, Part.ALL)


def work_prefix(job_id: UUID) -> str:
    """Returns the prefix of objects that are useless once the result files exist."""
    return f"work/{job_id}/"


def results_prefix(job_id: UUID) -> str:
    """Returns the prefix of objects that are kept as long as the job."""
    return f"results/{job_id}/"


def plan_key(job_id: UUID) -> str:
    """Returns the key of the plan."""
    return f"{work_prefix(job_id)}plan.json"


def rewritten_key(job_id: UUID) -> str:
    """Returns the key of the rewritten input: a file of another form than the one that is scored."""
    return f"{work_prefix(job_id)}input.csv"


def part_key(job_id: UUID, part: Part, chunk: int) -> str:
    """Returns the key of a part of a chunk."""
    return f"{part_prefix(job_id, part)}{chunk:06d}"


def part_prefix(job_id: UUID, part: Part) -> str:
    """Returns the prefix of all parts of a kind."""
    # Row errors are read as long as the job is kept, the other parts only until they are assembled.
    return f"{results_prefix(job_id)}errors/" if part is Part.ERRORS else f"{work_prefix(job_id)}{part}/"


def summary_key(job_id: UUID) -> str:
    """Returns the key of the risk summary."""
    return f"{results_prefix(job_id)}summary.json"


def result_key(job_id: UUID, outcome: Outcome) -> str:
    """Returns the key of the CSV of an outcome."""
    return f"{results_prefix(job_id)}{outcome}.csv"


def exports_prefix(job_id: UUID) -> str:
    """Returns the prefix of all exports of a job, which expire after a day: they can be made again."""
    return f"exports/{job_id}/"


def export_key(job_id: UUID, kind: ExportKind) -> str:
    """Returns the key of an export."""
    return f"{exports_prefix(job_id)}{kind.outcome}.{kind.file_format}"
