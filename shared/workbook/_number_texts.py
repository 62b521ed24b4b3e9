"""The texts of numbers without exponent, and of dates (ECMA-376 part 1, 18.17.4)."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

_EPOCH_1900: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_LAST_SERIAL: Final = 2_958_466  # the day after 9999-12-31
_FIRST_RIGHT_SERIAL: Final = 61  # Excel has a 29 February 1900; before 1 March its numbers are one day off
_MINIMUM_POSITIONAL: Final = 1e-4
_MAXIMUM_POSITIONAL: Final = 1e16


def shortest(number: float) -> str:
    """Returns the shortest decimal that reads back as the same double, without exponent: `5`, `0.1`, `0.00001`."""
    if number == 0 or _MINIMUM_POSITIONAL <= abs(number) < _MAXIMUM_POSITIONAL:
        return repr(number).removesuffix(".0")
    return positional(Decimal(repr(number)))


def positional(number: Decimal) -> str:
    """Returns a decimal without exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def iso_date(serial: float, *, dates_from_1904: bool) -> str | None:
    """Returns the ISO date, time, or both of a date serial, to the millisecond; None when it is no date."""
    if not 0 <= serial < _LAST_SERIAL:
        return None
    epoch = _EPOCH_1904 if dates_from_1904 else _EPOCH_1900
    if not dates_from_1904 and serial < _FIRST_RIGHT_SERIAL:
        epoch += timedelta(days=1)
    try:
        moment = epoch + timedelta(milliseconds=round(serial * 86_400_000))
    except OverflowError:
        return None
    precision = "milliseconds" if moment.microsecond else "seconds"
    if serial < 1 and not (dates_from_1904 and serial == 0):
        return moment.time().isoformat(precision)
    if moment.time() == datetime.min.time():
        return moment.date().isoformat()
    return moment.isoformat(timespec=precision)
