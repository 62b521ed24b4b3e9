import io
import zipfile

import pytest

from shared.inputs.errors import EmptyFileError, UnsupportedFormatError
from shared.inputs.formats import sniff_format


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            # ZipInfo sets a fixed date. Test ids contain these bytes and must be the same in every worker process.
            archive.writestr(zipfile.ZipInfo(name), "x")
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
        (zipped("word/document.xml"), "ZIP archive that holds no Excel workbook"),
        (zipped(), "ZIP archive that holds no Excel workbook"),
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
    assert "CSV" in str(caught.value) or ".xlsx" in str(caught.value)


def test_empty_file_is_refused() -> None:
    with pytest.raises(EmptyFileError, match=r"^The file is empty$"):
        sniff_format(b"", "a.csv")


@pytest.mark.parametrize("head", [b"[a],b\n", b"BM,b\n", b"<a>,b\n", b"MZ,PK\n", b"PKG,b\n", b"GIF,b\n"])
def test_csv_header_that_resembles_another_format_is_csv(head: bytes) -> None:
    assert sniff_format(head, "a.csv") == "csv"
