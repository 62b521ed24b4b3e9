"""Scores the rows of a request with the code that scores the chunks of jobs."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from shared.inputs.header import Layout
from shared.jobs.ports import GivenRows
from shared.scoring.chunk import score_chunk
from shared.scoring.chunk_summary import ChunkSummary
from shared.scoring.model import model_for
from shared.scoring.result_pages import as_object
from shared.scoring.results import result_columns
from shared.scoring.risk_summary import RiskSummary
from shared.vocabulary import Outcome

# Cells may be longer than the default limit of the csv module, which is global.
_CELL_LIMIT = 2**24


def score_given(given: GivenRows) -> dict[str, Any]:
    """Returns results as objects, with input columns as text and ours typed, and row errors."""
    layout = Layout.from_json(given["layout"])
    model = model_for(layout.job_type, layout.profile)
    scored = score_chunk(
        given["data"].encode(),
        layout=layout,
        first_row=1,
        row_count=given["row_count"],
        model=model,
        next_year=given["next_year"],
    )
    summary = RiskSummary()
    summary.add(ChunkSummary.from_bytes(scored.parts.summary), first_row=1)
    return {
        "profile": layout.profile,
        "model_version": model.version,
        "total_rows": scored.rows,
        "successful_rows": scored.successful,
        "failed_rows": scored.failed,
        "results": list(_results(scored.parts.successful, result_columns(layout, Outcome.SUCCESSFUL))),
        "errors": [json.loads(line) for line in scored.parts.errors.splitlines()],
        "notes": [*given["notes"], *(note.as_json() for note in (*layout.notes, *summary.notes()))],
    }


def _results(part: bytes, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_CELL_LIMIT)
    for cells in csv.reader(io.StringIO(part.decode(), newline="")):
        yield as_object(columns, cells)
