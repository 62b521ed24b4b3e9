"""The regular expression reader and the XML reader return the same."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.workbook import _regex_reader, _xml_reader
from shared.workbook._cells import AppliedFormats, Row, SharedStrings, Values, text_cell
from shared.workbook._number_formats import number_format
from shared.workbook.errors import UnreadableWorkbookError, WorkbookError, WorkbookTooLargeError
from shared.workbook.limits import MAX_CELL_LENGTH, MAX_TEXT_BYTES, Limits
from shared.workbook.reader import _read_rows, _read_strings
from shared.workbook.references import column_letters
from tests.unit.workbook.workbook_builders import MAIN, worksheet

_STRINGS = SharedStrings()
for _text in (b"", b"plain", b'a,"b"', b"_x000D_", b"672.478"):
    _STRINGS.add(text_cell(_text))
_CODES = {b"1": "yyyy-mm-dd", b"2": "0.0%", b"3": "#,##0.0,,;-0.0,,", b"4": "0000"}
_FORMATS = {style: found for style, code in _CODES.items() if (found := number_format(code))}
VALUES = Values(shared_strings=_STRINGS, formats=_FORMATS, scaling=frozenset({b"3"}), dates_from_1904=False)
RECALCULATED = replace(VALUES, recalculates=True)
LIMITS = Limits(columns=30)

RICH = '<is><r><t>332</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>1</t></r></is>'
texts = st.one_of(
    st.text(alphabet='ab,"\n &<_x0041_é', max_size=12),
    st.text(alphabet="0123456789.,-+ ()%x", max_size=9),
)
numbers = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1000, 1000).map(lambda number: f"{number:.3f}"),
    st.sampled_from(
        ["0", "-0", "00", "5.0", "0.10", "1E5", "+1", " 1 ", "abc", ".5", "5.", "12,5", "1_000", "nan", "1e999"]
    ),
)


@st.composite
def cells(draw: st.DrawFn) -> str:
    place = draw(st.sampled_from(["", *(f' r="{column_letters(n)}1"' for n in (0, 1, 2, 5, 28))]))
    style = draw(st.sampled_from(["", *(f' s="{number}"' for number in range(5))]))
    formula = draw(st.sampled_from(["", "", "<f>A1&amp;B1</f>", '<f t="shared" si="0"/>']))
    text = draw(texts).replace("&", "&amp;").replace("<", "&lt;")
    parts = st.sampled_from(["<v>332</v>", "<v></v>", "<is><t>12</t></is>", RICH, ""])
    kind, content = draw(
        st.sampled_from(
            [
                ("s", f"{formula}<v>{draw(st.integers(0, 4))}</v>"),
                ("inlineStr", f"<is><t>{text}</t></is>"),
                ("str", f"{formula}<v>{text}</v>"),
                ("str", formula + draw(st.sampled_from(["", "<v></v>", "<v/>"]))),
                (draw(st.sampled_from(["b", "e", "n"])), f"<v>{draw(st.integers(0, 1))}</v>"),
                ("", formula + draw(st.sampled_from(["", "<v></v>", "<v/>", "<v>0</v>"]))),
                ("", f"{formula}<v>{draw(numbers)}</v>"),
                ("", f"{formula}<v>{draw(numbers)}</v>"),
                (draw(st.sampled_from(["", "inlineStr", "str"])), formula + draw(parts) + draw(parts)),
            ]
        )
    )
    attributes = place + style + (f' t="{kind}"' if kind else "")
    return f"<c{attributes}>{content}</c>" if content else f"<c{attributes}/>"


rows = st.one_of(
    st.lists(cells(), max_size=6).map(lambda found: f'<row r="3" spans="1:5">{"".join(found)}</row>'),
    st.sampled_from(["<row/>", '<row r="2" ht="15"/>', "<row> </row>", "\n"]),
    st.sampled_from(['<row r="9"><c><v>1</v></c></row>', '<row ht="15" r="12"/>', '<row r="250"/>', '<row r="007"/>']),
)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


Outcome = tuple[list[Row] | str, AppliedFormats]


def both(data: bytes, block_bytes: int, values: Values = VALUES, limits: Limits = LIMITS) -> tuple[Outcome, Outcome]:
    """Returns the rows or the error, and the applied formats: as the readers together find them, and the XML reader."""

    def found(rows: Iterator[Row], applied: AppliedFormats) -> Outcome:
        try:
            return list(rows), applied
        except WorkbookError as error:
            return str(error), {}

    first: AppliedFormats = {}
    second: AppliedFormats = {}
    return (
        found(_read_rows(lambda: blocks(data, block_bytes), values, limits, first), first),
        found(_xml_reader.rows(blocks(data, block_bytes), values, limits, second), second),
    )


@given(st.lists(rows, max_size=6), st.integers(1, 400), st.sampled_from([VALUES, RECALCULATED]))
@example(['<row><c r="B1"><v>1</v></c><c r="A1"/><c><v>2</v></c></row>'], 400, VALUES)
@example(['<row><c t="str"><f>A1</f><v></v></c><c t="str"><f>A1</f></c></row>'], 400, VALUES)
def test_both_readers_return_the_same_rows(found: list[str], block_bytes: int, values: Values) -> None:
    fast, full = both(worksheet(*found).encode(), block_bytes, values)
    assert fast == full


@st.composite
def similar_rows(draw: st.DrawFn) -> list[str]:
    """Rows of one shape, in some of which cells are missing or have another shape."""
    columns = draw(st.lists(st.sampled_from(range(32)), min_size=1, max_size=6, unique=True).map(sorted))
    kinds = [draw(st.sampled_from(["s", "number", "n", "empty"])) for _ in columns]
    styles = [draw(st.sampled_from(["", ' s="0"', ' s="1"'])) for _ in columns]

    def cell(number: int, column: int, kind: str, style: str) -> str:
        if draw(st.integers(0, 9)) == 0:
            return draw(st.one_of(st.just(""), cells()))
        place = f' r="{column_letters(column)}{number}"{style}'
        if kind == "empty":
            return f"<c{place}/>"
        if kind == "s":
            return f'<c{place} t="s"><v>{draw(st.integers(0, 4))}</v></c>'
        typed = ' t="n"' if kind == "n" else ""
        return f"<c{place}{typed}><v>{draw(numbers)}</v></c>"

    return [
        f'<row r="{number}">{"".join(map(cell, [number] * len(columns), columns, kinds, styles))}</row>'
        for number in range(1, draw(st.integers(2, 8)))
    ]


@given(similar_rows(), st.integers(1, 400))
@example(['<row><c r="A1" t="s"><v>1</v></c></row>'] * 2 + ['<row><c r="A3" t="s"><v>0</v></c></row>'], 50)
@example([f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="AF{n}"><v>1</v></c></row>' for n in (1, 2)], 50)
def test_both_readers_return_the_same_rows_for_similar_rows(found: list[str], block_bytes: int) -> None:
    fast, full = both(worksheet(*found).encode(), block_bytes)
    assert fast == full


def strings_of(part: str, block_bytes: int, limits: Limits = LIMITS) -> list[bytes]:
    found = SharedStrings()
    _read_strings(lambda: blocks(part.encode(), block_bytes), found, limits)
    return [found.text(b"%d" % index) for index in range(len(found))]


string_items = st.one_of(
    texts.map(lambda text: f"<si><t>{text.replace('&', '&amp;').replace('<', '&lt;')}</t></si>"),
    texts.map(
        lambda text: f'<si><t xml:space="preserve">{text.replace("&", "&#38;").replace("<", "&#x3C;")} </t></si>\n'
    ),
    st.sampled_from(
        [
            "<si/>",
            "<si><t/></si>",
            "<si><r><t>a</t></r><r><t>b</t></r></si>",
            "<si><r><t>332</t></r><r><rPr><vertAlign val='superscript'/></rPr><t>1</t></r></si>",
            "<si><r><rPr><strike/></rPr><t>1</t></r><r><t>672.478</t></r></si>",
            "<si><t>a</t><rPh sb='0' eb='1'><t>b</t></rPh></si>",
            "<si><t>a<!-- </si> -->b</t></si>",
            "<si><t>&#13;</t></si>",
            "<si><t><![CDATA[<si>]]></t></si>",
        ]
    ),
)


@given(st.lists(string_items, max_size=8), st.integers(1, 200))
def test_both_readers_return_the_same_strings(items: list[str], block_bytes: int) -> None:
    opening, items_text = f'<sst xmlns="{MAIN}" count="9">', "".join(items)
    fast = strings_of(f"{opening}{items_text}</sst>", block_bytes)
    # The XML parser, which takes over at any comment, reads this from the start.
    assert fast == strings_of(f"{opening}<!-- -->{items_text}</sst>", block_bytes)
    assert len(fast) == len(items)


@pytest.mark.parametrize("start", ["", "<!-- -->"])
def test_string_that_no_cell_can_have_is_refused(start: str) -> None:
    def strings(text: str) -> list[bytes]:
        return strings_of(f'<sst xmlns="{MAIN}">{start}<si><t>{text}</t></si></sst>', 1 << 14)

    longest = "\N{HANGUL SYLLABLE GA}" * MAX_CELL_LENGTH
    assert strings(longest) == [longest.encode()]
    for length in (MAX_TEXT_BYTES + 1, 3 << 20):
        with pytest.raises(WorkbookTooLargeError, match="a text of more than 32,767 characters"):
            strings("x" * length)


@pytest.mark.parametrize(
    "part", ["<sst/>", '<sst xmlns="x"/>', '<sst xmlns="x"></sst>', '<?xml version="1.0"?><sst xmlns="x"></sst>']
)
def test_part_without_strings_has_no_strings(part: str) -> None:
    assert strings_of(part, 50) == []


@pytest.mark.parametrize(
    "part", ['<sst xmlns="x"><si><t>a</t></si>', '<sst xmlns="x"><si><t>a</t></si></sst>x', "", "<sst "]
)
def test_truncated_part_is_reported_as_damage(part: str) -> None:
    with pytest.raises(UnreadableWorkbookError, match="damaged"):
        strings_of(part, 50)


@given(st.lists(rows, max_size=4), st.lists(rows, max_size=4), st.integers(1, 400))
def test_rows_around_a_change_of_reader_are_returned_once(
    before: list[str], after: list[str], block_bytes: int
) -> None:
    data = worksheet(*before, "<row><c t='str'><v>odd</v></c><!-- </row> --></row>", *after).encode()
    fast, full = both(data, block_bytes, limits=Limits())
    assert fast == full
    assert isinstance(fast[0], str) or [b"odd"] in fast[0]


def test_usual_shape_is_read_by_the_fast_reader() -> None:
    sheet = worksheet(
        '<row r="1" spans="1:3" x14ac:dyDescent="0.25"><c r="A1" s="3" t="s"><v>1</v></c>',
        '<c r="B1"><v>1.5</v></c></row>',
        '<row r="2"><c r="A2" t="inlineStr"><is><t xml:space="preserve"> a</t></is></c>',
        '<c r="C2"><f>A1</f><v>2</v></c></row>',
        before='<sheetViews><sheetView workbookViewId="0"/></sheetViews>',
        after="<pageMargins/>",
    )
    assert list(_regex_reader.rows(blocks(sheet.encode(), 50), VALUES, LIMITS, {})) == [
        [b"plain", b"1.5"],
        [b" a", b"", b"2"],
    ]


@pytest.mark.parametrize(
    "sheet",
    [
        worksheet("<row><c><v>1</v></c></row>")
        .replace("<", "<x:")
        .replace("<x:/", "</x:")
        .replace("xmlns=", "xmlns:x="),
        worksheet("<row><c><v><![CDATA[1]]></v></c></row>"),
        worksheet("<row a='>'><c><v>1</v></c></row>"),
        worksheet("<row><c t='n' r='A1'><v>1</v></c></row>", prolog='<?xml version="1.0" encoding="UTF-8"?>\r\n'),
        worksheet("<row><c><v>1</v></c></row>", before="<!-- <sheetData><row><c><v>2</v></c></row></sheetData> -->"),
        worksheet("<row><c><v>1</v></c></row>", after="<extLst><row><c><v>2</v></c></row></extLst>"),
        "\ufeff" + worksheet("<row><c><v>1</v></c></row>"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_unusual_shapes_are_read(sheet: str, encoding: str) -> None:
    data = sheet.replace("UTF-8", encoding).removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding)
    assert list(_read_rows(lambda: blocks(data, 64), VALUES, LIMITS, {})) == [[b"1"]]


def test_many_formatted_rows_without_cells_are_read() -> None:
    filler = ['<row r="2" ht="15"/>\n'] * 5_000
    data = worksheet("<row><c><v>1</v></c></row>", *filler, "<row><c><v>2</v></c></row>", *filler).encode()
    found = list(_regex_reader.rows(blocks(data, 1_000), VALUES, Limits(row_bytes=4_000), {}))
    assert len(found) == 10_002
    assert [row for row in found if row] == [[b"1"], [b"2"]]
