"""Gzipped files (RFC 1952), unpacked as a stream in bounded memory and within limits. Standard library only."""

import zlib
from io import BytesIO
from typing import Final

from shared.inputs.errors import FileError, TooLargeError, UnsupportedFormatError
from shared.inputs.streams import Readable

GZIP_MAGIC: Final = b"\x1f\x8b"
# The limits that hold for the parts of a workbook. Rows pack to a tenth of their size, a gzip bomb to a thousandth.
_RATIO: Final = 200
_RATIO_FROM_BYTES: Final = 64 << 20
# Block-wise gzip (BGZF) has a member for each 64 KiB: 33,000 in the largest file.
_MAX_MEMBERS: Final = 100_000
_READ_BYTES: Final = 64 << 10
_WBITS_GZIP: Final = 31


class GzipReader:
    """The unpacked content of a gzip file, as a `Readable`. The members of a file of several are read as one text."""

    def __init__(
        self,
        packed: Readable,
        *,
        max_bytes: int,
        ratio_from_bytes: int = _RATIO_FROM_BYTES,
        max_members: int = _MAX_MEMBERS,
    ) -> None:
        """Reads the file that `packed` gives from its first byte on, which may unpack to `max_bytes`."""
        self._packed = packed
        self._max_bytes = max_bytes
        self._ratio_from_bytes = ratio_from_bytes
        self._members_left = max_members
        self._member = zlib.decompressobj(_WBITS_GZIP)
        self._waiting = b""
        self._packed_bytes = 0
        self._unpacked_bytes = 0

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes, none at the end. Raises `UnsupportedFormatError` or `TooLargeError`."""
        while True:
            if self._member.eof and not self._begin_next_member():
                return b""
            is_at_end = not self._waiting and not self._fetch()
            try:
                # At the end too: zlib may still hold output that was over the size of the last read.
                data = self._member.decompress(self._waiting, size)
            except zlib.error as error:
                raise _damaged() from error
            self._waiting = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if data:
                self._unpacked_bytes += len(data)
                self._check()
                return data
            if is_at_end and not self._member.eof:
                raise _cut_off()

    def _fetch(self) -> bool:
        self._waiting = self._packed.read(_READ_BYTES)
        self._packed_bytes += len(self._waiting)
        return bool(self._waiting)

    def _begin_next_member(self) -> bool:
        """Returns whether there is another member. Zero bytes behind the last one are padding."""
        self._waiting = self._waiting.lstrip(b"\0")
        while not self._waiting:
            if not self._fetch():
                return False
            self._waiting = self._waiting.lstrip(b"\0")
        if len(self._waiting) == 1:
            self._waiting += self._packed.read(_READ_BYTES)
            self._packed_bytes += len(self._waiting) - 1
        if not self._waiting.startswith(GZIP_MAGIC):
            raise UnsupportedFormatError(
                f"The gzip file has other data behind its end, from byte {self._packed_bytes - len(self._waiting):,} "
                "on. Compress the CSV file again, and upload that."
            )
        self._members_left -= 1
        if self._members_left <= 0:
            raise TooLargeError("The gzip file is made of too many parts. Compress the CSV file as one.")
        self._member = zlib.decompressobj(_WBITS_GZIP)
        return True

    def _check(self) -> None:
        if self._unpacked_bytes > self._max_bytes:
            raise TooLargeError(
                f"The gzip file unpacks to more than {self._max_bytes:,} bytes, the limit of a CSV file. Split it and "
                "upload the parts."
            )
        if self._unpacked_bytes > max(self._ratio_from_bytes, _RATIO * self._packed_bytes):
            raise TooLargeError(
                f"The gzip file looks like a gzip bomb: its first {self._packed_bytes:,} bytes unpack to more than "
                f"{_RATIO} times as much. If its rows really are that much alike, upload the CSV file unpacked."
            )


def unpacked_start(packed: bytes, *, max_bytes: int, is_whole_file: bool) -> tuple[bytes, bool]:
    """Returns the unpacked start of a gzip file that begins with `packed`, and whether that is all of it.

    It has at most `max_bytes`. Raises `UnsupportedFormatError` or `TooLargeError`.
    """
    # One byte more, to see whether there are more.
    reader = GzipReader(BytesIO(packed), max_bytes=max_bytes + 1)
    blocks: list[bytes] = []
    missing = max_bytes + 1
    try:
        while missing and (block := reader.read(missing)):
            blocks.append(block)
            missing -= len(block)
    except _CutOffError:
        if is_whole_file:
            raise
        return b"".join(blocks), False
    start = b"".join(blocks)
    return start[:max_bytes], is_whole_file and len(start) <= max_bytes


class _CutOffError(UnsupportedFormatError):
    """The file ends within a member."""


def _cut_off() -> FileError:
    return _CutOffError(
        "The gzip file ends too early: part of it was lost when it was written or sent. Compress the CSV file again, "
        "and upload that."
    )


def _damaged() -> FileError:
    return UnsupportedFormatError("The gzip file is damaged. Compress the CSV file again, and upload that.")
