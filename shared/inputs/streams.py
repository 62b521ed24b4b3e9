"""Streams that uploads are read from and rewritten to, and how much of one is in memory. Standard library only."""

from typing import Final, Protocol

# Small enough for the arrays computed from a block to stay in the processor's cache.
BLOCK_BYTES: Final = 512 << 10
MAX_RECORD_BYTES: Final = 16 << 20
"""Of one row; a longer one is refused."""


class Readable(Protocol):
    """A source of bytes: an open file, an S3 body."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes, fewer when fewer are at hand, and none at the end."""
        ...


class Writable(Protocol):
    """A sink of bytes: an open file, a multipart upload."""

    def write(self, data: bytes, /) -> object:
        """Writes all of `data`."""
        ...
