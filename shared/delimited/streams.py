"""The little that is asked of what bytes are read from and written to."""

from typing import Protocol


class Readable(Protocol):
    """What bytes are read from: an open file, an S3 body."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, fewer when that is what there is; none at the end."""
        ...


class Writable(Protocol):
    """What bytes are written to: an open file, a multipart upload."""

    def write(self, data: bytes, /) -> object:
        """Write all of `data`."""
        ...
