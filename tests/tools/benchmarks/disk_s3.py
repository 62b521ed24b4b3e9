"""An S3 in a folder: bodies are files, copies are ranges of files, and nothing is held in memory."""

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class _Extent:
    path: Path
    start: int
    size: int


class DiskS3:
    """The operations of the S3 client that plan, score and finalize call, with one bucket for all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[str, tuple[_Extent, ...]] = {}
        self._uploads: dict[str, dict[int, tuple[_Extent, ...]]] = {}
        self._files = 0
        self._lock = Lock()

    def adopt(self, key: str, path: Path) -> None:
        """Adds a file as an object."""
        self._objects[key] = (_Extent(path, 0, path.stat().st_size),)

    def size(self, key: str) -> int:
        """Returns the size of an object in bytes."""
        return sum(extent.size for extent in self._objects[key])

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> Any:  # noqa: N803 - as boto3 names them
        """Writes a body."""
        self._objects[Key] = (self._written(Body),)
        return {}

    def get_object(self, *, Key: str, Range: str = "", **_: Any) -> Any:  # noqa: N803
        """Returns a range, or the whole of an object that is one file, as a stream."""
        if Key not in self._objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        if not (found := _RANGE.fullmatch(Range)):
            (extent,) = self._objects[Key]
            return {"Body": extent.path.open("rb")}
        first, last = map(int, found.groups())
        body = b"".join(_read(extent) for extent in self._cut(Key, first, last + 1))
        return {"Body": io.BytesIO(body), "ResponseMetadata": {"HTTPStatusCode": 206}}

    def create_multipart_upload(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        """Starts an upload."""
        self._uploads[Key] = {}
        return {"UploadId": Key}

    def upload_part(self, *, Key: str, PartNumber: int, Body: bytes, **_: Any) -> Any:  # noqa: N803
        """Writes a part."""
        self._uploads[Key][PartNumber] = (self._written(Body),)
        return {"ETag": ""}

    def upload_part_copy(self, *, Key: str, PartNumber: int, CopySource: Any, CopySourceRange: str, **_: Any) -> Any:  # noqa: N803
        """Adds a range of an object as a part."""
        first, last = map(int, _RANGE.fullmatch(CopySourceRange).groups())  # type: ignore[union-attr]
        self._uploads[Key][PartNumber] = tuple(self._cut(CopySource["Key"], first, last + 1))
        return {"CopyPartResult": {"ETag": ""}}

    def complete_multipart_upload(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        """Joins the parts into an object."""
        parts = self._uploads.pop(Key)
        self._objects[Key] = tuple(extent for number in sorted(parts) for extent in parts[number])
        return {}

    def get_paginator(self, _operation: str) -> "DiskS3":
        """Returns itself: listing is the only paged operation."""
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> Iterator[Any]:  # noqa: N803
        """Yields the objects with a prefix."""
        yield {"Contents": [{"Key": key, "Size": self.size(key)} for key in self._objects if key.startswith(Prefix)]}

    def _written(self, body: bytes) -> _Extent:
        with self._lock:
            self._files += 1
            # Forked processes continue the same count.
            path = self._folder / f"{os.getpid()}-{self._files:06d}"
        path.write_bytes(body)
        return _Extent(path, 0, len(body))

    def _cut(self, key: str, first: int, end: int) -> Iterator[_Extent]:
        at = 0
        for extent in self._objects[key]:
            low, high = max(first - at, 0), min(end - at, extent.size)
            if low < high:
                yield _Extent(extent.path, extent.start + low, high - low)
            at += extent.size


def _read(extent: _Extent) -> bytes:
    with extent.path.open("rb") as file:
        file.seek(extent.start)
        return file.read(extent.size)
