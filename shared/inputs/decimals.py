"""The decimal convention of a file: decided once, over all of its figures. Standard library only.

A figure proves a decimal sign when it is a number with that sign only: `151,2`, `0,123`, `1.234,5` and `1.234.567`
prove the comma, `151.2`, `0.123`, `1,234.5` and `1,234,567` the point. `672,478` and `672.478` could be both.

| Proven | Decimal sign | `672,478` | `672.478` | Note |
|---|---|---|---|---|
| the point | point | 672478 | 672.478 | |
| nothing | point | 672478 | 672.478 | `decimal_assumed` if some figures could be both |
| the comma | comma | ambiguous | ambiguous | `decimal_comma` |
| both | point | ambiguous | ambiguous | `mixed_decimals` |
| both, but the comma rarely | point | ambiguous | 672.478 | `mixed_decimals` |

So no file is read with two signs. In a file with both, figures that prove the comma fail their rows as invalid.

The last line keeps one typo from failing thousands of rows: there, points must be proven `POINTS_FOR_A_COMMA` times as
often as commas, counted in the first `HEAD_BYTES` of the records for the points and in the whole file for the commas. A
figure whose point groups thousands comes from a person who writes decimal commas, and rows of such people nearly
always have another figure that proves the comma and fails them; what is left is a row of a kind that is under one in
ten, and has no other figure than whole numbers from 1,000 to 999,999.

With a declared sign nothing is ambiguous.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.inputs.columns import COLUMNS, Column, Kind, ProfileName
from shared.inputs.numbers import evidence_of
from shared.vocabulary import MAX_NOTE_ROWS, DecimalConvention, JobType, Note

POINTS_FOR_A_COMMA: Final = 10
HEAD_BYTES: Final = 64 << 10
MOST_RARE_COMMAS: Final = 200
"""More figures that prove the comma are never rare."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the figures of a file prove: how often each decimal sign, and the rows of the first figures of a kind."""

    points: int = 0
    commas: int = 0
    comma_rows: list[int] = field(default_factory=list)
    either_rows: list[int] = field(default_factory=list)

    def add(self, text: str, column: Column, *, row: int) -> None:
        """Adds what a figure proves; rows ascend."""
        found = evidence_of(text, unit=column.unit)
        self.points += found == "point"
        self.commas += found == "comma"
        rows = {"comma": self.comma_rows, "either": self.either_rows}.get(found, [])
        if len(rows) < MAX_NOTE_ROWS and rows[-1:] != [row]:
            rows.append(row)


def figure_columns(names: Sequence[str], job_type: JobType, profile: ProfileName) -> list[Column]:
    """Returns the columns of a file whose cells are figures, whether they are scored or not."""
    return [
        column
        for column in COLUMNS
        if column.kind is Kind.NUMBER
        and column.name in names
        and (column.profile is None or (column.profile == profile and job_type in column.required_for))
    ]


def convention_notes(convention: DecimalConvention, rows: Sequence[int] = ()) -> tuple[Note, ...]:
    """Returns what to say about a convention by which some figures are ambiguous; `rows` prove the comma."""
    if not convention.ambiguous:
        return ()
    return (_COMMA_NOTE,) if convention.sign == "," else (_mixed(rows),)


def decide(findings: Findings, *, has_typed_cells: bool = False) -> tuple[DecimalConvention, tuple[Note, ...]]:
    """Returns the convention of a file by its figures, and what to say about it."""
    if not findings.commas:
        is_open = findings.either_rows and not findings.points
        convention = DecimalConvention(has_typed_cells=has_typed_cells)
        return convention, (_assumed(findings.either_rows),) if is_open else ()
    enough_points = POINTS_FOR_A_COMMA * findings.commas
    is_rare = findings.commas <= MOST_RARE_COMMAS and findings.points >= enough_points
    convention = DecimalConvention(
        sign="." if findings.points else ",", ambiguous="," if is_rare else ".,", has_typed_cells=has_typed_cells
    )
    return convention, convention_notes(convention, findings.comma_rows)


_COMMA_NOTE: Final = Note(
    code="decimal_comma",
    message=(
        "The figures were read with the comma as decimal sign. Those that could also group thousands, such as 672,478, "
        "failed their rows: declare decimal=, to read them as 672.478."
    ),
)


def _assumed(rows: Sequence[int]) -> Note:
    return Note(
        code="decimal_assumed",
        message=(
            "Some figures could have a decimal point or a decimal comma, and no other figure shows which. They were "
            "read with the point as decimal sign (672.478 is below a thousand, 672,478 above). If that is wrong, "
            "declare decimal=, when you upload the file."
        ),
        rows=tuple(rows),
    )


def _mixed(rows: Sequence[int]) -> Note:
    return Note(
        code="mixed_decimals",
        message=(
            "The file has decimal points and decimal commas. It was read with the point as decimal sign; figures with "
            "a decimal comma, and those that could be meant either way, failed their rows."
        ),
        rows=tuple(rows),
    )
