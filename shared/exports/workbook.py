"""Result files as an Excel workbook of one sheet: the text of the CSV, cell by cell, with its guards.

Figures become numbers where Excel keeps every digit of them. All else is text that nothing in a spreadsheet runs, looks
up or links to.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from shared.exports.errors import ExportError
from shared.exports.result_file import ResultFile
from shared.scoring.cells import unguarded
from shared.scoring.columns import BY_NAME, Kind, normalised_name
from shared.scoring.result_names import DEFAULT_PROBABILITY, ROW

# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
MAX_CELL_LENGTH: Final = 32_767
# About half of what the function has time and disk for: some 9 µs and twice 60 bytes a cell.
MAX_CELLS: Final = 50_000_000
# A number with more digits would not come back as it was written.
_EXACT_DIGITS: Final = 15
_PLAIN_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_INSTEAD: Final = "Download it as CSV (format=csv) or Parquet (format=parquet)."


def write_workbook(result: ResultFile, path: str, *, folder: str) -> None:
    """Write the whole file, by way of other files in `folder`. Raises `ExportError` for what no workbook holds."""
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
    column = BY_NAME.get(normalised_name(unguarded(name)))
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

    Where rows go to disk, xlsxwriter (3.3.1) writes text between `<r>` and `</r>` as it stands: cells, and formulas, of
    whoever wrote that text.
    """

    def _xml_rich_inline_string(self, string: str, attributes: Any) -> None:
        self._xml_inline_string(string, preserve=True, attributes=attributes)
