"""The limits of the XLSX format, and the limits on reading an untrusted workbook.

Standard library only, and quick to import.
"""

from dataclasses import dataclass
from typing import Final

# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MAX_ROWS: Final = 1_048_576
"""Rows of a sheet, its header among them."""
MAX_COLUMNS: Final = 16_384
MAX_CELL_LENGTH: Final = 32_767
"""Characters of a cell, counted in UTF-16."""
MAX_TEXT_BYTES: Final = 128 << 10
"""A text of `MAX_CELL_LENGTH` takes less in UTF-8, also as a marked cell of which one text is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits on reading a workbook. Sizes are of unpacked bytes, counted while they are inflated."""

    entries: int = 2_000
    """Parts of the package."""
    directory_bytes: int = 1 << 20
    """Size of the package's list of parts."""
    unpacked_bytes: int = 2 << 30
    """Size of all parts that are read, each counted once. The rows of a sheet may have as much text."""
    ratio: int = 200
    """The maximum of that size, where it is above `ratio_from_bytes`, as a multiple of the size of the file."""
    ratio_from_bytes: int = 64 << 20
    """Smaller packages may exceed `ratio`: their size is no danger."""
    searched_sheets: int = 50
    """Sheets that are looked at to find the one with the data."""
    searched_bytes: int = 16 << 20
    """Size of what is read for that, to the first row of data."""
    small_part_bytes: int = 16 << 20
    """Size of a part that is neither a sheet nor the shared strings."""
    shared_strings_bytes: int = 256 << 20
    """Size of the part that has the shared strings."""
    rows: int = MAX_ROWS
    """Rows of a sheet, blank ones among them."""
    columns: int = MAX_COLUMNS
    """Columns of a sheet that may have a value."""
    row_bytes: int = 16 << 20
    """Text of one row; each shared string counts as its number, and has at most `MAX_TEXT_BYTES`."""
