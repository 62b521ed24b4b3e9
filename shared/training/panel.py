"""The American bankruptcy panel: firm-years of NYSE and NASDAQ companies, 1999 to 2018, as figures and labels.

Lombardo, Pellegrino, Adosoglou, Cagnoni, Pardalos and Poggi (2022), "Machine Learning for Bankruptcy Prediction in the
American Stock Market: Dataset and Benchmarks", Future Internet 14(8):244, https://doi.org/10.3390/fi14080244.

A deployer's own data have the amounts under their own names, and a label on every row.
"""

import gzip
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.inputs.columns import BY_NAME
from shared.scoring.features import FloatArray

IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

# The panel's X columns. X16 repeats X9; only the ratios use sales and the cost of goods sold.
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

# In a deployer's own data: 1 where the firm defaults within twelve months of the row's statements, else 0.
OWN_LABEL: Final = "default_within_12_months"


class PanelError(Exception):
    """The data file is missing, cannot be read, or is neither the panel nor data in its form."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """n firm-years. `table` has the columns `firm`, `year`, `event` and the amounts in USD million.

    In the American panel `event` is true on the last row of a failed firm and nowhere else: it files for Chapter 7 or
    11 in the next fiscal year. `status_label` belongs to the firm and is repeated on all its years; a model that learns
    it learns the future. In own data (`is_own`) `event` is their label. `dropped` counts the rows that break the rules
    of the input columns, `dropped_events` the events among them. `sha256` is that of the unpacked file.
    """

    table: pd.DataFrame
    dropped: int
    dropped_events: int
    sha256: str
    is_own: bool = False

    def __len__(self) -> int:
        return len(self.table)

    @property
    def firm(self) -> IntArray:
        """The number of each row's firm: `[n]`."""
        return self.table["firm"].to_numpy()

    @property
    def year(self) -> IntArray:
        """Fiscal years: `[n]`."""
        return self.table["year"].to_numpy()

    @property
    def event(self) -> Mask:
        """Whether each row is followed by a default within twelve months: `[n]`."""
        return self.table["event"].to_numpy()

    @property
    def amounts(self) -> dict[str, FloatArray]:
        """The amounts by name, each `[n]`, in USD million."""
        return {name: self.table[name].to_numpy() for name in AMOUNTS.values()}

    def rows(self, mask: Mask) -> "Panel":
        """Returns the rows where `mask[n]` is true, with the same counts of dropped rows."""
        return replace(self, table=self.table[mask])


def read_panel(path: Path) -> Panel:
    """Reads the panel, or own data, from CSV, gzipped or not. Raises PanelError with a sentence for the user."""
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        # Cells missing in a short row are empty.
        records = pd.read_csv(io.BytesIO(content), dtype=str, na_filter=False, index_col=False)
    except (OSError, EOFError, UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise PanelError(f"{path} cannot be read: {error}") from error
    is_own = OWN_LABEL in records
    column_of = {name: name if is_own else column for column, name in AMOUNTS.items()}
    problem = f"{path} {'cannot be used' if is_own else 'is not the bankruptcy panel'}"
    wanted = {"company_name", "year", OWN_LABEL if is_own else "status_label", *column_of.values()}
    if absent := wanted - set(records):
        raise PanelError(f"{problem}: it lacks {', '.join(sorted(absent))}")
    try:
        table = pd.DataFrame({name: records[column].astype(float) for name, column in column_of.items()})
        table["firm"] = pd.factorize(records["company_name"], sort=True)[0]
        table["year"] = records["year"].astype(int)
        table["event"] = _own_events(records) if is_own else _events_of_the_panel(records, table)
    except (TypeError, ValueError) as error:
        raise PanelError(f"{problem}: {error}") from error
    valid = _is_valid(table)
    return Panel(
        table=table[valid],
        dropped=int((~valid).sum()),
        dropped_events=int(table["event"][~valid].sum()),
        sha256=hashlib.sha256(content).hexdigest(),
        is_own=is_own,
    )


def _own_events(records: pd.DataFrame) -> "pd.Series[bool]":
    labels = records[OWN_LABEL]
    wrong = labels[~labels.isin(["0", "1"])]
    if len(wrong):
        raise ValueError(f"{OWN_LABEL} of row {int(wrong.index[0]) + 1} is {wrong.iloc[0]!r}: it has to be 0 or 1")
    return labels == "1"


def _events_of_the_panel(records: pd.DataFrame, table: pd.DataFrame) -> "pd.Series[bool]":
    last = table.sort_values(["firm", "year"], kind="stable").groupby("firm").tail(1)
    return (records["status_label"] == "failed") & table.index.isin(last.index)


def _is_valid(table: pd.DataFrame) -> "pd.Series[bool]":
    """Returns the mask of the rows that a job would score: models are trained on such rows only."""
    valid = pd.Series(np.isfinite(table[list(AMOUNTS.values())]).all(axis=1))
    for name in AMOUNTS.values():
        if rule := BY_NAME.get(name):
            valid &= table[name] > rule.minimum if rule.minimum_is_excluded else table[name] >= rule.minimum
    return valid


def ratio_figures(amounts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Returns the ratio columns of both job types and `market_cap`, each `[n]`, in the units of `columns.py`.

    Capital is long-term debt plus equity; debt is long-term debt, the only debt in the panel. A ratio is NaN where its
    denominator is 0 or where sales or debt are negative, which gives it no meaning.
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
