"""Writes result files as Parquet and as Excel workbooks.

Parquet: `row` and `default_probability` as numbers, everything else as text. The caller's text is as it was written,
without the guard against formulas: nothing in Parquet runs. What a row does not have of our columns (the score of a
failed one, the error of a scored one) is null. Lists stay JSON.

XLSX: one sheet with the text of the CSV, cell by cell, with its guards. Figures become numbers where Excel keeps every
digit of them. All else is text that nothing in a spreadsheet runs, looks up or links to.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from shared.inputs.columns import BY_NAME, Kind, normalized_name
from shared.scoring.results import DEFAULT_PROBABILITY, OURS, ROW
from shared.scoring.values import GUARDED, unguarded
from shared.workbook.limits import MAX_CELL_LENGTH, MAX_COLUMNS, MAX_ROWS

NUMBERS: Final = {ROW: pa.int64(), DEFAULT_PROBABILITY: pa.float64()}

# About half of the function's time and disk: a cell takes 9 µs and twice 60 bytes.
MAX_CELLS: Final = 50_000_000
# A number with more digits would not come back as it was written.
_EXACT_DIGITS: Final = 15
_PLAIN_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_INSTEAD: Final = "Download it as CSV (format=csv) or Parquet (format=parquet)."


class ExportError(Exception):
    """The format cannot hold the file. The text is a sentence for people that names one which can."""

    def __init__(self, sentence: str, *, code: Literal["too_large", "not_exportable"] = "too_large") -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class ResultFile:
    """The names of the columns as the file has them, and batches of its rows: a text column each, in this order."""

    names: tuple[str, ...]
    batches: Iterator[pa.RecordBatch]


def write_parquet(result: ResultFile, path: str) -> None:
    """Writes the whole file, a row group each batch."""
    schema = pa.schema(
        [
            pa.field(shown, NUMBERS.get(name, pa.string()), nullable=name in OURS and name != ROW)
            for name, shown in zip(result.names, _unguarded_names(result.names), strict=True)
        ]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in result.batches:
            columns = [_typed(column, name) for column, name in zip(batch.columns, result.names, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _typed(column: pa.StringArray, name: str) -> pa.Array:
    if name not in OURS:
        for guard in GUARDED:
            column = pc.replace_substring_regex(column, pattern=guard, replacement=r"\1\2")
        return column
    known = pc.if_else(pc.equal(column, ""), None, column)
    return known.cast(NUMBERS[name]) if name in NUMBERS else known


def _unguarded_names(names: tuple[str, ...]) -> list[str]:
    """Returns the names without their guard, a repeated one marked by `_`: readers find columns by name."""
    free: list[str] = []
    for name in map(unguarded, names):
        while name in free:
            name = f"{name}_"  # noqa: PLW2901
        free.append(name)
    return free


def write_workbook(result: ResultFile, path: str, *, folder: str) -> None:
    """Writes the file, with temporary files in `folder`. Raises `ExportError` for values that XLSX cannot hold."""
    if len(result.names) > MAX_COLUMNS:
        raise ExportError(f"The file has {len(result.names):,} columns, and Excel takes {MAX_COLUMNS:,}. {_INSTEAD}")
    options = {
        # Rows go to disk one by one.
        "constant_memory": True,
        "tmpdir": folder,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "use_zip64": True,
    }
    workbook = Workbook(path, options)
    sheet = workbook.add_worksheet("Results", worksheet_class=_PlainSheet)
    sheet.freeze_panes(1, 0)
    try:
        _write_row(sheet, 0, result.names, figures=(False,) * len(result.names))
        figures = [_is_figure(name) for name in result.names]
        for row, cells in enumerate(_rows(result), start=1):
            if row == MAX_ROWS or row * len(figures) > MAX_CELLS:
                raise ExportError(f"The file has more rows than a workbook takes. {_INSTEAD}")
            _write_row(sheet, row, cells, figures=figures)
    finally:
        workbook.close()


def _rows(result: ResultFile) -> Iterator[tuple[str, ...]]:
    for batch in result.batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _is_figure(name: str) -> bool:
    if name in (ROW, DEFAULT_PROBABILITY):
        return True
    column = BY_NAME.get(normalized_name(unguarded(name)))
    return column is not None and column.kind in (Kind.NUMBER, Kind.YEAR)


def _write_row(sheet: Worksheet, row: int, cells: tuple[str, ...], *, figures: Sequence[bool]) -> None:
    for place, text in enumerate(cells):
        if not text:
            continue
        if figures[place] and _PLAIN_NUMBER.fullmatch(text) and sum(map(str.isdigit, text)) <= _EXACT_DIGITS:
            sheet.write_number(row, place, float(text))
        elif sheet.write_string(row, place, text) != 0:
            raise ExportError(
                f"Line {row + 1:,} has a cell of {len(text):,} characters in column {place + 1}, and Excel takes "
                f"{MAX_CELL_LENGTH:,}. {_INSTEAD}"
            )


class _PlainSheet(Worksheet):  # type: ignore[misc]
    """A sheet that takes no text for markup.

    With rows on disk, xlsxwriter (3.3.1) writes text between `<r>` and `</r>` unescaped, so a cell's text could add
    cells and formulas.
    """

    def _xml_rich_inline_string(self, string: str, attributes: Any) -> None:
        self._xml_inline_string(string, preserve=True, attributes=attributes)
