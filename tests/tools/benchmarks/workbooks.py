"""Reading an Excel workbook into CSV."""

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter

from infra.local.panel import Row
from shared.inputs.workbooks import convert
from shared.vocabulary import JobType
from tests.tools.benchmarks.inputs import COLUMNS, company_rows
from tests.tools.benchmarks.measurements import Measurement, check_same_work
from tests.tools.benchmarks.timing import Contender, timed

ROWS: Final = 100_000
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SHEET: Final = "xl/worksheets/sheet1.xml"
_STRINGS_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_STRINGS_LINK: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"


def measure() -> tuple[Measurement, ...]:
    """Returns seconds per row. Raises DifferentWorkError when openpyxl finds other rows than `convert`."""
    file = excel_file(company_rows(ROWS))
    check_same_work("rows", ours=with_convert(file), theirs=with_openpyxl(file))
    subject, *baselines = timed(
        [
            Contender(name="`workbooks.convert`", run=lambda: with_convert(file), units=ROWS),
            Contender(name="openpyxl, read-only, and csv.writer", run=lambda: with_openpyxl(file), units=ROWS),
        ],
        rounds=3,
        warm_ups=0,  # the comparison above was one
    )
    return (
        Measurement(
            title="Read an Excel workbook",
            quantity="seconds",
            unit="row",
            subject=subject,
            baselines=tuple(baselines),
            notes=(f"{ROWS:,} rows of {len(COLUMNS)} columns, {len(file) / 1e6:.1f} MB, texts shared as Excel does",),
        ),
    )


def with_convert(file: bytes) -> int:
    """Returns the number of data rows that `convert` writes as CSV."""
    return convert(io.BytesIO(file), io.BytesIO(), job_type=JobType.ANNUAL).row_count


def with_openpyxl(file: bytes) -> int:
    """Returns the number of data rows that openpyxl reads and csv.writer writes."""
    workbook = load_workbook(io.BytesIO(file), read_only=True, data_only=True)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    rows = -1
    for row in workbook.worksheets[0].iter_rows(values_only=True):
        writer.writerow(row)
        rows += 1
    workbook.close()
    return rows


def excel_file(rows: Sequence[Row]) -> bytes:
    """Returns a workbook as Excel writes it: each text once in the shared strings, every cell with its reference.

    openpyxl writes inline strings, which few uploaded files have; it provides the rest of the package.
    """
    package = io.BytesIO()
    Workbook().save(package)
    strings: dict[str, int] = {}
    sheet = _worksheet([dict(zip(COLUMNS, COLUMNS, strict=True)), *rows], strings)
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    out = io.BytesIO()
    with zipfile.ZipFile(package) as blank, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as full:
        parts = {name: blank.read(name).decode() for name in blank.namelist()}
        parts[_SHEET] = sheet
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}" uniqueCount="{len(strings)}">{items}</sst>'
        if _STRINGS_TYPE not in parts["[Content_Types].xml"]:
            override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_STRINGS_TYPE}"/></Types>'
            parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", override)
        links = "xl/_rels/workbook.xml.rels"
        if _STRINGS_LINK not in parts[links]:
            link = f'<Relationship Id="strings" Type="{_STRINGS_LINK}" Target="sharedStrings.xml"/></Relationships>'
            parts[links] = parts[links].replace("</Relationships>", link)
        for name, text in parts.items():
            full.writestr(name, text)
    return out.getvalue()


def _worksheet(rows: Sequence[Row], strings: dict[str, int]) -> str:
    letters = [get_column_letter(number) for number in range(1, len(COLUMNS) + 1)]
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            _cell(row[column], f"{letter}{number}", strings) for letter, column in zip(letters, COLUMNS, strict=True)
        )
        lines.append(f'<row r="{number}" spans="1:{len(COLUMNS)}">{cells}</row>')
    extent = f"A1:{letters[-1]}{len(rows)}"
    return f'<worksheet xmlns="{_MAIN}"><dimension ref="{extent}"/><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(text: str, place: str, strings: dict[str, int]) -> str:
    if not text:
        return ""
    # `inf` and `nan` are numbers to Python and texts to Excel.
    if text.lstrip("-").replace(".", "", 1).isdecimal():
        return f'<c r="{place}"><v>{text}</v></c>'
    return f'<c r="{place}" t="s"><v>{strings.setdefault(text, len(strings))}</v></c>'
