"""CSV result files for the tests of exports."""

from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

from shared.delimited.cells import record_line

# Text that a spreadsheet would execute, that XML or XLSX must escape, or that their writers could misread.
_TRICKY = [
    "=1+1",
    "'=1+1",
    "+1",
    "-2",
    "@x",
    "\tx",
    "\rx",
    '=HYPERLINK("http://x.example")',
    "http://x.example",
    "<r>&</r>",
    "<r><t>x</t></r>",
    '<r></r></is></c><c r="A9"><f>1+1</f></c><c><is><r></r>',
    "_x0041_",
    "_x005F_",
    "\ufffe\uffff",
    "\x01\x1f\x7f",
    " x ",
    "a\r\nb",
    "007",
    "1e999",
    "NA",
    "nan",
    "😀",
    '"',
    "Co;=1",
    "a\n '-1|\uff1d1",
]
# Any text in UTF-8 except NUL, which result files replace by `␀`.
cells = st.one_of(
    st.sampled_from(_TRICKY), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
)


def csv_file(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Returns a result file of these cells."""
    return b"".join(record_line([cell.encode() for cell in record]) for record in (names, *rows))


def in_blocks(body: bytes, size: int) -> Iterator[bytes]:
    """Yields the bytes in blocks of this size, as they are read from S3."""
    for start in range(0, len(body), size):
        yield body[start : start + size]
