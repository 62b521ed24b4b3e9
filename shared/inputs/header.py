"""The header of a file, and the layout of its rows that Plan decides once for every Score.

Standard library only, so that the api function can refuse an upload without NumPy.
"""

import json
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any, Final

from shared.delimited.cells import first_record
from shared.delimited.dialect import HEAD_BYTES, Delimiter, Dialect
from shared.delimited.errors import DelimitedError
from shared.inputs.columns import (
    PROFILES,
    ProfileName,
    duplicates,
    fits_both,
    known_names,
    missing_columns,
    normalized_name,
    own_columns,
    profile_of,
    visible_text,
)
from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    MissingColumnsError,
    TooLargeError,
    UndecodableError,
    file_error,
)
from shared.inputs.header_help import Advice, advice_on_text, check_rows, shown, similar_names
from shared.vocabulary import DECIMAL_POINT, DecimalConvention, JobType, Note

MAX_COLUMNS: Final = 200
MAX_NAME_LENGTH: Final = 500

USED_BOTH: Final = "The file has the columns of both profiles; it was scored on statements."

# The key in stored plans: a job that was planned before a deployment is scored after it.
_STORED_NORMALIZED: Final = "normalised"


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
    `is_workbook` is true for rows that come from an Excel workbook.
    """

    delimiter: Delimiter
    names: tuple[str, ...]
    normalized: tuple[str, ...]
    job_type: JobType
    profile: ProfileName
    used_both: bool
    data_start: int
    decimal: DecimalConvention = DECIMAL_POINT
    is_workbook: bool = False

    @property
    def field_count(self) -> int:
        """Returns the number of fields of a well-formed row."""
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
    """Returns the header written in these cells.

    Invisible characters and surrounding spaces are removed from the names. A column without a name, which a trailing
    delimiter makes, becomes `column_7` by its place.
    Raises TooLargeError, or DuplicateColumnsError naming what is there twice.
    """
    if len(cells) > max_columns:
        raise TooLargeError(
            f"The header has {len(cells):,} columns; at most {max_columns} are allowed. Remove some and upload again."
        )
    names = [visible_text(cell) for cell in cells]
    for place, name in enumerate(names, start=1):
        if len(name) > MAX_NAME_LENGTH:
            raise TooLargeError(
                f"The name of column {place} is {len(name):,} characters long; at most {MAX_NAME_LENGTH} are allowed. "
                "Check that the first line of the file is its header."
            )
    taken = set(map(normalized_name, names))
    for index, name in enumerate(names):
        if not name:
            names[index] = _free_name(f"column_{index + 1}", taken)
    normalized = list(map(normalized_name, names))
    repeated = duplicates(normalized)
    if repeated:
        written = ", ".join(
            f"{name} (columns {' and '.join(str(at) for at, other in enumerate(normalized, start=1) if other == name)})"
            for name in repeated
        )
        raise DuplicateColumnsError(f"The header has the same column more than once: {written}. Keep one of each.")
    return Header(names=tuple(names), normalized=tuple(normalized))


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def check_columns(header: Header, job_type: JobType) -> tuple[ProfileName, bool]:
    """Returns the profile that the header decides, and whether it has both.

    Raises MissingColumnsError, which names all it lacks and similar names that it has.
    """
    names = frozenset(header.normalized)
    profile, missing = profile_of(names, job_type)
    if missing:
        wanted = {column for each in PROFILES for column in missing_columns(names, job_type, each)}
        similar = similar_names(header.names, wanted)
        profile, missing = profile_of(names, job_type, similar=similar)
        raise MissingColumnsError(
            f"Missing required columns: {', '.join(missing)}. {_nearest(profile, names.union(similar), job_type)}"
            f"{_pairs(similar, missing)}Add them, or start from the template at {_template(job_type)}.",
            columns=missing,
        )
    return profile, fits_both(names, job_type)


def _nearest(profile: ProfileName, names: Set[str], job_type: JobType) -> str:
    return f"The header fits the {profile} profile best. " if names & own_columns(job_type, profile) else ""


def _pairs(similar: Mapping[str, str], missing: Collection[str]) -> str:
    pairs = [f"`{shown(name)}` → `{column}`" for column, name in similar.items() if column in missing]
    return f"Similar names in the header: {', '.join(pairs)}. " if pairs else ""


def _template(job_type: JobType) -> str:
    return f"/api/v1/predictions/{job_type}/template"


def no_header(advice: Advice, *, header: Sequence[str], job_type: JobType) -> MissingColumnsError:
    """Returns the error for a table whose first row is no header, with what its first row lacks."""
    profile, _ = profile_of(advice.names, job_type)
    missing = missing_columns(known_names(header), job_type, profile)
    return MissingColumnsError(
        f"Missing required columns: {', '.join(missing)}. {advice.sentence} "
        f"The template at {_template(job_type)} shows the form.",
        columns=missing,
        is_advised=bool(advice.names),
    )


def read_layout(
    head: bytes, dialect: Dialect, *, job_type: JobType, is_whole_file: bool, max_columns: int = MAX_COLUMNS
) -> Layout:
    """The layout of a UTF-8 file (or of CANONICAL form) that begins with `head`, its first HEAD_BYTES or all of it.

    Raises EmptyFileError, UnbalancedQuoteError, UndecodableError, TooLargeError, DuplicateColumnsError,
    MissingColumnsError, or UnsupportedFormatError if the rows have another delimiter. ValueError when the dialect is
    one to be rewritten first.
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
    try:
        header = read_header(cells, max_columns=max_columns)
        profile, used_both = check_columns(header, job_type)
    except (MissingColumnsError, DuplicateColumnsError):
        if advice := advice_on_text(head, dialect, record):
            raise no_header(advice, header=cells, job_type=job_type) from None
        raise
    check_rows(head, dialect, record, is_whole_file=is_whole_file)
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
