"""XML by a stranger, parsed as a stream: no document types, so no entities; no external parts; bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final
from xml.parsers import expat

from shared.files.errors import TooLargeError, UnsupportedFormatError

_LONGEST_TAG_BYTES: Final = 1 << 20
_DEEPEST: Final = 256

StartHandler = Callable[[str, dict[str, str]], None]
EndHandler = Callable[[str], None]
TextHandler = Callable[[str], None]


def damaged() -> UnsupportedFormatError:
    """The error for a workbook that is cut short, no valid package, or not well-formed."""
    return UnsupportedFormatError(
        "The Excel workbook is damaged or incomplete. Open it in Excel, save it as a new workbook (.xlsx), and upload "
        "that."
    )


def local_name(name: str) -> str:
    """An XML name without its namespace, which differs between transitional and strict workbooks."""
    return name.rpartition("}")[2]


class XmlStream:
    """A streaming parser. Names reach the handlers as `namespace}local`.

    Raises UnsupportedFormatError for XML that is not well-formed, declares a document type or is nested absurdly, and
    TooLargeError for a single tag of megabytes, both of which the parser would have to keep.
    """

    def __init__(self, *, start: StartHandler, end: EndHandler | None = None, text: TextHandler | None = None) -> None:
        self._start = start
        self._end = end
        self._depth = 0
        self._fed_bytes = 0
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._opened
        self._parser.EndElementHandler = self._closed
        self._parser.CharacterDataHandler = text
        self._parser.StartDoctypeDeclHandler = _refuse

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise damaged()
        self._start(name, attributes)

    def _closed(self, name: str) -> None:
        self._depth -= 1
        if self._end:
            self._end(name)

    def feed(self, data: bytes) -> None:
        """Parse the next bytes."""
        self._fed_bytes += len(data)
        self._parse(data, is_final=False)
        if self._fed_bytes - self._parser.CurrentByteIndex > _LONGEST_TAG_BYTES:
            raise TooLargeError("The Excel workbook has an XML tag of a megabyte. Save the data as CSV instead.")

    def close(self) -> None:
        """Say that there is no more."""
        self._parse(b"", is_final=True)

    def _parse(self, data: bytes, *, is_final: bool) -> None:
        try:
            self._parser.Parse(data, is_final)
        except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two for an unknown encoding
            raise damaged() from error


def _refuse(*_: object) -> None:
    raise damaged()


def elements(blocks: Iterable[bytes]) -> Iterator[tuple[str, dict[str, str]]]:
    """Local name and attributes (names with namespace) of every element of a part, in document order."""
    found: list[tuple[str, dict[str, str]]] = []
    stream = XmlStream(start=lambda name, attributes: found.append((local_name(name), attributes)))
    for block in blocks:
        stream.feed(block)
        yield from found
        found.clear()
    stream.close()
    yield from found
