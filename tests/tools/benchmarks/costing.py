"""USD and seconds of jobs of 1,000 to 100 million rows on AWS, and their parts.

A model, not a measurement of AWS: see `cost_model` for what is counted, measured and assumed. Only the time to score a
row is measured in this run.
"""

from dataclasses import replace
from time import process_time
from typing import Final

from shared.inputs.chunks import chunk_size
from shared.scoring.chunk import score_chunk
from shared.scoring.model import model_for
from shared.vocabulary import JobType
from tests.tools.benchmarks.commits import largest_shard
from tests.tools.benchmarks.cost_model import MIB, Assumed, Estimate, estimate, prices, readiness
from tests.tools.benchmarks.inputs import company_csv, company_rows
from tests.tools.benchmarks.job_simulation import score_all, whole_seconds
from tests.tools.benchmarks.layouts import layout_of
from tests.tools.benchmarks.measurements import Measurement, Quantity, Series

SIZES: Final = (1_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
WORKERS: Final = (1, 2, 10, 100, 1_000)
SIMULATED_ROWS: Final = 10_000_000
CUTS: Final = (MIB // 2, 2 * MIB, 8 * MIB, 32 * MIB)
LARGEST_ROWS: Final = SIZES[-1]
# Limits of AWS: seconds of a function and of an Express execution, concurrent executions of an account unless raised,
# parts of a multipart upload, bytes of an item.
FUNCTION_SECONDS: Final = 15 * 60
EXPRESS_SECONDS: Final = 5 * 60
CONCURRENT_EXECUTIONS: Final = 1_000
UPLOAD_PARTS: Final = 10_000
ITEM_BYTES: Final = 400 * 1024
_MEASURED_ROWS: Final = 20_000
_MILLION: Final = 1_000_000


def measure() -> tuple[Measurement, ...]:
    """Returns USD by job size and chunk size, the distance to the limits of AWS, and seconds by workers."""
    assumed = measured()
    return (
        *(cost(rows, assumed) for rows in SIZES),
        *(cut(chunk_bytes, assumed) for chunk_bytes in CUTS),
        *limits(assumed),
        cold_start(assumed),
        *(scaling(workers, assumed) for workers in WORKERS),
    )


def measured() -> Assumed:
    """Returns the assumptions with the bytes and processor time of a row as measured in this run."""
    file = company_csv(company_rows(_MEASURED_ROWS))
    layout = layout_of(file, is_whole_file=True)
    data, model = file[layout.data_start :], model_for(JobType.ANNUAL, "statements")
    taken = []
    for _ in range(5):
        start = process_time()
        scored = score_chunk(data, layout=layout, first_row=1, model=model, next_year=2026)
        taken.append(process_time() - start)
    return replace(
        Assumed(),
        row_bytes=round(len(data) / _MEASURED_ROWS),
        scored_row_bytes=round(len(scored.parts.all) / _MEASURED_ROWS),
        score_row_seconds=min(taken) / _MEASURED_ROWS,
    )


def job_of(rows: int, assumed: Assumed) -> Estimate:
    """Returns the estimate of a job with the chunk size that Plan chooses."""
    return estimate(rows, chunk_size(round(rows * assumed.row_bytes)), assumed)


def cost(rows: int, assumed: Assumed) -> Measurement:
    """Compares the USD of a job with those of the alternatives."""
    job = job_of(rows, assumed)
    standard = job.usd - job.usd_of_children + job.usd_of_standard_children
    # One Standard child per row, as in maps over rows, without its work.
    by_row = 3 * rows * prices()["step_functions_standard_transition"]
    seconds = whole_seconds(job, workers=1_000, assumed=assumed)
    return Measurement(
        title=f"A job of {rows:,} rows (model)",
        quantity="USD",
        unit="million rows",
        subject=Series(name="Express children", values=(job.usd,), units=rows / _MILLION),
        baselines=(
            Series(name="Standard children", values=(standard,), units=rows / _MILLION),
            Series(name="a Standard child a row, without its work", values=(by_row,), units=rows / _MILLION),
        ),
        notes=(
            (
                f"{job.chunks:,} chunks of {job.chunk_bytes / MIB:.3g} MiB, {job.transitions:,} state transitions, "
                f"{job.write_units:,} write units, {job.s3_writes:,} PUT and {job.s3_reads:,} GET, "
                f"{job.gb_seconds:,.0f} GB-s, {seconds:,.0f} s with 1,000 workers (plan {job.plan_seconds:,.1f}, "
                f"finalize {job.finalize_seconds:,.1f})"
            ),
        ),
    )


def cut(chunk_bytes: int, assumed: Assumed) -> Measurement:
    """Compares the USD of a large job with this chunk size and with the size that Plan chooses."""
    job, planned = estimate(SIMULATED_ROWS, chunk_bytes, assumed), job_of(SIMULATED_ROWS, assumed)
    seconds = whole_seconds(job, workers=1_000, assumed=assumed)
    return Measurement(
        title=f"{SIMULATED_ROWS // _MILLION} M rows in chunks of {chunk_bytes / MIB:.3g} MiB (model)",
        quantity="USD",
        unit="job",
        subject=Series(name=f"{job.chunks:,} chunks", values=(job.usd,)),
        baselines=(Series(name=f"chunks of {planned.chunk_bytes / MIB:.3g} MiB, as planned", values=(planned.usd,)),),
        notes=(f"{seconds:,.0f} s with 1,000 workers",),
    )


def limits(assumed: Assumed) -> tuple[Measurement, ...]:
    """Compares the needs of a job of five times the accepted rows with the limits of AWS."""
    job = job_of(LARGEST_ROWS, assumed)
    needs: tuple[tuple[str, Quantity, float, float], ...] = (
        ("chunks at once, of an account's 1,000", "chunks", job.chunks, CONCURRENT_EXECUTIONS),
        ("Plan", "seconds", job.plan_seconds, FUNCTION_SECONDS),
        ("Finalize", "seconds", job.finalize_seconds, FUNCTION_SECONDS),
        ("scoring a chunk", "seconds", job.score_seconds, EXPRESS_SECONDS),
        ("parts of a result file", "parts", job.largest_parts, UPLOAD_PARTS),
        ("the largest item", "bytes", largest_shard(job.chunks)[0], ITEM_BYTES),
    )
    return tuple(
        Measurement(
            title=f"{LARGEST_ROWS // _MILLION} M rows: {what} (model)",
            quantity=quantity,
            unit="job",
            subject=Series(name="needed", values=(value,)),
            baselines=(Series(name="the limit", values=(limit,)),),
        )
        for what, quantity, value, limit in needs
    )


def cold_start(assumed: Assumed) -> Measurement:
    """Compares the USD of a cold start of Score and of restoring a snapshot."""
    ready = readiness(assumed.score_gib, assumed)
    a_row = job_of(SIMULATED_ROWS, assumed).usd / SIMULATED_ROWS
    return Measurement(
        title="A cold start of Score (model)",
        quantity="USD",
        unit="million starts",
        subject=Series(name="from nothing", values=(ready.cold_start,), units=1 / _MILLION),
        baselines=(Series(name="from a snapshot", values=(ready.restored_start,), units=1 / _MILLION),),
        notes=(
            (
                f"a snapshot kept for a month is {ready.snapshot_month:.2f} USD, an environment kept ready "
                f"{ready.provisioned_month:.2f} USD: as much as {ready.snapshot_month / a_row / _MILLION:,.0f} and "
                f"{ready.provisioned_month / a_row / _MILLION:,.0f} million rows scored"
            ),
        ),
    )


def scaling(workers: int, assumed: Assumed) -> Measurement:
    """Compares the seconds of scoring with this number of workers with linear scaling."""
    job = job_of(SIMULATED_ROWS, assumed)
    alone = score_all(job, workers=1, assumed=assumed)
    scored = score_all(job, workers=workers, assumed=assumed)
    whole = whole_seconds(job, workers=workers, assumed=assumed)
    return Measurement(
        title=f"{SIMULATED_ROWS // _MILLION} M rows by {workers:,} workers (simulated)",
        quantity="seconds",
        unit="job",
        subject=Series(name="scoring, all chunks", values=(scored.seconds,)),
        baselines=(Series(name="linear", values=(alone.seconds / workers,)),),
        notes=(
            (
                f"{SIMULATED_ROWS / scored.seconds:,.0f} rows/s while scoring, {SIMULATED_ROWS / whole:,.0f} from the "
                f"start to the result files; {scored.cold_starts} cold starts, "
                f"{scored.waited_for_commits:.2f} s of waiting for commits"
            ),
        ),
    )
