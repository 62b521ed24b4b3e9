"""An S3 that stores only the sizes of objects, and counts requests and bytes.

Jobs of gigabytes are finalized with it without holding their bytes. Bodies of `put_object` are stored.
"""

import io
import re
from collections.abc import Iterator
from threading import Lock
from typing import Any

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class SizedS3:
    """The operations of the S3 client that assembling calls. `sizes` are the sizes of objects by key.

    Of all `requests`, `reads` are those billed as GET, and `copies` those where S3 copies the bytes.
    `most_parts` is the largest number of parts that one upload had.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.requests = 0
        self.reads = 0
        self.copies = 0
        self.most_parts = 0
        self._lock = Lock()
        self.bytes_through = 0
        self._bodies: dict[str, bytes] = {}
        self._uploads: dict[str, list[int]] = {}

    def hold(self, key: str, body: bytes) -> None:
        """Stores a body without counting a request."""
        self.sizes[key], self._bodies[key] = len(body), body

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> Any:  # noqa: N803 - as boto3 names them
        """Stores a body."""
        self._count(len(Body))
        self.hold(Key, Body)
        return {}

    def get_object(self, *, Key: str, Range: str = "", **_: Any) -> Any:  # noqa: N803
        """Returns a stored body, or zeros of the same length."""
        first, last = map(int, found.groups()) if (found := _RANGE.fullmatch(Range)) else (0, self.sizes[Key] - 1)
        self._count(last + 1 - first, reads=1)
        body = self._bodies[Key][first : last + 1] if Key in self._bodies else bytes(last + 1 - first)
        return {"Body": io.BytesIO(body)}

    def create_multipart_upload(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        """Starts an upload."""
        self._count()
        self._uploads[Key] = []
        return {"UploadId": Key}

    def upload_part(self, *, Key: str, Body: bytes, **_: Any) -> Any:  # noqa: N803
        """Adds a part that was sent."""
        self._count(len(Body))
        self._uploads[Key].append(len(Body))
        return {"ETag": ""}

    def upload_part_copy(self, *, Key: str, CopySourceRange: str, **_: Any) -> Any:  # noqa: N803
        """Adds a part that is copied from an object."""
        self._count(copies=1)
        first, last = map(int, _RANGE.fullmatch(CopySourceRange).groups())  # type: ignore[union-attr]
        self._uploads[Key].append(last + 1 - first)
        return {"CopyPartResult": {"ETag": ""}}

    def complete_multipart_upload(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        """Joins the parts into an object."""
        self._count()
        self.most_parts = max(self.most_parts, len(self._uploads[Key]))
        self.sizes[Key] = sum(self._uploads.pop(Key))
        return {}

    def get_paginator(self, _operation: str) -> "SizedS3":
        """Returns itself: listing is the only paged operation."""
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> Iterator[Any]:  # noqa: N803
        """Yields the objects with a prefix, 1,000 per page."""
        found = [{"Key": key, "Size": size} for key, size in sorted(self.sizes.items()) if key.startswith(Prefix)]
        for at in range(0, max(len(found), 1), 1000):
            self._count()
            yield {"Contents": found[at : at + 1000]}

    def _count(self, size: int = 0, *, reads: int = 0, copies: int = 0) -> None:
        with self._lock:
            self.requests += 1
            self.reads += reads
            self.copies += copies
            self.bytes_through += size
