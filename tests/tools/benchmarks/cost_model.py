"""Cost model: requests, seconds and USD of a job on AWS by its number of rows.

Requests are counted from the real code: the plan's chunks, the commit's expressions applied to a shard, the parts
assembled on an S3 that counts. Times of AWS are assumptions, all of them in `Assumed`; the time to score a row is
measured. Prices are those of `infra/prices.json`. Polling by callers and storage are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any, Final

from infra.project import ROOT
from shared.aws.result_keys import SCORED_PARTS
from shared.inputs.chunks import MAX_CHUNK_ROWS
from shared.jobs.progress import shard_count
from tests.tools.benchmarks.commits import write_units
from tests.tools.benchmarks.finalized_process import finished_job

MIB: Final = 1 << 20
MONTH_SECONDS: Final = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """Times of AWS in seconds, sizes in bytes, and the memory of functions as the template declares it."""

    row_bytes: float = 190
    scored_row_bytes: float = 440
    score_row_seconds: float = 7e-6
    s3_request_seconds: float = 0.03
    s3_copy_seconds: float = 0.15
    s3_bytes_per_second: float = 80e6
    commit_seconds: float = 0.008
    cold_start_seconds: float = 1.2
    state_seconds: float = 0.05
    score_gib: float = 1769 / 1024
    plan_gib: float = 3008 / 1024
    requests_at_once: int = 8
    # Writes of the job's record, including its entries in the three listing indexes.
    life_write_units: int = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Estimate of one job. `score_seconds` is the time of one chunk; `gb_seconds` is the sum of all functions."""

    rows: int
    chunk_bytes: int
    chunks: int
    transitions: int
    write_units: int
    s3_writes: int
    s3_reads: int
    gb_seconds: float
    plan_seconds: float
    score_seconds: float
    finalize_seconds: float
    manifest_bytes: int
    largest_parts: int
    usd: float
    usd_of_children: float
    usd_of_standard_children: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Cost in USD of each way to start an environment of a function: per start, and per month of keeping it ready."""

    cold_start: float
    restored_start: float
    snapshot_month: float
    provisioned_month: float


@cache
def prices() -> Mapping[str, float]:
    """Returns the prices in USD by billed item."""
    found: Mapping[str, float] = json.loads((ROOT / "infra" / "prices.json").read_text(encoding="utf-8"))["usd"]
    return found


@cache
def estimate(rows: int, chunk_bytes: int, assumed: Assumed) -> Estimate:
    """Returns the estimate of a job with this number of rows and chunk size."""
    file_bytes = rows * assumed.row_bytes
    chunks = max(ceil(file_bytes / chunk_bytes), ceil(rows / MAX_CHUNK_ROWS))
    chunk_rows = rows / chunks
    parts = _parts(chunks, round(chunk_rows * assumed.scored_row_bytes))
    plan_seconds = file_bytes / assumed.s3_bytes_per_second + 5 * assumed.s3_request_seconds
    score_seconds = (
        chunk_rows * assumed.score_row_seconds
        + chunk_rows * assumed.row_bytes / assumed.s3_bytes_per_second
        + 2 * chunk_rows * assumed.scored_row_bytes / assumed.s3_bytes_per_second
        + (1 + len(SCORED_PARTS)) * assumed.s3_request_seconds
        + assumed.commit_seconds
    )
    finalize_seconds = (
        (parts.requests - parts.copies) * assumed.s3_request_seconds / assumed.requests_at_once
        + parts.copies * assumed.s3_copy_seconds / assumed.requests_at_once
        + parts.bytes_through / assumed.s3_bytes_per_second
    )
    units = assumed.life_write_units + 2 * (1 + shard_count(chunks)) + write_units(chunks)
    gb_seconds = assumed.plan_gib * plan_seconds + assumed.score_gib * (chunks * score_seconds + finalize_seconds)
    # Plan, IsPlanned, ScoreChunks and Finalize, the start, and one for every child that the map starts.
    transitions = 5 + chunks
    s3_writes = 3 + len(SCORED_PARTS) * chunks + parts.requests - parts.reads
    s3_reads = 2 + 2 * chunks + parts.reads
    usd = prices()
    express = chunks * (
        usd["step_functions_express_request"]
        # Billed in steps of 100 ms and 64 MB; such a child uses 64 MB.
        + ceil(score_seconds * 10) / 10 * usd["step_functions_express_gb_second"] / 16
    )
    # A standard child enters Score and leaves it.
    standard = 2 * chunks * usd["step_functions_standard_transition"]
    rest = (
        transitions * usd["step_functions_standard_transition"]
        + units * usd["dynamodb_write_unit"]
        + s3_writes * usd["s3_put_copy_list"]
        + s3_reads * usd["s3_get"]
        + gb_seconds * usd["lambda_gb_second_arm64"]
        + (chunks + 3) * usd["lambda_request"]
    )
    return Estimate(
        rows=rows,
        chunk_bytes=chunk_bytes,
        chunks=chunks,
        transitions=transitions,
        write_units=units,
        s3_writes=s3_writes,
        s3_reads=s3_reads,
        gb_seconds=gb_seconds,
        plan_seconds=plan_seconds,
        score_seconds=score_seconds,
        finalize_seconds=finalize_seconds,
        manifest_bytes=_manifest_bytes(chunks, file_bytes),
        largest_parts=parts.largest,
        usd=rest + express,
        usd_of_children=express,
        usd_of_standard_children=standard,
    )


def readiness(gib: float, assumed: Assumed) -> Readiness:
    """Returns the costs of one environment with this memory. A cold start is billed as execution time."""
    usd = prices()
    return Readiness(
        cold_start=assumed.cold_start_seconds * gib * usd["lambda_gb_second_arm64"],
        restored_start=gib * usd["lambda_snapshot_restored_gb"],
        snapshot_month=MONTH_SECONDS * gib * usd["lambda_snapshot_gb_second"],
        provisioned_month=MONTH_SECONDS * gib * usd["lambda_provisioned_gb_second_arm64"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    requests: int
    reads: int
    copies: int
    bytes_through: int
    largest: int


@cache
def _parts(chunks: int, part_bytes: int) -> _Parts:
    finished = finished_job(parts=chunks, part_bytes=part_bytes)
    finished.assembly.assemble(finished.view)
    s3 = finished.s3
    return _Parts(
        requests=s3.requests,
        reads=s3.reads,
        copies=s3.copies,
        bytes_through=s3.bytes_through,
        largest=s3.most_parts,
    )


def _manifest_bytes(chunks: int, file_bytes: float) -> int:
    last: dict[str, Any] = {
        "index": chunks,
        "start": round(file_bytes),
        "end": round(file_bytes),
        "first_row": chunks * 40_000,
        "row_count": 40_000,
    }
    return chunks * len(json.dumps(last))
