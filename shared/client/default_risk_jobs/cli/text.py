"""Formats text, numbers and times for a terminal."""

from datetime import datetime

from rich.text import Text


def plain(text: object) -> str:
    """Returns `text` with control characters replaced, since file names and cells are untrusted."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(text))


def cell(text: object, style: str = "") -> Text:
    """Returns a table cell that is not parsed as markup; "-" for None and empty text."""
    return Text("-" if text in (None, "") else plain(text), style=style)


def utc_time(text: str | None) -> str:
    """Returns a timestamp of the API to the second, in UTC; "-" for None."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def rows(count: int) -> str:
    """Returns a number of rows with thousands separators."""
    return f"{count:,}"


def percent(share: float) -> str:
    """Returns a share (0 to 1) as a percentage with two significant digits."""
    value = share * 100
    return f"{value:.0f}%" if value >= 10 else f"{value:.2g}%"


def size(count: int | None) -> str:
    """Returns a number of bytes with its unit; "-" for None."""
    if count is None:
        return "-"
    if count < 1024:
        return f"{count} B"
    kib = count / 1024
    return f"{kib:,.1f} KiB" if kib < 1024 else f"{kib / 1024:,.1f} MiB"
