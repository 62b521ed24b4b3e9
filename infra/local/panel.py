"""Synthetic companies for demos and tests, distributed like the American panel that the models were trained on.

Sizes are log-normal, leverage and margins are skewed, and a tenth of the companies are in distress. The same seed gives
the same file. No data of real companies is used.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from openpyxl import Workbook

SECTORS = ("Energy", "Health Care", "Technology", "Industrials", "Utilities", "Materials", "Consumer Staples")

STATEMENT_COLUMNS = (
    "company_symbol",
    "company_name",
    "market_cap",
    "sector",
    "reporting_year",
    "total_assets",
    "total_liabilities",
    "current_assets",
    "current_liabilities",
    "inventory",
    "net_income",
    "ebitda",
)
QUARTERLY_RATIO_COLUMNS = (
    "company_symbol",
    "company_name",
    "market_cap",
    "sector",
    "reporting_year",
    "reporting_quarter",
    "long_term_debt_to_total_capital",
    "total_debt_to_ebitda",
    "sga_margin",
    "return_on_capital",
)

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class InvalidCell:
    """An invalid value to put into a column of a row."""

    column: str
    value: str


# One example of each common mistake.
INVALID_CELLS = (
    InvalidCell("market_cap", "abc"),
    InvalidCell("market_cap", "-5"),
    InvalidCell("market_cap", ""),
    InvalidCell("sector", ""),
    InvalidCell("company_symbol", ""),
    InvalidCell("company_name", "   "),
    InvalidCell("reporting_year", "20x5"),
    InvalidCell("reporting_year", "1776"),
    InvalidCell("total_assets", ""),
    InvalidCell("net_income", "inf"),
    InvalidCell("ebitda", "nan"),
    InvalidCell("total_liabilities", "-1"),
    InvalidCell("company_symbol", "X" * 21),
    InvalidCell("current_liabilities", "twelve"),
    InvalidCell("inventory", "-3"),
)


def statement_rows(count: int, *, seed: int, invalid: int = 0) -> list[Row]:
    """Returns `count` annual rows of statement amounts in USD million. `invalid` rows, evenly spread, are invalid."""
    random = np.random.default_rng(seed)
    distressed = random.random(count) < 0.1
    assets = np.exp(random.normal(5.5, 2.2, count)).clip(0.5)
    leverage = np.where(distressed, random.uniform(0.7, 1.6, count), random.beta(2.5, 2.5, count)).clip(0.05)
    liabilities = assets * leverage
    current_assets = assets * random.beta(2, 2.2, count).clip(0.02)
    current_liabilities = liabilities * random.beta(2.5, 2.5, count).clip(0.05)
    inventory = current_assets * random.beta(1, 4, count)
    ebitda = assets * np.where(distressed, random.normal(-0.12, 0.15, count), random.normal(0.11, 0.1, count))
    net_income = ebitda - assets * random.uniform(0.03, 0.1, count)
    multiple = np.where(distressed, random.uniform(0.02, 0.4, count), random.lognormal(0.1, 0.8, count))
    market_cap = (assets * multiple).clip(0.1)
    rows = [
        {
            **_company(index, random),
            "market_cap": f"{market_cap[index]:.3f}",
            "total_assets": f"{assets[index]:.3f}",
            "total_liabilities": f"{liabilities[index]:.3f}",
            "current_assets": f"{current_assets[index]:.3f}",
            "current_liabilities": f"{current_liabilities[index]:.3f}",
            "inventory": f"{inventory[index]:.3f}",
            "net_income": f"{net_income[index]:.3f}",
            "ebitda": f"{ebitda[index]:.3f}",
        }
        for index in range(count)
    ]
    for number in range(invalid):
        cell = INVALID_CELLS[number % len(INVALID_CELLS)]
        rows[(number * count) // invalid + count // (2 * invalid)][cell.column] = cell.value
    return rows


def quarterly_ratio_rows(count: int, *, seed: int) -> list[Row]:
    """Returns `count` quarterly rows of ratios; every 25th has a blank one."""
    random = np.random.default_rng(seed)
    return [
        {
            **_company(index, random),
            "market_cap": f"{float(np.exp(random.normal(5.5, 2))):.3f}",
            "reporting_quarter": f"Q{index % 4 + 1}",
            "long_term_debt_to_total_capital": f"{float(random.beta(1.2, 2.5)) * 100:.4f}",
            "total_debt_to_ebitda": "" if index % 25 == 7 else f"{float(random.normal(2, 3)):.4f}",
            "sga_margin": f"{float(random.beta(2, 5)) * 100:.4f}",
            "return_on_capital": f"{float(random.normal(5, 15)):.4f}",
        }
        for index in range(count)
    ]


def as_csv(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Returns the rows as a CSV file."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def as_xlsx(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Returns the rows as an Excel workbook, with numbers in numeric cells."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Companies")
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_number_or_text(row[column]) for column in columns])
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _company(index: int, random: np.random.Generator) -> Row:
    return {
        "company_symbol": f"D{index + 1}",
        "company_name": f"Demo Company {index + 1}, Inc.",
        "sector": SECTORS[int(random.integers(len(SECTORS)))],
        "reporting_year": str(2015 + index % 10),
    }


def _number_or_text(cell: str) -> str | float | None:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell
