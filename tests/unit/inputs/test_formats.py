import io
import zipfile

import pytest

from shared.inputs.errors import EmptyFileError, UndecodableError, UnsupportedFormatError
from shared.inputs.formats import as_utf8, check_end, detect_dialect, dialect_notes, sniff_format


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            # ZipInfo sets a fixed date. Test ids contain these bytes and must be the same in every worker process.
            archive.writestr(zipfile.ZipInfo(name), "x")
    return file.getvalue()


def open_document(kind: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr(zipfile.ZipInfo("content.xml"), "<office:document-content/>", zipfile.ZIP_DEFLATED)
    return file.getvalue()


@pytest.mark.parametrize("filename", ["a.csv", "a.xlsx", "a.XLSX", "a"])
def test_format_is_that_of_the_content_whatever_the_file_name(filename: str) -> None:
    assert sniff_format(b"a,b\n1,2\n", filename) == "csv"
    assert sniff_format(zipped("[Content_Types].xml", "xl/workbook.xml"), filename) == "xlsx"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Excel file"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (open_document("spreadsheet"), r"OpenDocument spreadsheet \(.ods\). Open it, save it as an Excel workbook"),
        (open_document("text"), "OpenDocument document"),
        (
            zipped("Index/Document.iwa", "Metadata/Properties.plist"),
            r"an Apple Numbers document \(.numbers\). Export it",
        ),
        (zipped("preview.jpg", "Index/Tables/DataList.iwa"), "an Apple Numbers document"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("ppt/presentation.xml"), "a presentation"),
        (zipped("figures 2024.csv"), "a ZIP archive. Unpack it, and upload the files in it one by one"),
        (zipped("a/REPORT.XLSX"), "a ZIP archive. Unpack it"),
        (zipped("photo.jpg"), "ZIP archive that holds no Excel workbook"),
        (zipped(), "ZIP archive that holds no Excel workbook"),
        (b"figures.csv".ljust(257, b"\0") + b"ustar\x0000", "a TAR archive"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\xef\xbb\xbf <!DOCTYPE html><html>", "HTML"),
        (b"<html><table>", "HTML"),
        (b"<?xml version='1.0'?><Workbook>", "XML"),
        (b'\n[{"a": 1}]', "JSON"),
        (b'{"rows": []}', "JSON"),
        (b"[]", "JSON"),
        (b"SQLite format 3\0", "SQLite"),
    ],
)
@pytest.mark.parametrize("filename", ["a.csv", "a.pdf"])
def test_file_that_is_neither_csv_nor_xlsx_is_refused_by_name(head: bytes, name: str, filename: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=name) as caught:
        sniff_format(head, filename)
    assert any(advice in str(caught.value) for advice in ("CSV", ".xlsx", "Unpack"))


def test_open_document_renamed_to_xlsx_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"OpenDocument spreadsheet \(.ods\)"):
        sniff_format(open_document("spreadsheet"), "a.xlsx")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), r"an Excel workbook. Upload the workbook \(.xlsx\) itself"),
        (zipped("figures.csv"), "a ZIP archive, not CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Excel file, not CSV"),
        (b"\x1f\x8b\x08\0", "a gzip archive, not CSV. Only CSV files may be gzipped, once"),
        (b"figures.csv".ljust(257, b"\0") + b"ustar\x0000", "a TAR archive, not CSV"),
        (b"PAR1\x15\x04", "a Parquet file, not CSV"),
        (b'{"rows": []}', "JSON, not CSV"),
    ],
)
def test_gzip_that_holds_something_else_than_csv_is_refused_by_name(head: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"The gzip file holds {name}"):
        sniff_format(head, "a.csv.gz", within_gzip=True)
    assert sniff_format(b"a,b\n1,2\n", "a.csv.gz", within_gzip=True) == "csv"


def test_empty_file_is_refused() -> None:
    with pytest.raises(EmptyFileError, match=r"^The file is empty$"):
        sniff_format(b"", "a.csv")


@pytest.mark.parametrize("head", [b"[a],b\n", b"BM,b\n", b"<a>,b\n", b"MZ,PK\n", b"PKG,b\n", b"GIF,b\n"])
def test_csv_header_that_resembles_another_format_is_csv(head: bytes) -> None:
    assert sniff_format(head, "a.csv") == "csv"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("", None),
        ("sep=;\n", "The file was read with semicolons: its sep= line was skipped."),
        ('\ufeff"sep=;"\r\n', "The file was read with semicolons: its sep= line was skipped."),
        ("SEP = ,\n", "The file was read with semicolons: its sep= line declares commas."),
    ],
)
def test_sep_line_is_skipped_with_a_note(start: str, message: str | None) -> None:
    dialect = detect_dialect(f"{start}company_symbol;market_cap\nA;1\n".encode(), is_whole_file=True)
    assert dialect.delimiter == ";"
    assert [note.message for note in dialect_notes(dialect)] == ([message] if message else [])
    assert {note.code for note in dialect_notes(dialect)} <= {"delimiters_tolerated"}


def test_header_with_more_of_another_delimiter_gets_a_note() -> None:
    dialect = detect_dialect(b"company_symbol\t,market_cap\t,sector\t\nA,1,b\n", is_whole_file=True)
    assert dialect.delimiter == ","
    (note,) = dialect_notes(dialect)
    assert note.message == "The file was read with commas: its header has more tabs."


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("sep_line", ["", "sep=;", "sep=ä"])
def test_start_of_a_file_as_utf8_has_its_lines_and_its_text(encoding: str, newline: str, sep_line: str) -> None:
    text = newline.join([*([sep_line] if sep_line else []), "", "company_symbol;Größe", "A;é"])
    data = text.encode(encoding)
    dialect = detect_dialect(data, declared_encoding=encoding, is_whole_file=True)
    converted, utf8 = as_utf8(data, dialect, is_whole_file=True)
    assert not utf8.needs_rewrite
    assert converted.decode().splitlines() == text.splitlines()
    assert converted[utf8.text_start :].decode().splitlines() == text.splitlines()[bool(sep_line) :]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_file_padded_with_nul_bytes_is_refused_with_their_place(encoding: str) -> None:
    text = "company_symbol;market_cap\nA;1\n".encode(encoding)
    with pytest.raises(UndecodableError, match=f"ends in NUL bytes, from byte {len(text)} on") as caught:
        detect_dialect(text + bytes(200), declared_encoding=encoding, is_whole_file=True)
    assert caught.value.offset == len(text)
    dialect = detect_dialect(text, declared_encoding=encoding, is_whole_file=False)
    with pytest.raises(UndecodableError, match=f"ends in NUL bytes, from byte {1_000 + len(text):,} on"):
        check_end(text + bytes(200), dialect, offset=1_000)
    check_end(text + bytes(1), dialect, offset=1_000)


def test_wide_text_that_ends_in_nul_bytes_is_not_padded() -> None:
    text = "company_symbol;market_cap\nA;1\n".encode("utf-16-le")
    dialect = detect_dialect(text, declared_encoding="utf-16-le", is_whole_file=True)
    check_end(text + bytes(200), dialect, offset=0)
