"""Small input files, and helpers that score them."""

import csv
import io
import json
from typing import Any

import numpy as np

from shared.inputs.formats import detect_dialect
from shared.inputs.header import Layout, read_layout
from shared.scoring.catalog import ModelName, model_name_for
from shared.scoring.chunk import (
    ScoredChunk,
    score_chunk,
)
from shared.scoring.features import FEATURES
from shared.scoring.model import Model
from shared.scoring.results import header_line
from shared.vocabulary import JobType

NEXT_YEAR = 2027
STATEMENTS = (
    "company_symbol,company_name,sector,reporting_year,market_cap,total_assets,total_liabilities,current_assets,"
    "current_liabilities,inventory,net_income,ebitda"
)
RATIOS = (
    "company_symbol,company_name,sector,reporting_year,market_cap,long_term_debt_to_total_capital,"
    "total_debt_to_ebitda,net_income_margin,return_on_assets,ebit_to_interest_expense"
)
VALID_ROW = "ACME,Acme Inc,Tech,2015,100,50,20,30,10,5,4,8"
VALID_RATIOS_ROW = "ACME,Acme Inc,Tech,2015,100,50,2,3,1,"


def made_up_model(name: ModelName) -> Model:
    """Returns a model whose steps follow the declared risk directions and differ between features."""
    points = np.array([0.01, 0.5, 2.0, 5.0])
    steps = np.array([-1.5, -0.4, 0.1, 0.6, 1.7])
    inputs = FEATURES[name]
    return Model(
        name=name,
        version=f"{name}-made-up",
        inputs=inputs,
        intercept=-4.0,
        break_points=tuple(points for _ in inputs),
        contributions=tuple(
            np.append(steps * feature.risk_direction * (1 + place / 10), 0.0) for place, feature in enumerate(inputs)
        ),
    )


def layout_of(data: bytes, job_type: JobType) -> Layout:
    dialect = detect_dialect(data, is_whole_file=True)
    return read_layout(data, dialect, job_type=job_type, is_whole_file=True)


def score_file(
    data: str | bytes, job_type: JobType = JobType.ANNUAL, *, scored: bool = True, **options: Any
) -> ScoredChunk:
    data = data.encode() if isinstance(data, str) else data
    layout = layout_of(data, job_type)
    model = made_up_model(model_name_for(job_type, layout.profile)) if scored else None
    options = {"first_row": 1, "next_year": NEXT_YEAR, **options}
    return score_chunk(data[layout.data_start :], layout=layout, model=model, **options)


def errors_of(chunk: ScoredChunk) -> list[dict[str, Any]]:
    return [json.loads(line) for line in chunk.parts.errors.splitlines()]


def table_of(layout_data: str, part: bytes, outcome: Any, *, scored: bool = True) -> list[dict[str, str]]:
    layout = layout_of(layout_data.encode(), JobType.ANNUAL)
    text = (header_line(layout, outcome, scored=scored) + part).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def with_cell(column: str, text: str, header: str = STATEMENTS, valid: str = VALID_ROW) -> str:
    cells = valid.split(",")
    cells[header.split(",").index(column)] = text
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)
    return f"{header}\n{line.getvalue()}"
