"""The package of an XLSX file: an untrusted ZIP archive, opened without relying on any size that it declares.

Parts and relationships: ECMA-376 part 2 (Open Packaging Conventions), part 1 for the workbook.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, cast

from shared.workbook import _xml_reader
from shared.workbook.errors import UnreadableWorkbookError, WorkbookTooLargeError, damaged
from shared.workbook.limits import Limits

_READ_BYTES: Final = 256 << 10
# Of most sheets only the header is read.
_FIRST_READ_BYTES: Final = 64 << 10
_COMPRESSION_READ: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1
_TRUE: Final = frozenset({"1", "true", "on"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A worksheet: its name, the part of the package it is in, and whether Excel shows it."""

    name: str
    part: str
    is_visible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The worksheets in order, the other parts named in the workbook part, and its settings.

    `recalculates` is whether formulas have to be calculated on opening, whatever values were saved with them.
    """

    sheets: tuple[Sheet, ...]
    shared_strings: str | None
    styles: str | None
    dates_from_1904: bool
    recalculates: bool


class _BoundedReads:
    """A file that refuses a huge read: zipfile reads the directory at once, at any size the archive declares."""

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


def _too_many_entries() -> WorkbookTooLargeError:
    return WorkbookTooLargeError(
        "The Excel workbook holds too many parts. Save only the sheet with the data as a new workbook."
    )


class Package:
    """The parts of one XLSX file. Not to be shared between threads."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        """Opens the package. Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`."""
        self._limits = limits
        self._packed_bytes = max(file.seek(0, 2), 1)
        self._part_bytes: dict[str, int] = {}
        self._unpacked_bytes = 0
        self._read_bytes = 0
        self._read_limit: int | None = None
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
            raise UnreadableWorkbookError("The Excel workbook has a password. Save it without one, and upload that.")
        if "xl/workbook.bin" in self._entries:
            raise UnreadableWorkbookError(
                "The file is a binary Excel workbook (.xlsb). Save it as an Excel workbook (.xlsx), and upload that."
            )
        if any(name.endswith("vbaproject.bin") for name in self._entries):
            raise UnreadableWorkbookError(
                "The Excel workbook has macros (.xlsm). Save it without them, as an Excel workbook (.xlsx), and upload "
                "that."
            )

    def __contains__(self, part: str) -> bool:
        return _part_name(part) in self._entries

    @contextmanager
    def reading_at_most(self, size: int) -> Iterator[None]:
        """Bounds the bytes unpacked meanwhile, over all parts and each time that one is read, up to a block more."""
        self._read_limit = self._read_bytes + size
        try:
            yield
        finally:
            self._read_limit = None

    def blocks(self, part: str) -> Iterator[bytes]:
        """Yields a part unpacked, in blocks. Raises `UnreadableWorkbookError` or `WorkbookTooLargeError`."""
        name = _part_name(part)
        entry = self._entries.get(name)
        if entry is None or entry.compress_type not in _COMPRESSION_READ:
            raise damaged()
        try:
            with self._archive.open(entry) as stream:
                size = 0
                while block := self._read(stream, _READ_BYTES if size else _FIRST_READ_BYTES):
                    size += len(block)
                    self._count(name, size)
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise damaged() from error

    def elements(self, part: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yields local name and attributes of every element of a small part; raises the errors of `blocks`."""
        return _xml_reader.elements(self._small_blocks(part))

    def _small_blocks(self, part: str) -> Iterator[bytes]:
        size = 0
        for block in self.blocks(part):
            size += len(block)
            if size > self._limits.small_part_bytes:
                raise WorkbookTooLargeError(
                    f"The part {part} of the Excel workbook is too large. Save the data as CSV instead."
                )
            yield block

    def _read(self, stream: IO[bytes], size: int) -> bytes:
        """Returns the next block. Raises `WorkbookTooLargeError` instead of reading over the limit of a search."""
        if self._read_limit is not None and self._read_bytes >= self._read_limit:
            raise WorkbookTooLargeError(
                "The Excel workbook has many megabytes before its first row of data. Delete blank rows and sheets that "
                "are not needed, or save the sheet with the data as CSV, and upload that."
            )
        block = stream.read(size)
        self._read_bytes += len(block)
        return block

    def _count(self, name: str, size: int) -> None:
        """Counts the part of which `size` bytes are unpacked now, and checks the limits."""
        # The second reader may read a part again.
        more = size - self._part_bytes.get(name, 0)
        if more <= 0:
            return
        self._part_bytes[name] = size
        self._unpacked_bytes += more
        unpacked_bytes, limits = self._unpacked_bytes, self._limits
        is_bomb = unpacked_bytes > limits.ratio_from_bytes and unpacked_bytes > limits.ratio * self._packed_bytes
        if is_bomb or unpacked_bytes > limits.unpacked_bytes:
            raise WorkbookTooLargeError(
                f"The Excel workbook unpacks to more than {unpacked_bytes >> 20:,} MiB, too much for its size. "
                "Save the sheet with the data as CSV, and upload that."
            )


def _part_name(name: str) -> str:
    """Returns a part name for matching: case is ignored (part 2, 6.2.2), and some writers use backslashes."""
    return name.replace("\\", "/").lstrip("/").lower()


def read_parts(package: Package) -> Parts:
    """Returns the parts of the workbook. Raises `UnreadableWorkbookError` for a package without a workbook part."""
    main = next((part for kind, part in _related(package, "").values() if kind == "officeDocument"), "xl/workbook.xml")
    if main not in package:
        raise UnreadableWorkbookError(
            "The file is a ZIP archive that holds no Excel workbook. Upload a CSV file or an Excel workbook (.xlsx)."
        )
    related = _related(package, main)
    sheets = []
    dates_from_1904 = recalculates = False
    for name, attributes in package.elements(main):
        if name == "workbookPr":
            dates_from_1904 = attributes.get("date1904") in _TRUE
        elif name == "calcPr":
            recalculates = attributes.get("fullCalcOnLoad") in _TRUE
        elif name == "sheet":
            link = next((value for key, value in attributes.items() if key.endswith("}id")), "")
            kind, part = related.get(link, ("", ""))
            if kind == "worksheet":
                is_visible = attributes.get("state", "visible") == "visible"
                sheets.append(Sheet(name=attributes.get("name", ""), part=part, is_visible=is_visible))
    parts = {kind: part for kind, part in related.values() if part in package}
    return Parts(
        sheets=tuple(sheets),
        shared_strings=parts.get("sharedStrings"),
        styles=parts.get("styles"),
        dates_from_1904=dates_from_1904,
        recalculates=recalculates,
    )


def _related(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """Returns the internal relationships of a part ("" for the package) by id: last word of the type, and target."""
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
