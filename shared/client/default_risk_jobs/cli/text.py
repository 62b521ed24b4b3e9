"""Text from elsewhere, and figures, as a terminal shows them."""

from datetime import datetime

from rich.text import Text


def plain(text: object) -> str:
    """Text without what a terminal would act on: file names and cells are written by others."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(text))


def cell(text: object, style: str = "") -> Text:
    """A cell of a table, without markup."""
    return Text("-" if text in (None, "") else plain(text), style=style)


def moment(text: str | None) -> str:
    """A time of the API to the second, in UTC."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def rows(count: int) -> str:
    """A number of rows."""
    return f"{count:,}"


def share(part: float) -> str:
    """A part of one in percent, with two digits that say something."""
    percent = part * 100
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def size(count: int | None) -> str:
    """A number of bytes."""
    if count is None:
        return "-"
    if count < 1024:
        return f"{count} B"
    kib = count / 1024
    return f"{kib:,.1f} KiB" if kib < 1024 else f"{kib / 1024:,.1f} MiB"
