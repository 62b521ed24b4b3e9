"""The package of an XLSX file: a ZIP archive by a stranger, opened so that no size it declares is believed.

Parts and relationships: ECMA-376 part 2 (Open Packaging Conventions), part 1 for the workbook.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, cast

from shared.files.errors import TooLargeError, UnsupportedFormatError
from shared.files.xlsx_xml import damaged, elements

_READ_BYTES: Final = 256 << 10
_COMPRESSION_READ: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class XlsxLimits:
    """How large a workbook may be. Sizes are of unpacked bytes, counted while they are inflated."""

    entries: int = 2_000
    directory_bytes: int = 1 << 20
    unpacked_bytes: int = 2 << 30
    ratio: int = 200
    ratio_from_bytes: int = 64 << 20
    """A small workbook may be packed tighter than `ratio`: there is no harm in it."""
    small_part_bytes: int = 16 << 20
    shared_strings_bytes: int = 256 << 20
    rows: int = 1_048_575
    columns: int = 200
    row_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A worksheet: its name, and the part it is in."""

    name: str
    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    """What the workbook part says: its worksheets in order, its other parts, and if its dates count from 1904."""

    sheets: tuple[Sheet, ...]
    shared_strings: str | None
    styles: str | None
    dates_from_1904: bool


class _BoundedReads:
    """A file that refuses one huge read: zipfile reads the whole directory at once, of any size the archive claims."""

    def __init__(self, file: BinaryIO, *, size_bytes: int, largest_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._largest_bytes = largest_bytes

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = max(self._size_bytes - self._file.tell(), 0)
        if size > self._largest_bytes:
            raise _too_many_entries()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _too_many_entries() -> TooLargeError:
    return TooLargeError(
        "The Excel workbook holds too many parts. Save only the sheet with the data as a new workbook."
    )


class Package:
    """The parts of one XLSX file. Not to be shared between threads."""

    def __init__(self, file: BinaryIO, limits: XlsxLimits) -> None:
        """Open the package. Raises UnsupportedFormatError or TooLargeError."""
        self._limits = limits
        self._packed_bytes = max(file.seek(0, 2), 1)
        try:
            bounded = _BoundedReads(file, size_bytes=self._packed_bytes, largest_bytes=limits.directory_bytes)
            self._archive = zipfile.ZipFile(cast("IO[bytes]", bounded))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise damaged() from error
        entries = self._archive.infolist()
        if len(entries) > limits.entries:
            raise _too_many_entries()
        self._entries = {_part_name(entry.filename): entry for entry in entries}
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise UnsupportedFormatError("The Excel workbook has a password. Save it without one, and upload that.")
        if "xl/workbook.bin" in self._entries:
            raise UnsupportedFormatError(
                "The file is a binary Excel workbook (.xlsb). Save it as an Excel workbook (.xlsx), and upload that."
            )
        if any(name.endswith("vbaproject.bin") for name in self._entries):
            raise UnsupportedFormatError(
                "The Excel workbook has macros (.xlsm). Save it without them, as an Excel workbook (.xlsx), and upload "
                "that."
            )

    def __contains__(self, part: str) -> bool:
        return _part_name(part) in self._entries

    def blocks(self, part: str) -> Iterator[bytes]:
        """The unpacked bytes of a part, in blocks. Raises UnsupportedFormatError or TooLargeError."""
        entry = self._entries.get(_part_name(part))
        if entry is None or entry.compress_type not in _COMPRESSION_READ:
            raise damaged()
        try:
            with self._archive.open(entry) as stream:
                unpacked_bytes = 0
                while block := stream.read(_READ_BYTES):
                    unpacked_bytes += len(block)
                    self._check(unpacked_bytes)
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise damaged() from error

    def elements(self, part: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Local name and attributes of every element of a small part; raises what `blocks` does."""
        return elements(self._small_blocks(part))

    def _small_blocks(self, part: str) -> Iterator[bytes]:
        size = 0
        for block in self.blocks(part):
            size += len(block)
            if size > self._limits.small_part_bytes:
                raise TooLargeError(
                    f"The part {part} of the Excel workbook is too large. Save the data as CSV instead."
                )
            yield block

    def _check(self, unpacked_bytes: int) -> None:
        limits = self._limits
        is_bomb = unpacked_bytes > limits.ratio_from_bytes and unpacked_bytes > limits.ratio * self._packed_bytes
        if is_bomb or unpacked_bytes > limits.unpacked_bytes:
            raise TooLargeError(
                f"The Excel workbook unpacks to more than {unpacked_bytes >> 20:,} MiB, too much for its size. "
                "Save the sheet with the data as CSV, and upload that."
            )


def _part_name(name: str) -> str:
    """Part names match whatever their case (part 2, 6.2.2); some writers use backslashes."""
    return name.replace("\\", "/").lstrip("/").lower()


def read_workbook(package: Package) -> Workbook:
    """What the workbook part and its relationships say. Raises UnsupportedFormatError when there is none."""
    main = next((part for kind, part in _related(package, "").values() if kind == "officeDocument"), "xl/workbook.xml")
    if main not in package:
        raise UnsupportedFormatError(
            "The file is a ZIP archive that holds no Excel workbook. Upload a CSV file or an Excel workbook (.xlsx)."
        )
    related = _related(package, main)
    sheets = []
    dates_from_1904 = False
    for name, attributes in package.elements(main):
        if name == "workbookPr":
            dates_from_1904 = attributes.get("date1904") in {"1", "true", "on"}
        elif name == "sheet":
            link = next((value for key, value in attributes.items() if key.endswith("}id")), "")
            kind, part = related.get(link, ("", ""))
            if kind == "worksheet":
                sheets.append(Sheet(name=attributes.get("name", ""), part=part))
    parts = {kind: part for kind, part in related.values() if part in package}
    return Workbook(
        sheets=tuple(sheets),
        shared_strings=parts.get("sharedStrings"),
        styles=parts.get("styles"),
        dates_from_1904=dates_from_1904,
    )


def _related(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """The internal relationships of a part ("" for the package): by id, the last word of the type, and the target."""
    folder, name = posixpath.split(part)
    relationships = posixpath.join(folder, "_rels", f"{name}.rels")
    if relationships not in package:
        return {}
    return {
        attributes.get("Id", ""): (
            attributes.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/"),
        )
        for name, attributes in package.elements(relationships)
        if name == "Relationship" and attributes.get("TargetMode") != "External"
    }
