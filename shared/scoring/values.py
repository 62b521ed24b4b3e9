r"""What the text of one cell means. Standard library only. Figures are read by `shared.inputs.numbers`.

In cells of text, `BLANKS` mean that there is nothing; `NA`, `null` and `none` may be a company's symbol. Text is read
without what spreadsheets and other programs put around it: `="0005"` and `'0700` are 0005 and 0700, and invisible and
control characters, such as Ctrl-Z or a byte-order mark in the middle of a file, are left out. A zero-width joiner
stays between characters that are not ASCII, whose shape it decides.

Excel's errors, such as `#REF!`, and the formula of a workbook that was saved without a value are nothing in any column.

A symbol such as `2-Mar` is a date that Excel made of a symbol (MAR2); what it was is lost, so it is no symbol.

A cell that begins with `=`, `+`, `-`, `@`, one of these in full width, TAB, CR or LF, and is not a number, would run as
a formula when a spreadsheet opens the file. So would the part of a cell behind a semicolon, pipe, TAB or line break, at
which a spreadsheet may split it, for which commas are no delimiters or quotes are not where it expects them. So results
carry a guard before each such character, `'`, and a guard there is taken off in reading
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

import re
from typing import Final

from shared.inputs.columns import Unit
from shared.inputs.numbers import INVISIBLE, SIGNS, SPACES, TEXT_FORMULA, figure_text, read_number, trimmed
from shared.workbook.marks import WITHOUT_VALUE

BLANKS: Final = frozenset({"", "-", "--", "–", "—", "n/a", "#n/a", "n.a.", "na", "null", "none"})  # noqa: RUF001
SYMBOL_BLANKS: Final = BLANKS - {"na", "null", "none"}
FORMULA_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""The characters that begin a formula wherever a cell begins, for a set in a regular expression."""
FORMULA_STARTS: Final = FORMULA_SIGNS + "\t\r\n"
SPLITS: Final = ";|\t\r\n"
"""The characters at which a spreadsheet may split a cell."""
GUARD: Final = "'"
GUARDED: Final = (rf"(\A){GUARD}([{FORMULA_STARTS}])", rf'([{SPLITS}][ "]*){GUARD}([{FORMULA_SIGNS}])')
"""Regular expressions for guards, to be replaced by their two groups, the one expression after the other."""
FIRST_YEAR: Final = 1900

_GUARDED = tuple(map(re.compile, GUARDED))
_UNGUARDED = re.compile(rf'\A(?=[{FORMULA_STARTS}])|[{SPLITS}][ "]*(?=[{FORMULA_SIGNS}])')
_JOINERS = "\u200c\u200d"
_MONTH = (
    "(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|january|february|march|april|june|july|august|september|"
    # Of Excel in German, French, Spanish, Italian and Dutch.
    "october|november|december|m\xe4r|mrz|mai|okt|dez|janv|f\xe9vr|mars|avr|juin|juil|ao\xfbt|d\xe9c|ene|abr|ago|dic|gen|mag|"
    "giu|lug|set|ott|mrt|mei)\\.?"
)
_DATE = re.compile(
    rf"\d{{1,2}}(?:\. ?|[-/ ]){_MONTH}(?:[-/ ](?:\d\d|\d{{4}}))?"  # 2-Mar, 02. Mär, 2-Mar-24
    rf"|{_MONTH}[-/ ](?:\d\d|\d{{4}})"  # Mar-02, Mar 2024
    r"|(?:19|20)\d\d([-/])\d{1,2}\1\d{1,2}(?:[ T]\d{1,2}:\d\d(?::\d\d)?)?"  # 2024-03-02, 2024-03-02 00:00:00
    r"|\d{1,2}([-/.])\d{1,2}\2(?:\d\d|\d{4})",  # 3/2/2024, 02.03.2024
    re.ASCII | re.IGNORECASE,
)
_WITHOUT_VALUE: Final = WITHOUT_VALUE.decode()
_EXCEL_ERROR: Final = re.compile(r"#[A-Z][A-Z0-9/]*[!?]|#GETTING_DATA", re.ASCII)
_YEAR = re.compile(r"(\d{4})(?:\.0+)?", re.ASCII)
_QUARTER = re.compile(r"[Qq]([1-4])|([1-4])(?:\.0+)?", re.ASCII)


def unguarded(text: str) -> str:
    """Returns the text without the guards that keep it from running as a formula."""
    if GUARD not in text:
        return text
    for guard in _GUARDED:
        text = guard.sub(r"\1\2", text)
    return text


def guarded(text: str) -> str:
    """Returns the text with guards where a spreadsheet would take it for a formula; `unguarded` takes them off."""
    return _UNGUARDED.sub(rf"\g<0>{GUARD}", text)


def is_blank(text: str, *, symbol: bool = False) -> bool:
    """Whether a text cell, trimmed, says that there is nothing; a symbol has fewer words for it."""
    return text.casefold() in (SYMBOL_BLANKS if symbol else BLANKS)


def cleaned(text: str, *, symbol: bool = False) -> str:
    """Returns an unguarded text cell without invisible characters and without what marks it as text in Excel.

    A symbol loses any apostrophe at its beginning, other text only those before a digit.
    """
    text = INVISIBLE.sub("" if symbol else _joiner, text)
    bare = trimmed(text)
    if bare[:1] == "=" and (formula := TEXT_FORMULA.fullmatch(bare)):
        return formula[1]
    if bare[:1] == "'":
        rest = bare.lstrip(f"'{SPACES}")
        if symbol or "0" <= rest[:1] <= "9":
            return rest
    return text


def is_formula_without_value(text: str) -> bool:
    """Returns whether the cell of a workbook has a formula that was saved without a value."""
    return text.startswith(_WITHOUT_VALUE)


def is_excel_error(text: str) -> bool:
    """Returns whether the cell is one of Excel's errors. `#N/A` is none: it is blank."""
    return text[:1] == "#" and _EXCEL_ERROR.fullmatch(text) is not None


def is_date(symbol: str) -> bool:
    """Returns whether a symbol is a date as Excel writes it."""
    return _DATE.fullmatch(symbol) is not None


def is_number(text: str) -> bool:
    """Returns whether the cell is a number in some column, so that no spreadsheet takes it for a formula."""
    if text[:1] == "=":
        return False
    for sign in SIGNS:
        try:
            return read_number(text, unit=Unit.PERCENT, sign=sign) is not None
        except ValueError:
            continue
    return False


def read_year(text: str, *, next_year: int) -> int | None:
    """The year a cell means (`2015`, or `2015.0` as spreadsheets write it), None for a blank one.

    Raises ValueError for anything else and for years outside `FIRST_YEAR` to `next_year`.
    """
    text = figure_text(text)
    if text.casefold() in BLANKS:
        return None
    match = _YEAR.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= next_year:
        raise ValueError("not a year in range")
    return int(match[1])


def is_year(text: str) -> bool:
    """Returns whether `figure_text` is a year as `read_year` reads it, in range or not."""
    return _YEAR.fullmatch(text) is not None


def read_quarter(text: str) -> str | None:
    """The quarter a cell means, `Q1` to `Q4`, None for a blank one. Raises ValueError for anything else."""
    text = figure_text(text)
    if text.casefold() in BLANKS:
        return None
    match = _QUARTER.fullmatch(text)
    if match is None:
        raise ValueError("not a quarter")
    return f"Q{match[1] or match[2]}"


def _joiner(match: re.Match[str]) -> str:
    """Returns the joiner that was matched where it is between visible characters beyond ASCII, else nothing."""
    around = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    shapes = all(character > "\x7f" and not INVISIBLE.match(character) for character in around)
    return match[0] if shapes and match[0] in _JOINERS else ""
