import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited.dialect import DELIMITERS, Delimiter, Dialect
from shared.inputs.columns import BY_NAME
from shared.inputs.encodings import text_encoding
from shared.inputs.errors import EmptyFileError, FileError, UndecodableError, UnsupportedFormatError
from shared.inputs.formats import detect_dialect


def detect(head: bytes, *, declared: str | None = None) -> Dialect:
    return detect_dialect(head, declared_encoding=declared, is_whole_file=True)


@pytest.mark.hazard("Byte-order marks, UTF-16, Windows-1252, mixed encodings")
@pytest.mark.parametrize(
    ("head", "declared", "encoding", "bom_length"),
    [
        (b"a,b\n", None, "utf-8", 0),
        ("é,b\n".encode(), None, "utf-8", 0),
        (codecs.BOM_UTF8 + b"a,b\n", None, "utf-8", 3),
        (codecs.BOM_UTF8 + b"a,b\n", "cp1252", "utf-8", 3),
        (codecs.BOM_UTF16_LE + "a,b\n".encode("utf-16-le"), None, "utf-16-le", 2),
        (codecs.BOM_UTF16_BE + "a,b\n".encode("utf-16-be"), "cp1252", "utf-16-be", 2),
        (codecs.BOM_UTF32_LE + "a,b\n".encode("utf-32-le"), None, "utf-32-le", 4),
        ("a,b\n".encode("utf-16-le"), "utf-16-le", "utf-16-le", 0),
        ("é,b\n".encode("cp1252"), "Windows-1252", "cp1252", 0),
        (b"a,b\n", "cp1252", "cp1252", 0),
        (b"a,b\n", "us-ascii", "utf-8", 0),
        (b"a,b\n", "UTF_8", "utf-8", 0),
        ("表,b\n".encode("shift_jis"), "shift-jis", "shift_jis", 0),
    ],
)
def test_encoding_is_that_of_the_byte_order_mark_else_the_declared_else_utf8(
    head: bytes, declared: str | None, encoding: str, bom_length: int
) -> None:
    dialect = detect(head, declared=declared)
    assert (dialect.encoding, dialect.bom_length, dialect.text_start) == (encoding, bom_length, bom_length)
    assert dialect.needs_rewrite == (encoding != "utf-8")


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiter_is_the_one_that_splits_the_header_into_most_fields(delimiter: Delimiter) -> None:
    header = delimiter.join(["total_assets", '"a,;|\t,,;;"', "b", "c"])
    assert detect(f"{header}\n1;2;3,4,5,6,7,8\n".encode()).delimiter == delimiter


def test_header_of_one_field_is_read_with_commas() -> None:
    assert detect(b"abc\n1;2\n").delimiter == ","


@pytest.mark.parametrize(
    ("head", "newline"),
    [
        (b"a,b\nc,d\n", "lf"),
        (b"a,b\r\nc,d\r\n", "crlf"),
        (b"a,b\rc,d\r", "cr"),
        (b'a,"b\n\n\n"\rc,d\re,f', "cr"),
        (b'a,"b\r\r\r"\nc,d\n', "lf"),
        (b"a,b", "lf"),
        (b"a,b\r\r\nc,d\r\r\n", "crlf"),
    ],
)
def test_newlines_are_detected_outside_quotes(head: bytes, newline: str) -> None:
    dialect = detect(head)
    assert dialect.newline == newline
    assert dialect.needs_rewrite == (newline == "cr")


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
def test_delimiter_of_a_cr_only_file_is_that_of_its_header() -> None:
    assert detect(b"a;b;c\r1,2,3,4,5;;\r").delimiter == ";"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_sep_line_sets_the_delimiter_and_is_skipped(newline: str) -> None:
    dialect = detect(codecs.BOM_UTF16_LE + f"sep=;{newline}a,b,c;d\n".encode("utf-16-le"))
    assert (dialect.delimiter, dialect.text_start) == (";", 2 + 2 * len(f"sep=;{newline}"))


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize(
    "line",
    [
        "sep=%",
        "SEP=%",
        "Sep = %",
        '"sep=%"',
        ' "sep=%" ',
        'sep="%"',
        "sep=%%%%%",
        "sep=%,,,,",
        '"sep=%";;;;',
        "sep= %  ",
        "sep=",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_sep_line_of_any_form_is_skipped(delimiter: Delimiter, line: str, newline: str, bom: str) -> None:
    line = f"{bom}{line.replace('%', delimiter)}{newline}"
    dialect = detect(f"{line}name{delimiter}b{newline}".encode())
    assert (dialect.delimiter, dialect.text_start) == (delimiter, len(line.encode()))
    assert dialect.has_sep_line
    assert dialect.declared is None


@pytest.mark.parametrize("line", ["sep=^", "sep=:", "sep=\u00b6"])
def test_sep_line_of_another_delimiter_leaves_the_choice_to_the_header(line: str) -> None:
    dialect = detect(f"{line}\nname;b\n".encode())
    assert dialect.delimiter == ";"


@pytest.mark.parametrize("line", ["separator;b", "sep", "sep;b", "sepal=1", "a sep=;", "sep=;a", "sep=;,b"])
def test_header_that_resembles_a_sep_line_is_a_header(line: str) -> None:
    assert not detect(f"{line}\n1;2\n".encode()).has_sep_line


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("company_symbol\t,market_cap\t,sector\t", ","),
        ("company_symbol;market_cap;Sales, net, of VAT, rebates", ";"),
        ("company_symbol|market_cap|a,b,c;d;e", "|"),
        ("sep=,\ncompany_symbol;market_cap", ";"),
        ("a,b;c", ","),
    ],
)
def test_delimiter_that_gives_known_columns_wins(header: str, delimiter: Delimiter) -> None:
    assert detect(f"{header}\nrow\n".encode()).delimiter == delimiter


# No quotes and no line breaks: names that need them are quoted.
_extra_names = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='"'), max_size=8), max_size=6
)


@given(
    extra=_extra_names,
    known=st.lists(st.sampled_from(sorted(BY_NAME)), min_size=3, unique=True),
    delimiter=st.sampled_from(DELIMITERS),
    quotes_all=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    data=st.data(),
)
def test_delimiter_of_any_header_with_known_columns_is_found(
    *, extra: list[str], known: list[str], delimiter: Delimiter, quotes_all: bool, newline: str, data: st.DataObject
) -> None:
    names = data.draw(st.permutations([*extra, *known]))
    cells = [f'"{name}"' if quotes_all or delimiter in name else name for name in names]
    file = f"{delimiter.join(cells)}{newline}{delimiter.join('1' for _ in cells)}{newline}"
    assert detect(file.encode()).delimiter == delimiter


@pytest.mark.parametrize("head", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\n\r\n  "])
def test_file_without_text_is_reported_as_empty(head: bytes) -> None:
    with pytest.raises(EmptyFileError, match="The file is empty"):
        detect(head)


@pytest.mark.hazard("Byte-order marks, UTF-16, Windows-1252, mixed encodings")
def test_bytes_that_are_not_utf8_are_reported_with_offset_and_advice() -> None:
    with pytest.raises(UndecodableError) as caught:
        detect(codecs.BOM_UTF8 + "name\nZoë\n".encode() + b"Zo\xeb\n")
    assert caught.value.offset == 3 + 5 + 5 + 2
    assert str(caught.value) == (
        "The file is not UTF-8 text: at byte 15 it has the byte 0xEB. Save it as UTF-8, or declare its encoding when "
        "you upload it, for example `?encoding=windows-1252`."
    )


def test_file_cut_in_the_middle_of_a_character_is_refused() -> None:
    with pytest.raises(UndecodableError, match="at byte 2 it ends in the middle of a character"):
        detect("a,é".encode()[:-1])


def test_head_cut_in_the_middle_of_a_character_is_valid() -> None:
    assert detect_dialect("a,é".encode()[:-1], is_whole_file=False).encoding == "utf-8"


def test_utf16_without_a_byte_order_mark_is_named_in_the_error() -> None:
    with pytest.raises(UndecodableError, match="UTF-16 without a byte-order mark"):
        detect("company,name\n".encode("utf-16-le"))


def test_binary_data_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match="The file is not text"):
        detect(bytes(range(1, 0x20)) * 40)


@pytest.mark.parametrize(
    "name",
    [
        "zip", "zlib", "bz2", "hex", "base64", "rot13", "idna", "punycode", "unicode_escape", "raw_unicode_escape",
        "undefined", "utf-7", "mbcs", "oem", "charmap", "uu", "quopri", "", " ", "no-such", "../../etc/passwd",
        "a" * 5000, "utf-8\0", "é",
    ],
)  # fmt: skip
def test_name_that_is_no_text_encoding_is_refused(name: str) -> None:
    with pytest.raises(UndecodableError, match="is not a text encoding"):
        text_encoding(name)


@pytest.mark.parametrize("name", ["utf-16", "UTF16", "utf_32"])
def test_encoding_without_its_byte_order_is_refused(name: str) -> None:
    with pytest.raises(UndecodableError, match="byte order"):
        text_encoding(name)


@given(
    st.binary(max_size=200), st.sampled_from([None, "cp1252", "utf-16-le", "gb18030", "shift_jis", "euc-kr", "koi8-r"])
)
def test_any_bytes_have_a_dialect_or_a_file_error(head: bytes, declared: str | None) -> None:
    try:
        dialect = detect(head, declared=declared)
    except FileError as error:
        assert str(error)  # noqa: PT017
    else:
        assert dialect.delimiter in DELIMITERS
