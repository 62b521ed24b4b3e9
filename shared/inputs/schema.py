"""The input columns described to callers: the schema, and a template that uploads clean. Standard library only."""

import csv
import io
from math import isfinite
from typing import Any, Final

from shared.inputs.columns import COLUMNS, EBITDA_STAND_INS, Column, ProfileName, required_columns
from shared.vocabulary import JobType

# Invented companies; USD million, of the magnitudes that the training data have.
_EXAMPLES: Final[tuple[dict[str, str], ...]] = (
    {
        "company_symbol": "NRTH",
        "company_name": "Northwind Components",
        "sector": "Industrials",
        "reporting_year": "2024",
        "reporting_quarter": "Q1",
        "market_cap": "1840.5",
        "total_assets": "1215.3",
        "total_liabilities": "534.7",
        "current_assets": "612.4",
        "current_liabilities": "255.1",
        "inventory": "148.9",
        "net_income": "92.6",
        "ebitda": "187.2",
    },
    {
        "company_symbol": "HLCN",
        "company_name": "Halcyon Foods, Inc.",
        "sector": "Consumer Staples",
        "reporting_year": "2024",
        "reporting_quarter": "Q1",
        "market_cap": "312.8",
        "total_assets": "486.0",
        "total_liabilities": "301.5",
        "current_assets": "140.2",
        "current_liabilities": "98.7",
        "inventory": "61.3",
        "net_income": "11.4",
        "ebitda": "42.9",
    },
    {
        "company_symbol": "TIDE",
        "company_name": "Tidewater Robotics",
        "sector": "Technology",
        "reporting_year": "2024",
        "reporting_quarter": "Q1",
        "market_cap": "27.4",
        "total_assets": "58.6",
        "total_liabilities": "49.9",
        "current_assets": "21.7",
        "current_liabilities": "26.3",
        "inventory": "4.2",
        "net_income": "-18.5",
        "ebitda": "-12.1",
    },
)


def schema(job_type: JobType) -> dict[str, Any]:
    """The columns a file of the job type may have, as JSON-able values, in table order.

    A column of no profile belongs to every file; a file has all required columns of one profile. `ebitda` may be given
    as `ebit` and `depreciation_amortization` instead, which is why those two are not required.
    """
    return {
        "job_type": job_type,
        "profiles": {
            "statements": [column.name for column in required_columns(job_type, "statements")],
            "ratios": [column.name for column in required_columns(job_type, "ratios")],
        },
        "alternatives": {"ebitda": list(EBITDA_STAND_INS)},
        "columns": [
            _described(column, job_type)
            for column in COLUMNS
            if column.profile is None or job_type in column.required_for
        ],
    }


def _described(column: Column, job_type: JobType) -> dict[str, Any]:
    profiles: tuple[ProfileName, ...] = (column.profile,) if column.profile else ("statements", "ratios")
    described: dict[str, Any] = {
        "name": column.name,
        "type": column.kind.value,
        "description": column.description,
        "profile": column.profile,
        "required": any(column in required_columns(job_type, profile) for profile in profiles),
        "scored": column.scored,
    }
    if column.unit is not None:
        described["unit"] = column.unit.value
    if column.max_length is not None:
        described["max_length"] = column.max_length
    if isfinite(column.minimum):
        described["exclusive_minimum" if column.minimum_is_excluded else "minimum"] = column.minimum
    if column.usual_range is not None:
        described["usual_range"] = [bound if isfinite(bound) else None for bound in column.usual_range]
    return described


def template_csv(job_type: JobType) -> str:
    """A CSV of the job type, statements profile, with a few rows of invented companies that all pass validation."""
    names = [column.name for column in required_columns(job_type, "statements")]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_EXAMPLES)
    return text.getvalue()


def example_rows(job_type: JobType) -> list[dict[str, str]]:
    """The rows of the template by column."""
    return list(csv.DictReader(io.StringIO(template_csv(job_type))))
