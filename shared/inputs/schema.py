"""The schema of input columns, and a template whose rows are all valid. Standard library only."""

import csv
import io
from math import isfinite
from typing import Any

from shared.inputs.columns import COLUMNS, EBITDA_COMPONENTS, Column, ProfileName, required_columns
from shared.vocabulary import JobType


def schema(job_type: JobType) -> dict[str, Any]:
    """Returns the columns a file of the job type may have, as JSON-able values, in table order.

    A column of no profile belongs to every file; a file has all required columns of one profile. `ebitda` may be given
    as `ebit` and `depreciation_amortization` instead, which is why those two are not required.
    """
    return {
        "job_type": job_type,
        "profiles": {
            "statements": [column.name for column in required_columns(job_type, "statements")],
            "ratios": [column.name for column in required_columns(job_type, "ratios")],
        },
        "alternatives": {"ebitda": list(EBITDA_COMPONENTS)},
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
    """Returns a CSV of the job type, statements profile, with a few rows of invented companies, all of them valid."""
    columns = required_columns(job_type, "statements")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows(zip(*(column.examples for column in columns), strict=True))
    return text.getvalue()


def example_rows(job_type: JobType) -> list[dict[str, str]]:
    """Returns the rows of the template by column."""
    return list(csv.DictReader(io.StringIO(template_csv(job_type))))
