"""The input columns of both job types: the one table that validation, templates, schemas and documentation read.

Standard library only, so that the api function can import it without NumPy.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Literal, get_args

from shared.vocabulary import JobType

ProfileName = Literal["statements", "ratios"]
# Ties go to the first.
PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)
# What can be wrong with a row. The first that applies to a cell is its code; a symbol that is a date is missing.
RowErrorCode = Literal[
    "malformed_row",
    "formula_without_value",
    "ambiguous_number",
    "missing_field",
    "invalid_market_cap",
    "invalid_year",
    "invalid_quarter",
    "invalid_number",
    "too_long",
    "no_ratios",
]

BOTH: frozenset[JobType] = frozenset(JobType)
ANNUAL: frozenset[JobType] = frozenset({JobType.ANNUAL})
QUARTERLY: frozenset[JobType] = frozenset({JobType.QUARTERLY})


class Kind(StrEnum):
    """How a cell of the column is read."""

    TEXT = "text"
    YEAR = "year"
    QUARTER = "quarter"
    NUMBER = "number"


class Unit(StrEnum):
    """What a figure is measured in."""

    USD_MILLION = "USD million"
    PERCENT = "percent"
    MULTIPLE = "multiple"


# None, or one for each row of the template.
Examples = tuple[()] | tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One input column and the rule its cells obey.

    A file of a job type in `required_for` must have the column if it is `required`. An optional column is validated
    where a file has it, and its cells may be blank. `minimum` is inclusive unless `minimum_is_excluded`; outside it a
    cell fails its row. `usual_range` fails nothing: a figure outside it is scored and listed in `out_of_range`.
    `scored` is false for a column that is only passed through. `examples` are its cells in the rows of the template,
    of which every required column of the statements profile has some.
    """

    name: str
    kind: Kind
    description: str
    required: bool = True
    required_for: frozenset[JobType] = BOTH
    profile: ProfileName | None = None
    unit: Unit | None = None
    max_length: int | None = None
    minimum: float = -inf
    minimum_is_excluded: bool = False
    usual_range: tuple[float, float] | None = None
    scored: bool = True
    examples: Examples = ()


def _text(name: str, description: str, *, max_length: int, examples: Examples) -> Column:
    return Column(
        name=name,
        kind=Kind.TEXT,
        description=description,
        max_length=max_length,
        scored=False,
        examples=examples,
    )


def _amount(
    name: str,
    description: str,
    *,
    minimum: float = -inf,
    minimum_is_excluded: bool = False,
    required: bool = True,
    examples: Examples = (),
) -> Column:
    return Column(
        name=name,
        kind=Kind.NUMBER,
        description=description,
        profile="statements",
        unit=Unit.USD_MILLION,
        minimum=minimum,
        minimum_is_excluded=minimum_is_excluded,
        required=required,
        examples=examples,
    )


def _ratio(
    name: str,
    description: str,
    unit: Unit,
    usual_range: tuple[float, float],
    *,
    required_for: frozenset[JobType] = BOTH,
    scored: bool = True,
) -> Column:
    return Column(
        name=name,
        kind=Kind.NUMBER,
        description=description,
        required_for=required_for,
        profile="ratios",
        unit=unit,
        usual_range=usual_range,
        scored=scored,
    )


# In the order in which the errors of a row are listed. The examples are of invented companies, with amounts of the
# magnitudes that the training data have.
COLUMNS: tuple[Column, ...] = (
    _text("company_symbol", "Ticker or other short identifier", max_length=20, examples=("NRTH", "HLCN", "TIDE")),
    _text("company_name", "Name of the company", max_length=255,
          examples=("Northwind Components", "Halcyon Foods, Inc.", "Tidewater Robotics")),
    _text("sector", "Sector of the company; not an input of the model", max_length=100,
          examples=("Industrials", "Consumer Staples", "Technology")),
    Column(name="reporting_year", kind=Kind.YEAR, scored=False,
           description="Fiscal year of the figures, 1900 to next year", examples=("2024", "2024", "2024")),
    Column(name="reporting_quarter", kind=Kind.QUARTER, required_for=QUARTERLY, scored=False,
           description="Q1 to Q4, or 1 to 4", examples=("Q1", "Q1", "Q1")),
    Column(name="market_cap", kind=Kind.NUMBER, unit=Unit.USD_MILLION, minimum=0, minimum_is_excluded=True,
           description="Market value of equity", examples=("1840.5", "312.8", "27.4")),
    _amount("total_assets", "Total assets", minimum=0, minimum_is_excluded=True,
            examples=("1215.3", "486.0", "58.6")),
    _amount("total_liabilities", "Total liabilities", minimum=0, minimum_is_excluded=True,
            examples=("534.7", "301.5", "49.9")),
    _amount("current_assets", "Current assets", minimum=0, minimum_is_excluded=True,
            examples=("612.4", "140.2", "21.7")),
    _amount("current_liabilities", "Current liabilities", minimum=0, minimum_is_excluded=True,
            examples=("255.1", "98.7", "26.3")),
    _amount("inventory", "Inventory", minimum=0, examples=("148.9", "61.3", "4.2")),
    _amount("net_income", "Net income (quarterly: of the trailing twelve months)", examples=("92.6", "11.4", "-18.5")),
    _amount("ebitda",
            "EBITDA (quarterly: of the trailing twelve months), or blank if ebit and depreciation_amortization given",
            examples=("187.2", "42.9", "-12.1")),
    _amount("ebit", "EBIT; with depreciation_amortization it replaces ebitda", required=False),
    _amount("depreciation_amortization", "Depreciation and amortization; with ebit it replaces ebitda",
            required=False),
    _ratio("long_term_debt_to_total_capital", "Long-term debt over total capital", Unit.PERCENT, (0, 100)),
    _ratio("total_debt_to_ebitda", "Total debt over EBITDA", Unit.MULTIPLE, (0, inf)),
    _ratio("net_income_margin", "Net income over sales", Unit.PERCENT, (-100, 100), required_for=ANNUAL),
    _ratio("return_on_assets", "Net income over total assets", Unit.PERCENT, (-100, 100), required_for=ANNUAL),
    _ratio("ebit_to_interest_expense", "EBIT over interest expense; returned, not scored, and never fails a row",
           Unit.MULTIPLE, (0, inf), required_for=ANNUAL, scored=False),
    _ratio("sga_margin", "Selling, general and administrative expense over sales", Unit.PERCENT, (-100, 100),
           required_for=QUARTERLY),
    _ratio("return_on_capital", "Operating income over capital", Unit.PERCENT, (-100, 100), required_for=QUARTERLY),
)  # fmt: skip

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf"})
_SPACES_OR_HYPHENS = re.compile(r"[\s\u2010\u2011-]+")

EBITDA_COMPONENTS = ("ebit", "depreciation_amortization")


def visible_text(text: str) -> str:
    """Returns a text trimmed, without its format characters (such as byte-order and direction marks) and controls."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(
        character
        for character in text
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE_CATEGORIES
    ).strip()


def normalized_name(header: str) -> str:
    """Returns the name that a header is matched by.

    It is trimmed and case-folded, without invisible characters, with runs of spaces, line breaks and hyphens as `_`.
    """
    return _SPACES_OR_HYPHENS.sub("_", visible_text(header).casefold())


def known_names(headers: Iterable[str]) -> frozenset[str]:
    """Returns the names of the input columns that are among these headers."""
    return frozenset(map(normalized_name, headers)) & BY_NAME.keys()


def required_columns(job_type: JobType, profile: ProfileName) -> tuple[Column, ...]:
    """Returns the columns a file of this job type and profile must have; the components may replace `ebitda`."""
    return tuple(
        column
        for column in COLUMNS
        if column.required and job_type in column.required_for and column.profile in (None, profile)
    )


def missing_columns(names: Collection[str], job_type: JobType, profile: ProfileName) -> tuple[str, ...]:
    """Returns the required columns that are not among the normalized header names, in table order."""
    missing = [column.name for column in required_columns(job_type, profile) if column.name not in names]
    if "ebitda" in missing:
        absent = [name for name in EBITDA_COMPONENTS if name not in names]
        at = missing.index("ebitda")
        # A file with one component is missing the other one, not `ebitda`.
        missing[at : at + 1] = absent if len(absent) < len(EBITDA_COMPONENTS) else ["ebitda"]
    return tuple(missing)


def profile_of(
    names: Collection[str], job_type: JobType, *, similar: Collection[str] = ()
) -> tuple[ProfileName, tuple[str, ...]]:
    """Returns the profile that a header fits, and what it lacks of it (empty when it fits).

    A header that fits both is `statements`. One that fits neither gets the profile with most of its own columns
    present, then with most of them among the `similar`, for which the header has a similar name, then the one of which
    it lacks least.
    """
    lacking = {profile: missing_columns(names, job_type, profile) for profile in PROFILES}
    own = {profile: own_columns(job_type, profile) for profile in PROFILES}
    nearest = max(
        PROFILES,
        key=lambda profile: (
            not lacking[profile],
            len(own[profile].difference(lacking[profile])),
            len(own[profile].intersection(similar)),
            -len(lacking[profile]),
        ),
    )
    return nearest, lacking[nearest]


def own_columns(job_type: JobType, profile: ProfileName) -> frozenset[str]:
    """Returns the required columns that only this profile has."""
    return frozenset(column.name for column in required_columns(job_type, profile) if column.profile == profile)


def fits_both(names: Collection[str], job_type: JobType) -> bool:
    """Whether the header has every column of both profiles."""
    return not (missing_columns(names, job_type, "statements") or missing_columns(names, job_type, "ratios"))


def duplicates(names: Iterable[str]) -> tuple[str, ...]:
    """Normalized names that more than one header becomes, in order of second appearance."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name in names:
        if name in seen:
            repeated[name] = None
        seen.add(name)
    return tuple(repeated)
