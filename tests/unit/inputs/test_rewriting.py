import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited._records import split_records
from shared.delimited.cells import unquoted
from shared.delimited.dialect import DELIMITERS, Delimiter, Dialect, Newline
from shared.inputs.errors import TooLargeError, UnbalancedQuoteError, UndecodableError
from shared.inputs.formats import detect_dialect
from shared.inputs.rewriting import to_canonical
from tests.unit.delimited.oracle import Unreadable, plain_records

awkward_text = st.lists(
    st.sampled_from(['"', '""', ",", ";", "|", "\n", "\r\n", "\r", " ", "\t", "a", "é"]), max_size=50
).map("".join)


def rewritten(data: bytes, dialect: Dialect, *, block_bytes: int = 1 << 16) -> bytes:
    out = io.BytesIO()
    written = to_canonical(io.BytesIO(data), dialect, out, block_bytes=block_bytes)
    assert written == len(out.getvalue())
    return out.getvalue()


@given(
    text=awkward_text,
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "cp1252", "gb18030"]),
    delimiter=st.sampled_from(DELIMITERS),
    newline=st.sampled_from(["lf", "cr"]),
    block_bytes=st.integers(1, 40),
)
def test_rewriting_keeps_the_text_of_every_cell(
    text: str, encoding: str, delimiter: Delimiter, newline: Newline, block_bytes: int
) -> None:
    dialect = Dialect(encoding=encoding, bom_length=0, text_start=0, delimiter=delimiter, newline=newline)
    data = text.encode()
    if newline == "cr":
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    plain = plain_records(data, delimiter)
    if isinstance(plain, Unreadable):
        with pytest.raises(UnbalancedQuoteError):
            rewritten(text.encode(encoding), dialect, block_bytes=block_bytes)
        return
    canonical = rewritten(text.encode(encoding), dialect, block_bytes=block_bytes)
    records = split_records(canonical, ",")
    assert records.with_stray_quote().tolist() == [record.is_stray for record in plain]
    assert canonical.count(b"\n") == data.count(b"\n")
    found = {canonical.count(b"\n", 0, start): at for at, start in enumerate(records.starts.tolist())}
    for record in plain:
        at = found.pop(data.count(b"\n", 0, record.start))
        if not record.is_stray:
            assert records.fields(at) == [unquoted(data[start:end]) for start, end in record.fields]
    assert not found


@pytest.mark.parametrize(
    ("data", "declared", "canonical"),
    [
        ("\ufeffä;b\r\n1;2,5\r\n\r\n".encode("utf-16-le"), None, "ä,b\r\n" + '1,"2,5"\r\n\r\n'),
        ("sep=|\r\nä|b\r\n".encode("cp1252"), "cp1252", "\nä,b\r\n"),
        ("\ufeffa,b\r\r\nc,d\r\n".encode("utf-16-le"), None, "a,b\r\r\nc,d\r\n"),
        (b"a\tb\r1\t2\r", None, "a,b\n1,2\n"),
        (b'a,b\r"x\ry",2', None, 'a,b\n"x\ny",2'),
        ('ä;b\n;;\n; "c;,";\n'.encode("cp1252"), "cp1252", 'ä,b\n,,\n, "c;,",\n'),
        ('ä;b\n"c" d;e,f\n'.encode("cp1252"), "cp1252", 'ä,b\n"c" d,"e,f"\n'),
        ("表|x\n".encode("shift_jis"), "shift_jis", "表,x\n"),
    ],
)
def test_file_of_a_detected_dialect_is_rewritten(data: bytes, declared: str | None, canonical: str) -> None:
    dialect = detect_dialect(data, declared_encoding=declared, is_whole_file=True)
    assert rewritten(data, dialect) == canonical.encode()


@pytest.mark.hazard("Byte-order marks, UTF-16, Windows-1252, mixed encodings")
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "encoding", "offset"),
    [
        ("ab\n".encode("utf-16-le") + b"x", "utf-16-le", 6),
        ("ab\n".encode("utf-16-le") + b"\x00\xdc", "utf-16-le", 6),
        (b"ab\n\x81,c\n", "cp1252", 3),
        ("ab\n表".encode("gb18030") + b"\xff\n", "gb18030", 5),
    ],
)
def test_undecodable_bytes_are_reported_with_their_offset(
    data: bytes, encoding: str, offset: int, block_bytes: int
) -> None:
    dialect = Dialect(encoding=encoding, bom_length=0, text_start=0, delimiter=",", newline="lf")
    with pytest.raises(UndecodableError) as caught:
        rewritten(data, dialect, block_bytes=block_bytes)
    assert caught.value.offset == offset
    assert f"The file is not {encoding} text: at byte {offset}" in str(caught.value)


@pytest.mark.parametrize("block_bytes", [1, 5, 1000])
@pytest.mark.parametrize(
    ("text", "newline", "line"),
    [('sep=,\na,b\n"x\ny",2\n3,"4\n', "lf", 5), ('a,b\r"x\ry",2\r3,"4\r', "cr", 4), ('a,b\r\n3,"4\r', "cr", 2)],
)
def test_open_quote_is_reported_with_its_line(text: str, newline: Newline, line: int, block_bytes: int) -> None:
    start = 12 if text.startswith("sep") else 0
    dialect = Dialect(encoding="utf-16-le", bom_length=0, text_start=start, delimiter=",", newline=newline)
    with pytest.raises(UnbalancedQuoteError, match=f"on line {line} is never closed") as caught:
        rewritten(text.encode("utf-16-le"), dialect, block_bytes=block_bytes)
    assert caught.value.line == line


def test_open_quote_after_a_byte_order_mark_is_named_by_its_line() -> None:
    data = codecs.BOM_UTF8 + b'a,b\r"1,2\r'
    with pytest.raises(UnbalancedQuoteError, match="on line 2 is never closed"):
        rewritten(data, detect_dialect(data, is_whole_file=True))


@pytest.mark.parametrize("block_bytes", [1, 5, 1000])
@pytest.mark.parametrize(("newline", "end"), [("lf", "\n"), ("lf", "\r\n"), ("cr", "\r"), ("cr", "\r\n")])
def test_quotes_that_join_rows_are_reported_with_both_lines(newline: Newline, end: str, block_bytes: int) -> None:
    text = end.join(["a,b", "", 'c,"d', "e,f", 'g,"h', "i,j"])
    dialect = Dialect(encoding="utf-16-le", bom_length=0, text_start=0, delimiter=",", newline=newline)
    with pytest.raises(UnbalancedQuoteError, match="on line 3 is closed on line 5 with text behind it"):
        rewritten(text.encode("utf-16-le"), dialect, block_bytes=block_bytes)


def test_record_without_end_is_refused() -> None:
    dialect = Dialect(encoding="cp1252", bom_length=0, text_start=0, delimiter=",", newline="lf")
    with pytest.raises(TooLargeError, match="starts on line 2 is longer than 100 bytes"):
        to_canonical(io.BytesIO(b"a\n" + b"b" * 500), dialect, io.BytesIO(), max_record_bytes=100, block_bytes=32)
