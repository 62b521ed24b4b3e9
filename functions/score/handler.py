"""One chunk of a job: read its bytes, score its rows, write its parts, and only then count it.

Also called by the api function, with rows of a request, and then it answers.
"""

# ruff: noqa: E402 - the garbage collector is off while the other modules load
import gc

# What is imported lives as long as the process: looking through it for garbage took an eighth of a cold start.
gc.disable()

import time
from functools import cache
from typing import Any
from uuid import UUID

from aws_lambda_powertools.metrics import MetricUnit

from functions.score.given_rows import score_given
from functions.score.scorer import Scorer
from functions.score.settings import ScoreSettings
from shared.aws import clients
from shared.aws.invocations import FinalizeInvocation
from shared.aws.jobs_table import JobsTable
from shared.aws.planned_input import PlannedInput
from shared.aws.results_bucket import ResultsBucket
from shared.aws.state_machine import StateMachine
from shared.aws.upload_bucket import UploadBucket
from shared.files.chunks import Chunk
from shared.jobs.job import utc_now
from shared.jobs.processing import FailureBudget
from shared.observability import about_job, count, logger, metrics, observed

gc.freeze()
gc.enable()


@cache
def _scorer() -> Scorer:
    settings = ScoreSettings.from_environment()
    store = JobsTable(client=clients.dynamodb, table=settings.table_name)
    results = ResultsBucket(client=clients.s3, bucket=settings.results_bucket)
    return Scorer(
        store=store,
        results=results,
        planned_input=PlannedInput(
            uploads=UploadBucket(client=clients.s3, bucket=settings.uploads_bucket), results=results
        ),
        budget=FailureBudget(
            store=store,
            workflow=StateMachine(client=clients.step_functions, arn=settings.state_machine_arn),
            assembler=FinalizeInvocation(client=clients.lambda_, function_name=settings.finalize_function_name),
            clock=utc_now,
        ),
        clock=utc_now,
    )


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """Score the chunk. Answers nothing: what the map collects must not grow with the number of chunks."""
    if "given_rows" in event:
        return score_given(event["given_rows"])
    chunk = Chunk(**event["chunk"])
    about_job(event["job_id"], event.get("organization_id"), chunk=chunk.index)
    began = time.monotonic()
    try:
        _scorer().score(UUID(event["job_id"]), chunk)
    except Exception:
        # Step Functions tries again, until it gives the chunk up.
        count("ChunkAttemptsFailed")
        logger.exception("The attempt at a chunk failed")
        raise
    metrics.add_metric("ChunkDuration", unit=MetricUnit.Seconds, value=time.monotonic() - began)
    count("ChunkRows", chunk.row_count)
    logger.info("The chunk was done")
    return None
