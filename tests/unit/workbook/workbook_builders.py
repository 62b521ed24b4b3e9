"""Builders of XLSX packages, part by part, so that each part can be malformed on purpose."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch
from xml.sax.saxutils import escape, quoteattr

from shared.workbook.limits import Limits
from shared.workbook.reader import Row, open_workbook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def inline(text: str, place: str = "") -> str:
    at = f' r="{place}"' if place else ""
    return f'<c{at} t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def number(text: str, attributes: str = "") -> str:
    return f"<c{attributes}><v>{text}</v></c>"


def row(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


def worksheet(*rows: str, before: str = "", after: str = "", prolog: str = "") -> str:
    return f'{prolog}<worksheet xmlns="{MAIN}">{before}<sheetData>{"".join(rows)}</sheetData>{after}</worksheet>'


def styles_of(*codes: str) -> str:
    """Returns a styles part: style 1 has the first of these format codes, and so on; style 0 is General."""
    formats = "".join(f"<numFmt numFmtId='{164 + n}' formatCode={quoteattr(code)}/>" for n, code in enumerate(codes))
    cells = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(codes)))
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts><cellXfs><xf numFmtId="0"/>{cells}</cellXfs>'
        "</styleSheet>"
    )


def workbook_parts(
    sheets: Mapping[str, str],
    *,
    shared_strings: str = "",
    styles: str = "",
    properties: str = "",
    states: Mapping[str, str] | None = None,
) -> dict[str, bytes | str]:
    """Returns the parts of a workbook. `properties` are elements before its sheets, `states` those of its sheets."""
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}" state="{(states or {}).get(name, "visible")}"/>'
        for n, name in enumerate(sheets, start=1)
    )
    links = "".join(
        f'<Relationship Id="r{n}" Type="{RELATIONSHIPS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    parts: dict[str, bytes | str] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" '
        f'Type="{RELATIONSHIPS}/officeDocument" Target="/xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
    }
    for name, text in (("sharedStrings", shared_strings), ("styles", styles)):
        if text:
            parts[f"xl/{name}.xml"] = text
            links += f'<Relationship Id="{name}" Type="{RELATIONSHIPS}/{name}" Target="{name}.xml"/>'
    parts["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>'
    for n, sheet in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet
    return parts


def packed(parts: Mapping[str, bytes | str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def workbook(sheet: str, *, shared_strings: str = "", styles: str = "", properties: str = "") -> bytes:
    return packed(workbook_parts({"Data": sheet}, shared_strings=shared_strings, styles=styles, properties=properties))


def rows_of(file: bytes, *, limits: Limits | None = None) -> list[Row]:
    """Returns all rows of the first sheet."""
    found = open_workbook(io.BytesIO(file), limits)
    return list(found.rows(found.sheets[0]))


def only_row(cells: str, *, styles: str = "", shared_strings: str = "", properties: str = "") -> list[str]:
    """Returns the texts of a row of these cells."""
    file = workbook(worksheet(row(cells)), styles=styles, shared_strings=shared_strings, properties=properties)
    (found,) = rows_of(file)
    return [text.decode() for text in found]


def workbook_of_one_part(sheet: str, *, names: int) -> bytes:
    """Returns a workbook with this number of sheets, each of which names the same part."""
    parts = workbook_parts({"Data": sheet})
    listed = "".join(f'<sheet name="{n}" sheetId="{n}" r:id="r1"/>' for n in range(1, names + 1))
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}"><sheets>{listed}</sheets></workbook>'
    )
    return packed(parts)


@contextmanager
def counted_unpacking() -> Iterator[list[int]]:
    """Yields a list to which the size of each block unpacked from a ZIP archive is added."""
    sizes: list[int] = []
    read = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        block = read(self, n)
        sizes.append(len(block))
        return block

    with patch.object(zipfile.ZipExtFile, "read", counted):
        yield sizes
