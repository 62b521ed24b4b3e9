"""Results of the example rows: scores of a model, which the api function cannot compute."""

from typing import Any, Final

from shared.api_types import JsonObject
from shared.inputs.schema import example_rows
from shared.jobs.row_errors import RowErrorCounts
from shared.scoring.catalog import basis
from shared.vocabulary import JobType

MODEL_VERSION: Final = "statements-143b046203d5"

_SCORE: Final[dict[str, Any]] = {
    "default_probability": 0.000341541,
    "risk_level": "LOW",
    "risk_grade": "R01",
    "top_factors": [
        {"input": "ln_market_cap", "contribution": -0.7606},
        {"input": "market_cap_to_liabilities", "contribution": -0.543},
        {"input": "net_income_to_assets", "contribution": -0.3852},
    ],
    "missing_ratios": [],
    "out_of_range": [],
    "model_version": MODEL_VERSION,
}

# Rows of the file without a market value, in addition to those listed below.
_WITHOUT_MARKET_CAP: Final = (171, 395, 440, 524, 544, 560, 618, 627, 653, 906, 932, 979, 994)


def scored_row(job_type: JobType) -> JsonObject:
    """Returns the first row of the template, scored."""
    return {**example_rows(job_type)[0], "row": 1, **_SCORE, "model_basis": basis(job_type, "statements")}


def row_errors() -> list[JsonObject]:
    """Returns the errors of the 15 failed rows among the 1,000 of the file."""
    return [
        _row_error(45, "INVALID", "market_cap", "invalid_market_cap", "Invalid market cap value", "n/a"),
        _row_error(123, "TEST123", "sector", "missing_field", "Missing required field: sector", ""),
        *(
            _row_error(row, f"C{row:04d}", "market_cap", "invalid_market_cap", "Invalid market cap value", "-")
            for row in _WITHOUT_MARKET_CAP
        ),
    ]


def _row_error(row: int, symbol: str, column: str, code: str, error: str, value: str) -> JsonObject:  # noqa: PLR0917 - a line a row
    row_error = {"column": column, "code": code, "error": error, "value": value}
    return {"row": row, "company_symbol": symbol, **row_error, "errors": [row_error]}


def error_counts() -> RowErrorCounts:
    """Returns the counts of those errors."""
    return RowErrorCounts.total(RowErrorCounts.of({((error["code"], error["column"]),): 1}) for error in row_errors())


# The riskiest rows after the first are left out.
SUMMARY: Final[JsonObject] = {
    "rows": 985,
    "model_version": "statements-143b046203d5",
    "default_probability": {
        "mean": 0.00736809,
        "lowest": 0.000236921,
        "highest": 0.142727,
        "quantiles": {
            "p05": 0.000296786,
            "p25": 0.000364312,
            "p50": 0.000527427,
            "p75": 0.00190647,
            "p95": 0.0532637,
            "p99": 0.10254,
        },
    },
    "by_risk_level": {"LOW": 874, "MEDIUM": 12, "HIGH": 89, "CRITICAL": 10},
    "by_risk_grade": {
        "R01": 480,
        "R02": 122,
        "R03": 185,
        "R04": 69,
        "R05": 18,
        "R06": 0,
        "R07": 12,
        "R08": 51,
        "R09": 38,
        "R10": 10,
    },
    "by_sector": [
        {
            "sector": "Industrials",
            "rows": 568,
            "mean_default_probability": 0.000404628,
            "by_risk_level": {"LOW": 568, "MEDIUM": 0, "HIGH": 0, "CRITICAL": 0},
        },
        {
            "sector": "Consumer Staples",
            "rows": 306,
            "mean_default_probability": 0.00217483,
            "by_risk_level": {"LOW": 306, "MEDIUM": 0, "HIGH": 0, "CRITICAL": 0},
        },
        {
            "sector": "Technology",
            "rows": 111,
            "mean_default_probability": 0.0573175,
            "by_risk_level": {"LOW": 0, "MEDIUM": 12, "HIGH": 89, "CRITICAL": 10},
        },
    ],
    "other_sectors": None,
    "riskiest": [
        {
            "row": 929,
            "company_symbol": "C0929",
            "company_name": "Company 929",
            "sector": "Technology",
            "reporting_year": "2024",
            "default_probability": 0.142727,
            "risk_level": "CRITICAL",
            "risk_grade": "R10",
            "top_factors": [
                {"input": "market_cap_to_liabilities", "contribution": 1.1143},
                {"input": "net_income_to_assets", "contribution": 0.7773},
                {"input": "quick_ratio", "contribution": 0.7697},
            ],
        }
    ],
    "duplicates": {"companies_and_periods": 0, "rows": 0, "examples": []},
    "figures": [{"name": "market_cap/total_liabilities", "missing": 0, "out_of_range": 0}],
    "population_stability": {
        "index": 0.6826,
        "reading": "shifted",
        "training_rows": 55524,
        "training_grades": {
            "R01": 12594,
            "R02": 10163,
            "R03": 11598,
            "R04": 6405,
            "R05": 5223,
            "R06": 2976,
            "R07": 2054,
            "R08": 1666,
            "R09": 1317,
            "R10": 1528,
        },
    },
    "notes": [],
}
