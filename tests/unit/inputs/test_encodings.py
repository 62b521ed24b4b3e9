import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.encodings import EncodingWatch, declaration_notes
from shared.inputs.errors import UndecodableError
from shared.inputs.formats import detect_dialect
from shared.inputs.rewriting import to_canonical
from shared.vocabulary import Note


def notes_on(data: bytes, declared: str) -> tuple[Note, ...]:
    """Returns the notes of a rewriting in small blocks, which gives the text of one without a watch."""
    dialect = detect_dialect(data, declared_encoding=declared, is_whole_file=True)
    watched, plain = io.BytesIO(), io.BytesIO()
    watch = EncodingWatch(io.BytesIO(data), watched, dialect)
    to_canonical(watch, dialect, watch, block_bytes=7)
    to_canonical(io.BytesIO(data), dialect, plain)
    assert watched.getvalue() == plain.getvalue()
    return watch.notes


@pytest.mark.parametrize("declared", ["windows-1252", "latin-1", "cp850", "gb18030", "mac-roman"])
def test_utf8_declared_as_another_encoding_is_doubtful(declared: str) -> None:
    (note,) = notes_on(b"name,b\n" + b"plain,1\n" * 100 + "Société,2\n".encode(), declared)
    assert note.code == "encoding_doubtful"
    assert "as declared, but it is valid UTF-8 too" in note.message


@pytest.mark.parametrize("text", ["Soci\u0092t,2", "a\x01b,2", "a\x7fb,2"])
def test_declared_encoding_that_leaves_control_characters_is_doubtful(text: str) -> None:
    (note,) = notes_on(b"name,b\n" + b"plain,1\n" * 100 + f"é,{text}\n".encode("latin-1"), "latin-1")
    assert note.code == "encoding_doubtful"
    assert "which left control characters in it" in note.message


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (b"name,b\nplain,1\n", "windows-1252"),
        ("name,b\nSociété,1\n".encode("cp1252"), "windows-1252"),
        ('name,b\n"two\r\nlines\tand a tab",1\n\x1a'.encode("cp1252"), "windows-1252"),
        ("name,b\n表,1\n".encode("shift_jis"), "shift_jis"),
        ("name,b\nSociété\u0092,1\n".encode("utf-16"), "windows-1252"),
        ("name,b\nSociété,1\n".encode("utf-16-le"), "utf-16-le"),
    ],
)
def test_encoding_that_fits_is_not_doubted(data: bytes, declared: str) -> None:
    assert notes_on(data, declared) == ()


@given(st.text(st.characters(min_codepoint=0xA0, max_codepoint=0x2FFF), min_size=1), st.integers(0, 40))
def test_any_text_beyond_ascii_in_utf8_is_doubtful_wherever_it_is(text: str, lines_before: int) -> None:
    data = b"name,b\n" + b"plain,1\n" * lines_before + f'"{text}",1\n'.encode()
    try:
        notes = notes_on(data, "mac-roman")
    except UndecodableError:
        return
    assert [note.code for note in notes] == ["encoding_doubtful"]


@pytest.mark.parametrize(
    ("data", "declared", "doubts"),
    [
        ("\ufeffa,b\n".encode(), "windows-1252", 1),
        ("a,b\n".encode("utf-16"), "utf-8", 1),
        ("\ufeffa,b\n".encode(), "UTF_8", 0),
        ("\ufeffa,b\n".encode(), None, 0),
        (b"a,b\n", "windows-1252", 0),
    ],
)
def test_byte_order_mark_of_another_encoding_than_declared_gets_a_note(
    data: bytes, declared: str | None, doubts: int
) -> None:
    dialect = detect_dialect(data, declared_encoding=declared, is_whole_file=True)
    notes = declaration_notes(dialect, declared)
    assert [note.code for note in notes] == ["encoding_doubtful"] * doubts
    assert all("has the byte-order mark" in note.message for note in notes)
