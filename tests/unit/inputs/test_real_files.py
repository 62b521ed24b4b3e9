"""Files as people upload them, each planned and scored as the functions do, with the one result it must have.

A new file is a line in a table: its name, its bytes, and its result.
"""

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import Final

import pytest

from shared.delimited.dialect import CANONICAL
from shared.inputs.chunks import plan_chunks
from shared.inputs.decimal_search import DecimalSearch
from shared.inputs.errors import FileError
from shared.inputs.formats import detect_dialect
from shared.inputs.header import read_layout
from shared.inputs.rewriting import to_canonical
from shared.inputs.tolerance import inspection_for, tolerance_notes
from shared.scoring.catalog import model_name_for
from shared.scoring.chunk import score_chunk
from shared.scoring.results import header_line
from shared.vocabulary import JobType, Outcome
from tests.unit.scoring.scored_files import NEXT_YEAR, STATEMENTS, made_up_model

A: Final = "AAA,Alpha Works,Energy,2017,2672.478,733.308,212.667,595.225,106.119,78.45,137.861,210.444"
B: Final = "BBB,Beta Mills,Industrials,2018,5.599,34.346,8.831,5.176,3.633,0.0,0.343,4.652"
C: Final = "CCC,Gamma Foods,Consumer,2016,151.2,420.5,310.25,150.75,120.5,60.1,-12.5,20.3"
COMMAS: Final = ", ".join(["word"] * 12)
D: Final = "DDD,Delta Air,Industrials,2017,12.4,980.1,870.9,120.4,260.7,15.2,-88.6,-20.1"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a file.

    `scored` are the symbols and market caps of the rows that were scored, `errors` the number, code and sentence of
    each row error, `tolerated` the codes and rows of the notes on irregular rows, `refused` the code and sentence of a
    file that is refused as a whole.
    """

    scored: tuple[tuple[str, str], ...] = ()
    errors: tuple[tuple[int, str, str], ...] = ()
    tolerated: tuple[tuple[str, tuple[int, ...]], ...] = ()
    refused: tuple[str, str] | None = None


def lines(*rows: str, header: str = STATEMENTS, end: str = "\n") -> bytes:
    return "".join(f"{row}{end}" for row in (header, *rows)).encode()


def result_of(data: bytes, *, chunk_bytes: int) -> Result:
    """Plans and scores a CSV file in chunks of about that size."""
    try:
        dialect = detect_dialect(data, is_whole_file=True)
        if dialect.needs_rewrite:
            rewritten = io.BytesIO()
            to_canonical(io.BytesIO(data), dialect, rewritten)
            data, dialect = rewritten.getvalue(), CANONICAL
        layout = read_layout(data, dialect, job_type=JobType.ANNUAL, is_whole_file=True)
        search, inspection = DecimalSearch(layout), inspection_for(layout)
        chunks = list(
            plan_chunks(io.BytesIO(data), layout, chunk_bytes=chunk_bytes, on_records=search.add, inspection=inspection)
        )
        layout = replace(layout, decimal=search.decided()[0])
    except FileError as error:
        return Result(refused=(error.code, str(error)))
    model = made_up_model(model_name_for(JobType.ANNUAL, layout.profile))
    scored = [
        score_chunk(
            data[chunk.start : chunk.end],
            layout=layout,
            first_row=chunk.first_row,
            row_count=chunk.row_count,
            model=model,
            next_year=NEXT_YEAR,
        )
        for chunk in chunks
    ]
    text = header_line(layout, Outcome.SUCCESSFUL) + b"".join(chunk.parts.successful for chunk in scored)
    rows = csv.DictReader(io.StringIO(text.decode(), newline=""), strict=True)
    errors = [json.loads(line) for chunk in scored for line in chunk.parts.errors.splitlines()]
    return Result(
        scored=tuple((row["company_symbol"], row["market_cap"]) for row in rows),
        errors=tuple((error["row"], error["code"], error["error"]) for error in errors),
        tolerated=tuple((note.code, note.rows) for note in tolerance_notes(inspection)),
    )


def european(*rows: str) -> bytes:
    """Returns a file with semicolons and decimal commas."""
    return lines(*rows).replace(b",", b";").replace(b".", b",")


SCORED_FILES: Final[dict[str, tuple[bytes, tuple[tuple[str, str], ...]]]] = {
    "nothing unusual": (lines(A, B), (("AAA", "2672.478"), ("BBB", "5.599"))),
    "a line break in a quoted cell": (
        lines(A.replace("Alpha Works", '"Alpha\nWorks, Inc"'), B),
        (("AAA", "2672.478"), ("BBB", "5.599")),
    ),
    "header cells that end with a direction mark": (
        lines(A, header=STATEMENTS.replace(",", "\u200e,") + "\u200e"),
        (("AAA", "2672.478"),),
    ),
    "header cells that are broken over two lines": (
        lines(
            A, header=STATEMENTS.replace("net_income", '"net \nincome"').replace("total_assets", '"Total\r\nAssets"')
        ),
        (("AAA", "2672.478"),),
    ),
    "header cells that end with a tab": (lines(A, header=STATEMENTS.replace(",", "\t,")), (("AAA", "2672.478"),)),
    "a header with more commas than semicolons": (
        lines(
            A.replace(",", ";") + ";,",
            header=STATEMENTS.replace(",", ";")
            .replace("company_name", "Company Name")
            .replace("ebitda", "ebitda;a,b,c"),
        ),
        (("AAA", "2672.478"),),
    ),
    "symbols kept as text in Excel's way": (
        lines(A.replace("AAA", '="0005"'), B.replace("BBB", "'0700"), C.replace("CCC", '"=""1E10"""')),
        (("0005", "2672.478"), ("0700", "5.599"), ("1E10", "151.2")),
    ),
    "Ctrl-Z before a row": (lines(A, "\x1a" + C), (("AAA", "2672.478"), ("CCC", "151.2"))),
    "a byte-order mark before a row": (lines(A, "\ufeff" + C), (("AAA", "2672.478"), ("CCC", "151.2"))),
    "direction marks around numbers": (
        lines(
            A.replace("2672.478", "\u200e2672.478"),
            B.replace("2018", "2018\u200f"),
            C.replace("420.5", "\u202a420.5\u202c"),
        ),
        (("AAA", "\u200e2672.478"), ("BBB", "5.599"), ("CCC", "151.2")),
    ),
    "a minus behind the number": (lines(A.replace("137.861", "137.861-")), (("AAA", "2672.478"),)),
    "blank EBITDA with its components": (
        lines(A.replace("210.444", ",10,5"), B + ",,", header=f"{STATEMENTS},ebit,depreciation_amortization"),
        (("AAA", "2672.478"), ("BBB", "5.599")),
    ),
    "decimal commas": (
        european(
            C,
            D,
            B.replace("0.343", "10.34")
            .replace("34.346", "34.34")
            .replace("8.831", "8.83")
            .replace("5.176", "5.17")
            .replace("3.633", "3.63")
            .replace("4.652", "4.65")
            .replace("5.599", "5.59"),
        ),
        (("CCC", "151,2"), ("DDD", "12,4"), ("BBB", "5,59")),
    ),
    "a sep= line in quotes": (b'\xef\xbb\xbf"sep=;"\r\n' + lines(A).replace(b",", b";"), (("AAA", "2672.478"),)),
    "a sep= line with delimiters behind it": (b"SEP=,,,,\n" + lines(A), (("AAA", "2672.478"),)),
    "a sep= line for another delimiter": (b"sep=;\n" + lines(A), (("AAA", "2672.478"),)),
    "a byte-order mark before a quoted row in the middle": (
        lines(A, '\ufeff"CCC","Gamma, Foods"' + C.removeprefix("CCC,Gamma Foods")),
        (("AAA", "2672.478"), ("CCC", "151.2")),
    ),
    "Ctrl-Z before a row in the middle and at the end": (
        lines(A, f"\x1a{C}", D) + b"\x1a",
        (("AAA", "2672.478"), ("CCC", "151.2"), ("DDD", "12.4")),
    ),
    "a quote within a name": (lines(A.replace("Works", '5" pipe'), B), (("AAA", "2672.478"), ("BBB", "5.599"))),
    "doubled quotes": (
        lines(A.replace("Alpha Works", '"an ""Alpha"""'), B),
        (("AAA", "2672.478"), ("BBB", "5.599")),
    ),
    "a long note with line breaks and many commas": (
        lines(f'{A},"{COMMAS}\n{COMMAS}, 2016\nend"', f"{B},", header=f"{STATEMENTS},note"),
        (("AAA", "2672.478"), ("BBB", "5.599")),
    ),
}
"""Files of which every row is scored, with the symbols and market caps."""

FAILED_ROWS: Final[dict[str, tuple[bytes, tuple[tuple[int, str, str], ...]]]] = {
    "a delimiter in a name without quotes": (
        lines(A.replace("Works", "Works, Inc"), B),
        ((1, "malformed_row", "it has 13 fields and the header has 12"),),
    ),
    "decimal commas in figures that could be grouped": (
        european(C, A, D),
        ((2, "ambiguous_number", "declare decimal=, when you upload, or write one decimal more (672,4780)"),),
    ),
    "decimal points and decimal commas": (
        lines(C, D).replace(b",", b";") + european(A.replace("2672.478", "12.5")).splitlines()[1],
        ((3, "invalid_market_cap", "Invalid market cap value"),),
    ),
    "a dash for zero": (
        lines(A.replace("78.45", " -   "), B.replace("0.0", "-")),
        (
            (1, "missing_field", "Missing required field: inventory: a dash is read as blank; write 0"),
            (2, "missing_field", "Missing required field: inventory: a dash is read as blank; write 0"),
        ),
    ),
    "symbols that Excel turned into dates": (
        lines(*(A.replace("AAA", symbol) for symbol in ("2-Mar", "Mar-02", "2024-03-02", "3/2/2024"))),
        tuple((row, "missing_field", "Excel turned this symbol into a date") for row in range(1, 5)),
    ),
    "two files joined, each with its header": (
        b"\xef\xbb\xbf" + lines(A) + b"\xef\xbb\xbf" + lines(B, C),
        ((2, "invalid_year", "the row is the header again"),),
    ),
    "two files joined, the second with other spelling": (
        lines(A) + lines(B, header=STATEMENTS.replace("_", " ").upper()),
        ((2, "invalid_year", "the row is the header again"),),
    ),
    "text behind a quoted name": (
        lines(A, B.replace("Beta Mills", '"Beta" Mills'), D),
        ((2, "malformed_row", "text is behind a closing quote"),),
    ),
    "two stray quotes in one row": (
        lines(A, B.replace("Beta", '"Beta').replace("5.599", '"5.599'), D),
        ((2, "malformed_row", "text is behind a closing quote"),),
    ),
    "a cell behind a trailing delimiter": (
        lines(A, f"{B},,x"),
        ((2, "malformed_row", "it has 14 fields and the header has 12"),),
    ),
    "the last column that is needed is missing": (
        lines(A, B.rpartition(",")[0]),
        ((2, "malformed_row", "it has 11 fields and the header has 12"),),
    ),
}
"""Files of which some rows fail, with their numbers, codes and parts of their sentences."""

REFUSED_FILES: Final[dict[str, tuple[bytes, str, str]]] = {
    "a quote that never closes": (lines(A, B.replace("Beta", '"Beta'), D), "unbalanced_quote", "line 3"),
    "title lines above the header": (
        b"Screening results,,,\nAs of 31-Dec-2018,,,\n,,,\n" + lines(A),
        "missing_columns",
        "Line 4 looks like the header: remove the lines above it",
    ),
    "every line in quotes": (
        "".join(f'"{line}"\n' for line in (STATEMENTS, A)).encode(),
        "missing_columns",
        "Each line is in quotes as a whole",
    ),
    "every row in quotes": (lines(f'"{A}"', f'"{B}"'), "unsupported_format", "the rows are in quotes as a whole"),
    "rows with another delimiter": (
        lines(A.replace(",", ";"), B.replace(",", ";")),
        "unsupported_format",
        "separated by commas, but the rows are separated by semicolons",
    ),
    "no header": (lines(B, header=A), "missing_columns", "The first line looks like data"),
    "column names in the singular and with units": (
        lines(A, header=STATEMENTS.replace("total_assets", "total_asset").replace("inventory", "Inventory (USD mm)")),
        "missing_columns",
        "`total_asset` → `total_assets`, `Inventory (USD mm)` → `inventory`",
    ),
    "NUL bytes at the end": (lines(A) + bytes(200), "undecodable", "ends in NUL bytes, from byte"),
}
"""Files that are refused as a whole, with the code and a part of the sentence."""

TOLERATED: Final[dict[str, tuple[bytes, tuple[str, tuple[int, ...]]]]] = {
    "delimiters behind each row": (lines(f"{A},", f"{B},,"), ("delimiters_tolerated", (1, 2))),
    "delimiters behind each row that end with CRLF": (
        lines(f"{A},", f"{B},,", end="\r\n"),
        ("delimiters_tolerated", (1, 2)),
    ),
    "semicolons behind a row": (
        lines(A, f"{B},").replace(b",", b";"),
        ("delimiters_tolerated", (2,)),
    ),
    "last cells of others missing": (
        lines(f"{A},x,y", B, header=f"{STATEMENTS},note,portfolio"),
        ("delimiters_tolerated", (2,)),
    ),
    "lines of delimiters": (lines(A, "," * 11, B, *["," * 11] * 30), ("delimiters_tolerated", ())),
    "a line of delimiters above the header": (b",,,\n" + lines(A, "," * 12, B), ("delimiters_tolerated", ())),
    "a space before an opening quote": (
        lines(A, B.replace("Beta Mills", ' "Beta, Mills"')),
        ("quotes_tolerated", (2,)),
    ),
    "a space before an opening quote in another encoding": (
        lines(A, B.replace("Beta Mills", ' "Beta; Mills"')).replace(b",", b";").decode().encode("utf-16"),
        ("quotes_tolerated", (2,)),
    ),
}
"""Files of A and B that are scored in spite of irregular rows, with the note on these."""

chunk_sizes = pytest.mark.parametrize("chunk_bytes", [1, 150, 1 << 20])


@chunk_sizes
@pytest.mark.parametrize("name", SCORED_FILES)
def test_every_row_of_a_real_file_is_scored_as_people_read_it(name: str, chunk_bytes: int) -> None:
    data, scored = SCORED_FILES[name]
    assert result_of(data, chunk_bytes=chunk_bytes) == Result(scored=scored)


@chunk_sizes
@pytest.mark.parametrize("name", FAILED_ROWS)
def test_rows_of_a_real_file_that_could_be_misread_fail(name: str, chunk_bytes: int) -> None:
    data, errors = FAILED_ROWS[name]
    found = result_of(data, chunk_bytes=chunk_bytes).errors
    assert [error[:2] for error in found] == [error[:2] for error in errors]
    for (_, _, sentence), (_, _, part) in zip(found, errors, strict=True):
        assert part in sentence


@chunk_sizes
@pytest.mark.parametrize("name", REFUSED_FILES)
def test_real_file_that_could_be_misread_is_refused(name: str, chunk_bytes: int) -> None:
    data, code, part = REFUSED_FILES[name]
    refused = result_of(data, chunk_bytes=chunk_bytes).refused
    assert refused is not None
    assert refused[0] == code
    assert part in refused[1]


@chunk_sizes
@pytest.mark.parametrize("name", TOLERATED)
def test_irregular_rows_of_a_real_file_are_scored_with_a_note(name: str, chunk_bytes: int) -> None:
    data, note = TOLERATED[name]
    scored = (("AAA", "2672.478"), ("BBB", "5.599"))
    assert result_of(data, chunk_bytes=chunk_bytes) == Result(scored=scored, tolerated=(note,))
