"""Assembles stored objects into one, by server-side copy where S3 allows it.

S3 takes a stored range as a part of a multipart upload without the bytes passing here, but every part except the last
must have 5 MiB. Smaller pieces are read and joined with their neighbors first, so memory stays at a few such parts.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef


MIN_PART = 5 * 1024 * 1024
# Larger copies are split: S3 allows 5 GiB, and a request should stay short.
MAX_COPY = 512 * 1024 * 1024
# A request waits for S3 most of its time. As many as the client keeps connections for, less two.
AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A byte range of a stored object in the same bucket: `size` bytes from `start`."""

    key: str
    size: int
    start: int = 0


class BlockStream(io.RawIOBase):
    """Blocks of bytes as a stream that is read once."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def compose(client: "S3Client", *, bucket: str, key: str, content_type: str, pieces: Sequence[Piece | bytes]) -> None:
    """Writes the pieces in order as `key`. Nothing is visible under `key` before it is whole.

    Raises botocore's `ClientError` when a piece is not there; the unfinished upload is aborted then.
    """
    if sum(_size(piece) for piece in pieces) < MIN_PART:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            body = _join(pool, client, bucket, pieces)
        client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        return
    upload = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)["UploadId"]
    try:
        # The pool is left only when no request is under way any more, so that an abort is the last word.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            parts = _sent(pool, _Upload(client=client, bucket=bucket, key=key, id=upload), pieces)
        client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    except BaseException:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """A multipart upload under way."""

    client: "S3Client"
    bucket: str
    key: str
    id: str

    def send(self, number: int, part: "Piece | bytes") -> "CompletedPartTypeDef":
        """Copies the part inside S3, or uploads it."""
        if isinstance(part, bytes):
            etag = self.client.upload_part(
                Bucket=self.bucket, Key=self.key, UploadId=self.id, PartNumber=number, Body=part
            )["ETag"]
        else:
            etag = self.client.upload_part_copy(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=self.id,
                PartNumber=number,
                CopySource={"Bucket": self.bucket, "Key": part.key},
                CopySourceRange=f"bytes={part.start}-{part.start + part.size - 1}",
            )["CopyPartResult"]["ETag"]
        return {"ETag": etag, "PartNumber": number}


def _sent(pool: Executor, upload: _Upload, pieces: Sequence[Piece | bytes]) -> "list[CompletedPartTypeDef]":
    """Sends the parts and returns them in order. Memory is that of `AT_ONCE` small parts."""
    parts: list[CompletedPartTypeDef] = []
    under_way: deque[Future[CompletedPartTypeDef]] = deque()
    for number, part in enumerate(_parts(pieces), start=1):
        if len(under_way) == AT_ONCE:
            parts.append(under_way.popleft().result())
        ready = part if isinstance(part, Piece) else _join(pool, upload.client, upload.bucket, part)
        under_way.append(pool.submit(upload.send, number, ready))
    return parts + [part.result() for part in under_way]


def _parts(pieces: Sequence[Piece | bytes]) -> Iterator[Piece | list[Piece | bytes]]:
    """Yields the pieces as ranges to copy and lists to join, each of at least `MIN_PART` but the last."""
    joined: list[Piece | bytes] = []
    size = 0
    for piece in pieces:
        rest = piece
        if isinstance(rest, Piece) and joined and rest.size >= MIN_PART:
            # Fill up what is joined so far, so that the rest can be copied where it lies.
            wanted = max(0, MIN_PART - size)
            if wanted:
                joined.append(Piece(key=rest.key, start=rest.start, size=wanted))
                size += wanted
            rest = Piece(key=rest.key, start=rest.start + wanted, size=rest.size - wanted)
        if isinstance(rest, Piece) and rest.size >= MIN_PART:
            if joined:
                yield joined
                joined, size = [], 0
            yield from _copies(rest)
        elif _size(rest):
            joined.append(rest)
            size += _size(rest)
            if size >= MIN_PART:
                yield joined
                joined, size = [], 0
    if joined:
        yield joined


def _copies(piece: Piece) -> Iterator[Piece]:
    """Yields a piece as ranges to copy, none of them below `MIN_PART`."""
    start, left = piece.start, piece.size
    while left:
        size = left if left < MAX_COPY + MIN_PART else MAX_COPY
        yield Piece(key=piece.key, start=start, size=size)
        start += size
        left -= size


def _size(piece: Piece | bytes) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.size


def _join(pool: Executor, client: "S3Client", bucket: str, pieces: Iterable[Piece | bytes]) -> bytes:
    return b"".join(pool.map(lambda piece: _read(client, bucket, piece), pieces))


def _read(client: "S3Client", bucket: str, piece: Piece | bytes) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if piece.size == 0:
        return b""
    answer = client.get_object(
        Bucket=bucket, Key=piece.key, Range=f"bytes={piece.start}-{piece.start + piece.size - 1}"
    )
    return answer["Body"].read()
