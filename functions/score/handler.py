"""Scores one chunk of a job: reads its bytes, scores its rows, writes its parts, and only then commits it.

Also invoked by the api function with rows of a request; then it returns the results.
"""

# ruff: noqa: E402 - the garbage collector is off while the other modules load
import gc

# Imported modules live as long as the process; garbage collection during imports took an eighth of a cold start.
gc.disable()

import time
from functools import cache, partial
from typing import Any
from uuid import UUID

from aws_lambda_powertools.metrics import MetricUnit

from functions.score.given_rows import score_given
from functions.score.scorer import Scorer
from shared.aws.invocations import request_assembly
from shared.aws.jobs_table import JobsTable
from shared.aws.planned_input import PlannedInput
from shared.aws.results_bucket import ResultsBucket
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.inputs.chunks import Chunk
from shared.jobs.processing import FailureBudget
from shared.observability import about_job, count, logger, metrics, observed
from shared.settings import Settings

gc.freeze()
gc.enable()


class ScoreSettings(Settings):
    """Environment of the score function."""

    table_name: str
    uploads_bucket: str
    results_bucket: str
    state_machine_arn: str
    finalize_function_name: str


@cache
def _scorer() -> Scorer:
    settings = ScoreSettings.from_environment()
    store, results = JobsTable(settings.table_name), ResultsBucket(settings.results_bucket)
    return Scorer(
        store=store,
        results=results,
        planned_input=PlannedInput(uploads=UploadBucket(settings.uploads_bucket), results=results),
        budget=FailureBudget(
            store=store,
            workflow=StateMachine(settings.state_machine_arn),
            request_assembly=partial(request_assembly, settings.finalize_function_name),
        ),
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """Scores a chunk and returns nothing, or scores given rows and returns their results.

    The collected output of a Map state must not grow with the number of chunks.
    """
    if "given_rows" in event:
        return score_given(event["given_rows"])
    chunk = Chunk(**event["chunk"])
    about_job(event["job_id"], event.get("organization_id"), chunk=chunk.index)
    _score(UUID(event["job_id"]), chunk)
    logger.info("The chunk was done")
    return None


def _score(job_id: UUID, chunk: Chunk) -> None:
    """Scores the chunk and reports how long it took."""
    began = time.monotonic()
    try:
        _scorer().score(job_id, chunk)
    except Exception:
        # Step Functions retries, until it gives the chunk up.
        count("ChunkAttemptsFailed")
        logger.exception("The attempt at a chunk failed")
        raise
    metrics.add_metric("ChunkDuration", unit=MetricUnit.Seconds, value=time.monotonic() - began)
    count("ChunkRows", chunk.row_count)
