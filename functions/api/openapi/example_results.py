"""Results of the example rows: scores of a model, which the api function cannot compute."""

from typing import Any, Final

from shared.api_types import JsonObject
from shared.inputs.schema import example_rows
from shared.jobs.row_errors import RowErrorCounts
from shared.scoring.catalog import basis
from shared.vocabulary import JobType

MODEL_VERSION: Final = "statements-8b8dfbe08d8f"

_SCORE: Final[dict[str, Any]] = {
    "default_probability": 0.000418486,
    "risk_level": "LOW",
    "risk_grade": "R01",
    "top_factors": [
        {"input": "ln_market_cap", "contribution": -1.2214},
        {"input": "ln_total_assets", "contribution": 0.9065},
        {"input": "ebitda_to_value", "contribution": -0.3781},
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
    "model_version": MODEL_VERSION,
    "default_probability": {
        "mean": 0.00785647,
        "lowest": 0.000241279,
        "highest": 0.100952,
        "quantiles": {
            "p05": 0.000355317,
            "p25": 0.00042327,
            "p50": 0.000585819,
            "p75": 0.00383917,
            "p95": 0.0588655,
            "p99": 0.0831175,
        },
    },
    "by_risk_level": {
        "LOW": 872,
        "MEDIUM": 7,
        "HIGH": 105,
        "CRITICAL": 1,
    },
    "by_risk_grade": {
        "R01": 417,
        "R02": 151,
        "R03": 65,
        "R04": 164,
        "R05": 75,
        "R06": 2,
        "R07": 5,
        "R08": 51,
        "R09": 54,
        "R10": 1,
    },
    "by_sector": [
        {
            "sector": "Industrials",
            "rows": 568,
            "mean_default_probability": 0.000461085,
            "by_risk_level": {
                "LOW": 568,
                "MEDIUM": 0,
                "HIGH": 0,
                "CRITICAL": 0,
            },
        },
        {
            "sector": "Consumer Staples",
            "rows": 306,
            "mean_default_probability": 0.00400227,
            "by_risk_level": {
                "LOW": 304,
                "MEDIUM": 2,
                "HIGH": 0,
                "CRITICAL": 0,
            },
        },
        {
            "sector": "Technology",
            "rows": 111,
            "mean_default_probability": 0.0563246,
            "by_risk_level": {
                "LOW": 0,
                "MEDIUM": 5,
                "HIGH": 105,
                "CRITICAL": 1,
            },
        },
    ],
    "other_sectors": None,
    "riskiest": [
        {
            "row": 513,
            "company_symbol": "C0513",
            "company_name": "Company 513",
            "sector": "Technology",
            "reporting_year": "2024",
            "default_probability": 0.100952,
            "risk_level": "CRITICAL",
            "risk_grade": "R10",
            "top_factors": [
                {
                    "input": "ln_market_cap",
                    "contribution": 1.1384,
                },
                {
                    "input": "market_cap_to_liabilities",
                    "contribution": 0.7898,
                },
                {
                    "input": "quick_ratio",
                    "contribution": 0.6986,
                },
            ],
        },
    ],
    "duplicates": {
        "companies_and_periods": 0,
        "rows": 0,
        "examples": [],
    },
    "figures": [
        {
            "name": "market_cap/total_liabilities",
            "missing": 0,
            "out_of_range": 0,
        },
    ],
    "population_stability": {
        "index": 0.7385,
        "reading": "shifted",
        "training_rows": 45978,
        "training_grades": {
            "R01": 9117,
            "R02": 8952,
            "R03": 10691,
            "R04": 6063,
            "R05": 4170,
            "R06": 2488,
            "R07": 1663,
            "R08": 1244,
            "R09": 795,
            "R10": 795,
        },
    },
    "notes": [],
}
