"""Columns added to the table of input columns for the duration of a test."""

import pytest

from shared.inputs import columns, schema
from shared.inputs.columns import COLUMNS, Column, Kind, Unit
from shared.scoring import validation


def amount_column(name: str, *, required: bool) -> Column:
    """Returns a column of the statements profile that is validated and passed through, but not scored."""
    return Column(
        name=name,
        kind=Kind.NUMBER,
        description=name.capitalize(),
        profile="statements",
        unit=Unit.USD_MILLION,
        minimum=0,
        scored=False,
        required=required,
        examples=("1", "2", "3"),
    )


def add_columns(monkeypatch: pytest.MonkeyPatch, *added: Column) -> None:
    """Adds columns at the end of the table, as lines in `shared/inputs/columns.py` would."""
    for module in (columns, schema, validation):
        monkeypatch.setattr(module, "COLUMNS", (*COLUMNS, *added))
    for column in added:
        monkeypatch.setitem(columns.BY_NAME, column.name, column)
