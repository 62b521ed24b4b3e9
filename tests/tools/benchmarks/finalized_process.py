"""A process that assembles the result files of a job, and prints its peak memory.

Arguments: the number of parts, which may be 0, and their size in bytes.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from functions.finalize.assembly import Assembly
from shared.aws.planned_input import InputPlan, PlannedInput
from shared.aws.result_keys import Part
from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.progress import JobView, Progress
from shared.scoring.chunk import score_chunk
from shared.scoring.model import model_for
from shared.vocabulary import JobType
from tests.builders import NOON, a_processing_job, a_shard, a_stored_input
from tests.tools.benchmarks.inputs import company_csv, company_rows
from tests.tools.benchmarks.layouts import layout_of
from tests.tools.benchmarks.peak_memory import peak_bytes
from tests.tools.benchmarks.sized_s3 import SizedS3

JOB: Final = UUID(int=1)
ROWS_A_PART: Final = 1_000
# 2% of the rows fail; with their errors they are about twice as long.
FAILED_SHARE: Final = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job whose chunks are all scored, and the S3 with their parts."""

    s3: SizedS3
    assembly: Assembly
    view: JobView

    def parts(self) -> Sequence[str]:
        """Returns the keys of the parts of the result files."""
        made_of = tuple(f"work/{JOB}/{part}/" for part in (Part.SUCCESSFUL, Part.FAILED, Part.ALL))
        return [key for key in self.s3.sizes if key.startswith(made_of)]


def finished_job(*, parts: int, part_bytes: int) -> Finished:
    """Returns a job whose chunks each wrote `part_bytes` of scored rows, and slightly more of all rows."""
    s3 = SizedS3()
    client = cast("Any", lambda: s3)
    uploads = UploadBucket(client=client, bucket="uploads")
    results = ResultsBucket(client=client, bucket="results")
    file = company_csv(company_rows(10))
    layout = layout_of(file, is_whole_file=True)
    model = model_for(JobType.ANNUAL, "statements")
    scored = score_chunk(file[layout.data_start :], layout=layout, first_row=1, model=model, next_year=NOON.year + 1)
    plan = InputPlan(
        layout=layout,
        stored_input=a_stored_input(JOB),
        is_rewritten=False,
        validate_only=False,
        model_version="1.0.0",
        next_year=NOON.year + 1,
        shard_count=1,
        has_failure_budget=False,
        planned_at=NOON,
    )
    results.put_plan(JOB, plan.as_json())
    results.put_manifest(
        JOB,
        [
            {"index": index, "start": 0, "end": 1, "first_row": index * ROWS_A_PART + 1, "row_count": ROWS_A_PART}
            for index in range(parts)
        ],
    )
    failed = round(part_bytes * FAILED_SHARE)
    sizes = {
        Part.SUCCESSFUL: part_bytes,
        Part.FAILED: failed,
        Part.ALL: part_bytes + failed,
        Part.ERRORS: failed,
    }
    for index in range(parts):
        for part, size in sizes.items():
            s3.sizes[results.part_piece(JOB, part, index, size).key] = size
        s3.hold(results.part_piece(JOB, Part.SUMMARY, index, 0).key, scored.parts.summary)
    indices = frozenset(range(parts))
    shard = a_shard(done=indices, with_successes=indices, with_failures=indices)
    view = JobView(
        job=a_processing_job(id=JOB, chunk_count=parts, total_rows=parts * ROWS_A_PART), progress=Progress((shard,))
    )
    planned = PlannedInput(uploads=uploads, results=results)
    s3.requests = s3.bytes_through = 0
    assembly = Assembly(uploads=uploads, results=results, planned_input=planned, on_summary=lambda _: None)
    return Finished(s3=s3, assembly=assembly, view=view)


def main(parts: int, part_bytes: int) -> None:
    """Assembles the parts, if there are any, and prints the peak."""
    finished = finished_job(parts=parts, part_bytes=part_bytes)
    if parts:
        finished.assembly.assemble(finished.view)
    sys.stdout.write(f"{peak_bytes()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
