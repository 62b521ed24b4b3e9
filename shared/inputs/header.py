"""The header of a file, and the layout of its rows that Plan decides once for every Score.

Standard library only, so that the api function can refuse an upload without NumPy.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from shared.delimited.cells import first_record
from shared.delimited.dialect import HEAD_BYTES, Delimiter, Dialect
from shared.delimited.errors import DelimitedError
from shared.inputs.columns import ProfileName, duplicates, fits_both, normalized_name, profile_of
from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    MissingColumnsError,
    TooLargeError,
    UndecodableError,
    file_error,
)
from shared.vocabulary import DECIMAL_POINT, DecimalConvention, JobType, Note

MAX_COLUMNS: Final = 200
MAX_NAME_LENGTH: Final = 500

USED_BOTH: Final = "The file has the columns of both profiles; it was scored on statements."

_INVISIBLE: Final = dict.fromkeys(map(ord, "\0\ufeff\u200b\u200c\u200d\u2060"))
# The key in stored plans: a job that was planned before a deployment is scored after it.
_STORED_NORMALIZED: Final = "normalised"
_OTHER_SPACE: Final = re.compile(r"[\s\u00a0\u202f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The names of the columns, in order: as written, and as they are matched."""

    names: tuple[str, ...]
    normalized: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the rows of a UTF-8 file are to be read, and as what they are scored.

    `used_both` is true for a file that has both profiles of figures and is scored on `statements`. `data_start` is the
    byte after the header record. `decimal` is known once the whole file was read.
    """

    delimiter: Delimiter
    names: tuple[str, ...]
    normalized: tuple[str, ...]
    job_type: JobType
    profile: ProfileName
    used_both: bool
    data_start: int
    decimal: DecimalConvention = DECIMAL_POINT

    @property
    def field_count(self) -> int:
        """How many fields a well-formed row has."""
        return len(self.names)

    def place(self, name: str) -> int:
        """Returns the place of a column by its normalized name. Raises ValueError for one that is not there."""
        return self.normalized.index(name)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The assumptions that the header led to."""
        return (Note(code="both_profiles", message=USED_BOTH),) if self.used_both else ()

    def to_json(self) -> str:
        """Returns the layout as a JSON object."""
        fields = asdict(self)
        fields[_STORED_NORMALIZED] = fields.pop("normalized")
        return json.dumps(fields, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Layout":
        """Returns the layout that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        read: dict[str, Any] = json.loads(text)
        normalized = read.pop(_STORED_NORMALIZED)
        return cls(
            **{
                **read,
                "names": tuple(read["names"]),
                "normalized": tuple(normalized),
                "job_type": JobType(read["job_type"]),
                "decimal": DecimalConvention(**read.get("decimal", {})),
            }
        )


def read_header(cells: Sequence[str], *, max_columns: int = MAX_COLUMNS) -> Header:
    """The header written in these cells.

    Invisible characters (BOM, NBSP, zero-width and surrounding spaces) are trimmed. A column without a name, which a
    trailing delimiter makes, becomes `column_7` by its place.
    Raises TooLargeError, or DuplicateColumnsError naming what is there twice.
    """
    if len(cells) > max_columns:
        raise TooLargeError(
            f"The header has {len(cells):,} columns; at most {max_columns} are allowed. Remove some and upload again."
        )
    names = [_visible(cell) for cell in cells]
    for place, name in enumerate(names, start=1):
        if len(name) > MAX_NAME_LENGTH:
            raise TooLargeError(
                f"The name of column {place} is {len(name):,} characters long; at most {MAX_NAME_LENGTH} are allowed. "
                "Check that the first line of the file is its header."
            )
    taken = {_matched(name) for name in names}
    for index, name in enumerate(names):
        if not name:
            names[index] = _free_name(f"column_{index + 1}", taken)
    normalized = [_matched(name) for name in names]
    repeated = duplicates(normalized)
    if repeated:
        written = ", ".join(
            f"{name} (columns {' and '.join(str(at) for at, other in enumerate(normalized, start=1) if other == name)})"
            for name in repeated
        )
        raise DuplicateColumnsError(f"The header has the same column more than once: {written}. Keep one of each.")
    return Header(names=tuple(names), normalized=tuple(normalized))


def _visible(cell: str) -> str:
    return cell.translate(_INVISIBLE).strip()


def _matched(name: str) -> str:
    # A header cell broken over two lines, or typed with Shift-Space, is meant as one with spaces.
    return normalized_name(_OTHER_SPACE.sub(" ", name.replace("\r\n", "\n")))


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def check_columns(header: Header, job_type: JobType) -> tuple[ProfileName, bool]:
    """The profile that the header decides, and whether it has both. Raises MissingColumnsError naming all it lacks."""
    names = frozenset(header.normalized)
    profile, missing = profile_of(names, job_type)
    if missing:
        raise MissingColumnsError(
            f"Missing required columns: {', '.join(missing)}. Add them, or start from the template at "
            f"/api/v1/predictions/{job_type}/template.",
            columns=missing,
        )
    return profile, fits_both(names, job_type)


def read_layout(
    head: bytes, dialect: Dialect, *, job_type: JobType, is_whole_file: bool, max_columns: int = MAX_COLUMNS
) -> Layout:
    """The layout of a UTF-8 file (or of CANONICAL form) that begins with `head`, its first HEAD_BYTES or all of it.

    Raises EmptyFileError, UnbalancedQuoteError, UndecodableError, TooLargeError, DuplicateColumnsError or
    MissingColumnsError. ValueError when the dialect is one to be rewritten first.
    """
    if dialect.needs_rewrite:
        raise ValueError("the file has to be rewritten before its layout can be read")
    too_long = TooLargeError(
        f"The header is longer than {HEAD_BYTES:,} bytes. Check that the file has line breaks and that every quote in "
        "its header is closed."
    )
    try:
        record = first_record(head, dialect.delimiter, start=dialect.text_start)
    except DelimitedError as error:
        raise (file_error(error) if is_whole_file else too_long) from None
    if record is None:
        raise EmptyFileError("The file is empty")
    if not record.is_terminated and not is_whole_file:
        raise too_long
    try:
        cells = [field.decode() for field in record.fields]
    except UnicodeDecodeError as error:
        raise UndecodableError(
            f"The header is not UTF-8 text (0x{error.object[error.start]:02X}). Save the file as UTF-8, or declare its "
            "encoding, for example `?encoding=windows-1252`."
        ) from error
    header = read_header(cells, max_columns=max_columns)
    profile, used_both = check_columns(header, job_type)
    return Layout(
        delimiter=dialect.delimiter,
        names=header.names,
        normalized=header.normalized,
        job_type=job_type,
        profile=profile,
        used_both=used_both,
        data_start=record.next_start,
    )


def has_rows(text: bytes, layout: Layout) -> bool:
    """Returns whether a whole file has a record behind its header that is not blank."""
    try:
        return first_record(text, layout.delimiter, start=layout.data_start) is not None
    except DelimitedError:
        return True  # scoring reports where the quote is
