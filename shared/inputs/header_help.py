"""Advice for a file whose header does not fit: similar names, where its header may be, and how its rows differ.

Advice is only ever shown; nothing here changes how a file is read. Standard library only.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, islice
from typing import Final

from shared.delimited.cells import Record, first_record
from shared.delimited.dialect import DELIMITER_NAMES, DELIMITERS, HEAD_BYTES, Delimiter, Dialect
from shared.delimited.errors import DelimitedError
from shared.inputs.columns import BY_NAME, known_names, normalized_name
from shared.inputs.errors import UnsupportedFormatError

_ROWS_SEARCHED: Final = 30
# Of a line that may be a header.
_KNOWN_AT_LEAST: Final = 3
# Of the figures of similarity: that of a typing error, and that of a name of which the other is a part.
_SIMILAR_FROM: Final = 0.85
_PART_FROM: Final = 0.6
_SHOWN_CHARACTERS: Final = 60
_BRACKETS: Final = re.compile(r"\([^)]*\)|\[[^]]*\]")
_CAMEL_CASE: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OTHER_SEPARATORS: Final = re.compile(r" {2,}|[:^~!#§¦¶]+")
_WORD: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile(r"[-+($€£]*\d[\d.,' ]*[)%x]?-?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A sentence about where the header is, and the names that are there."""

    sentence: str
    names: frozenset[str] = frozenset()


def similar_names(names: Iterable[str], wanted: Collection[str]) -> Mapping[str, str]:
    """Returns the name in a header that is most like each wanted column, if one is. Each name is taken once.

    A name is similar without its unit in brackets, with other words around it, or with another ending or a typing
    error; or it is a word that only this column has, as `symbol` is.
    """
    ranked = sorted(
        (
            (-_similarity(name, column), place, column, name)
            for name in names
            if normalized_name(name) not in BY_NAME
            for place, column in enumerate(BY_NAME)
            if column in wanted
        ),
    )
    found: dict[str, str] = {}
    for score, _, column, name in ranked:
        if score and column not in found and name not in found.values():
            found[column] = name
    return {column: found[column] for column in BY_NAME if column in found}


def _similarity(name: str, column: str) -> float:
    """Returns a figure from 0 to 1: 0 for a name that is not similar."""
    words, wanted = _words(_BRACKETS.sub(" ", name)) or _words(name), _words(column)
    text, wanted_text = "".join(words), "".join(wanted)
    if text == wanted_text:
        return 1
    more, fewer = set(words) | set(wanted), set(words) & set(wanted)
    is_only_one = words and sum(set(words) <= set(_words(other)) for other in BY_NAME) == 1
    if fewer == set(wanted) or (fewer == set(words) and is_only_one):
        return _PART_FROM + (1 - _PART_FROM) * len(fewer) / len(more)
    if text.startswith(wanted_text):
        return _PART_FROM + (1 - _PART_FROM) * len(wanted_text) / len(text)
    matcher = SequenceMatcher(None, text, wanted_text, autojunk=False)
    ratio = matcher.ratio() if matcher.real_quick_ratio() >= _SIMILAR_FROM else 0
    return ratio if ratio >= _SIMILAR_FROM else 0


def _words(name: str) -> list[str]:
    return [_singular(word) for word in _WORD.findall(_CAMEL_CASE.sub(" ", name).lower())]


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def shown(name: str) -> str:
    """Returns a name of a header in one line, shortened."""
    name = " ".join(name.split())
    return name if len(name) <= _SHOWN_CHARACTERS else f"{name[: _SHOWN_CHARACTERS - 1]}…"


def advice_on_rows(
    header: Sequence[str], following: Iterable[tuple[int, Sequence[str]]], *, unit: str
) -> Advice | None:
    """Returns advice for a table whose first row is no header; None if it may be one.

    `following` are the rows behind it, each with its number, which counts `unit`: lines, or rows of a sheet.
    """
    known = known_names(header)
    best_number, best = 0, known
    for number, cells in islice(following, _ROWS_SEARCHED):
        names = known_names(cells)
        if len(names) > max(len(best), _KNOWN_AT_LEAST - 1):
            best_number, best = number, names
    if best_number:
        above = f"{unit}s" if best_number > 2 else unit
        return Advice(
            sentence=f"{unit.capitalize()} {best_number:,} looks like the header: remove the {above} above it.",
            names=best,
        )
    numbers = sum(_NUMBER.fullmatch(cell.strip()) is not None for cell in header)
    if not known and numbers >= max(_KNOWN_AT_LEAST, len(header) // 3):
        return Advice(sentence=f"The first {unit} looks like data: insert one above it with the names of the columns.")
    return None


def advice_on_text(head: bytes, dialect: Dialect, header: Record) -> Advice | None:
    """Returns advice for the text that begins with `head`, whose first record is no header; None if it may be one."""
    cells = _texts(header.fields)
    if len(cells) == 1 and (names := _best_split(header.fields[0])):
        return Advice(
            sentence="Each line is in quotes as a whole, which makes it a single cell: remove these quotes.",
            names=names,
        )
    if len(cells) == 1 and len(names := known_names(_OTHER_SEPARATORS.split(cells[0]))) >= _KNOWN_AT_LEAST:
        return Advice(
            sentence="The header is separated by none of comma, semicolon, tab and pipe: use one of them.", names=names
        )
    head = head[:HEAD_BYTES]
    # The lines above a header need not have its delimiter.
    for delimiter in (dialect.delimiter, *_others(dialect.delimiter)):
        numbered = (
            (head.count(b"\n", 0, record.start) + 1, _texts(record.fields))
            for record in _records(head, delimiter, header.next_start, is_whole_file=True)
        )
        advice = advice_on_rows(cells, numbered, unit="line")
        if advice and advice.names:
            return advice
    return advice_on_rows(cells, (), unit="line")


def check_rows(head: bytes, dialect: Dialect, header: Record, *, is_whole_file: bool) -> None:
    """Raises UnsupportedFormatError if another delimiter than the header's makes every row as wide as the header.

    The same for rows that are each in quotes as a whole.
    """
    width = len(header.fields)

    def every_row_has(fields: int, delimiter: Delimiter) -> bool:
        rows = _records(head, delimiter, header.next_start, is_whole_file=is_whole_file)
        first = next(rows, None)
        return first is not None and all(
            len(row.fields) == fields for row in islice(chain([first], rows), _ROWS_SEARCHED)
        )

    start = f"The header is separated by {DELIMITER_NAMES[dialect.delimiter]}, but the rows are "
    for delimiter in _others(dialect.delimiter):
        if width > 1 and every_row_has(width, delimiter):
            raise UnsupportedFormatError(
                f"{start}separated by {DELIMITER_NAMES[delimiter]}. Use one of them in the whole file, and upload it "
                "again."
            )
    first = next(_records(head, dialect.delimiter, header.next_start, is_whole_file=is_whole_file), None)
    if first and len(_fields(first.fields[0], dialect.delimiter)) == width > 1 and every_row_has(1, dialect.delimiter):
        raise UnsupportedFormatError(
            f"{start}in quotes as a whole, which makes each a single cell. Remove these quotes, and upload the file "
            "again."
        )


def _others(delimiter: Delimiter) -> list[Delimiter]:
    """Returns the other delimiters. The comma is the last one, since it is in numbers too."""
    return [other for other in reversed(DELIMITERS) if other != delimiter]


def _best_split(text: bytes) -> frozenset[str]:
    """Returns the known names in a text that is a header by itself; none if it has too few."""
    best = max((known_names(_texts(_fields(text, delimiter))) for delimiter in DELIMITERS), key=len)
    return best if len(best) >= _KNOWN_AT_LEAST else frozenset()


def _fields(text: bytes, delimiter: Delimiter) -> tuple[bytes, ...]:
    """Returns the fields of the first record; none if a quote is open."""
    record = next(_records(text, delimiter, 0, is_whole_file=True), None)
    return record.fields if record else ()


def _records(text: bytes, delimiter: Delimiter, start: int, *, is_whole_file: bool) -> Iterator[Record]:
    """Yields the complete records from `start` on, up to an open quote."""
    try:
        while record := first_record(text, delimiter, start=start):
            if not record.is_terminated and not is_whole_file:
                return
            yield record
            start = record.next_start
    except DelimitedError:
        return


def _texts(fields: Sequence[bytes]) -> list[str]:
    return [field.decode(errors="replace") for field in fields]
