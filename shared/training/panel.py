"""The American bankruptcy panel: firm-years of NYSE and NASDAQ companies, 1999 to 2018, as figures and labels.

Lombardo, Pellegrino, Adosoglou, Cagnoni, Pardalos and Poggi (2022), "Machine Learning for Bankruptcy Prediction in the
American Stock Market: Dataset and Benchmarks", Future Internet 14(8):244, https://doi.org/10.3390/fi14080244.

Data of a deployer's own have the amounts under their own names, and a label on every row.
"""

import csv
import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.scoring.columns import BY_NAME
from shared.scoring.features import FloatArray

IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

# The panel's X columns. X16 repeats X9; sales and the cost of goods sold serve the ratios only.
AMOUNTS: Final[Mapping[str, str]] = {
    "X1": "current_assets",
    "X2": "cost_of_goods_sold",
    "X3": "depreciation_amortization",
    "X4": "ebitda",
    "X5": "inventory",
    "X6": "net_income",
    "X8": "market_cap",
    "X9": "net_sales",
    "X10": "total_assets",
    "X11": "long_term_debt",
    "X12": "ebit",
    "X14": "current_liabilities",
    "X15": "retained_earnings",
    "X17": "total_liabilities",
    "X18": "operating_expenses",
}

# In data of a deployer's own: 1 where the firm defaults within twelve months of the row's statements, else 0.
OWN_LABEL: Final = "default_within_12_months"


class PanelError(Exception):
    """The data file is missing, cannot be read, or is neither the panel nor data in its form."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """n firm-years: `firm[n]`, `year[n]`, `event[n]`, and `amounts`, each `[n]` in USD million.

    In the American panel `event` is true on the last row of a failed firm and nowhere else: it files for Chapter 7 or
    11 in the next fiscal year. Its `status_label` is a property of the firm, repeated on all its years; learning it
    would be learning the future. In data of one's own (`is_own`) it is what their label says. `dropped` counts the rows
    that break the rules of the input columns, `dropped_events` the events among them. `sha256` is that of the unpacked
    file.
    """

    firm: IntArray
    year: IntArray
    event: Mask
    amounts: Mapping[str, FloatArray]
    dropped: int
    dropped_events: int
    sha256: str
    is_own: bool = False

    def __len__(self) -> int:
        return len(self.year)

    def rows(self, mask: Mask) -> "Panel":
        """The rows where `mask[n]` is true; what was dropped before stays counted."""
        return Panel(
            firm=self.firm[mask],
            year=self.year[mask],
            event=self.event[mask],
            amounts={name: values[mask] for name, values in self.amounts.items()},
            dropped=self.dropped,
            dropped_events=self.dropped_events,
            sha256=self.sha256,
            is_own=self.is_own,
        )


def read_panel(path: Path) -> Panel:
    """The panel, or data of one's own, from CSV, gzipped or not. Raises PanelError with a sentence for people."""
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        records = list(csv.DictReader(io.StringIO(content.decode())))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise PanelError(f"{path} cannot be read: {error}") from error
    is_own = bool(records) and OWN_LABEL in records[0]
    column_of = {name: name if is_own else column for column, name in AMOUNTS.items()}
    wanted = {"company_name", "year", OWN_LABEL if is_own else "status_label", *column_of.values()}
    absent = wanted - set(records[0]) if records else wanted
    if absent:
        what = "cannot be used" if is_own else "is not the bankruptcy panel"
        raise PanelError(f"{path} {what}: it lacks {', '.join(sorted(absent))}")
    try:
        firm_names = [record["company_name"] for record in records]
        year = np.array([int(record["year"]) for record in records])
        amounts = {name: np.array([float(record[column]) for record in records]) for name, column in column_of.items()}
        firm = np.unique(np.array(firm_names), return_inverse=True)[1].astype(np.int64)
        event = _own_events(records) if is_own else _events_of_the_panel(records, firm, year)
    except (TypeError, ValueError) as error:
        what = "cannot be used" if is_own else "is not the bankruptcy panel"
        raise PanelError(f"{path} {what}: {error}") from error
    panel = Panel(
        firm=firm, year=year, event=event, amounts=amounts, dropped=0, dropped_events=0,
        sha256=hashlib.sha256(content).hexdigest(), is_own=is_own,
    )  # fmt: skip
    return _obeying_rules(panel)


def _own_events(records: Sequence[Mapping[str, str]]) -> Mask:
    labels = [record[OWN_LABEL] for record in records]
    for row, label in enumerate(labels, start=1):
        if label not in {"0", "1"}:
            raise ValueError(f"{OWN_LABEL} of row {row} is {label!r}: it has to be 0 or 1")
    return np.array([label == "1" for label in labels])


def _events_of_the_panel(records: Sequence[Mapping[str, str]], firm: IntArray, year: IntArray) -> Mask:
    failed = np.array([record["status_label"] == "failed" for record in records])
    result: Mask = failed & _is_last_year(firm, year)
    return result


def _is_last_year(firm: IntArray, year: IntArray) -> Mask:
    order = np.lexsort((year, firm))
    last = np.append(firm[order][1:] != firm[order][:-1], True)
    result = np.zeros(len(firm), np.bool_)
    result[order[last]] = True
    return result


def _obeying_rules(panel: Panel) -> Panel:
    """The rows that a job would score, so that a model is trained on what it will see."""
    kept = np.ones(len(panel), np.bool_)
    for name, values in panel.amounts.items():
        kept &= np.isfinite(values)
        if rule := BY_NAME.get(name):
            kept &= values > rule.minimum if rule.minimum_is_excluded else values >= rule.minimum
    rest = panel.rows(kept)
    return Panel(
        firm=rest.firm, year=rest.year, event=rest.event, amounts=rest.amounts, sha256=rest.sha256, is_own=rest.is_own,
        dropped=int(np.sum(~kept)), dropped_events=int(np.sum(panel.event & ~kept)),
    )  # fmt: skip


def ratio_figures(amounts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The ratio columns of both job types and `market_cap`, each `[n]`, in the units of `columns.py`.

    Capital is long-term debt plus equity, and debt is long-term debt, for the panel has no other. A ratio whose
    denominator is 0, or sales negative, or debt negative is NaN: it says nothing.
    """
    sales, debt, ebitda = amounts["net_sales"], amounts["long_term_debt"], amounts["ebitda"]
    capital = debt + amounts["total_assets"] - amounts["total_liabilities"]
    overhead = amounts["operating_expenses"] - amounts["cost_of_goods_sold"]
    debt = np.where(debt >= 0, debt, np.nan)
    sales = np.where(sales > 0, sales, np.nan)
    capital = np.where(capital != 0, capital, np.nan)
    ebitda = np.where(ebitda != 0, ebitda, np.nan)
    return {
        "market_cap": amounts["market_cap"],
        "long_term_debt_to_total_capital": 100 * debt / capital,
        "total_debt_to_ebitda": debt / ebitda,
        "net_income_margin": 100 * amounts["net_income"] / sales,
        "return_on_assets": 100 * amounts["net_income"] / amounts["total_assets"],
        "sga_margin": 100 * overhead / sales,
        "return_on_capital": 100 * amounts["ebit"] / capital,
    }
