"""`Idempotency-Key`: runs the work of a POST once per key and replays its response.

A POST route takes an `OncePerKey` and does its work in `respond`. Its dependencies run for every request, so a caller
without access to a job gets 404 whatever the key.
"""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, Header, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from functions.api.dependencies import CurrentCaller, services_of
from functions.api.problems import ValidationError
from functions.api.request_bodies import parsed_form, strict_json
from shared.jobs.idempotency import Claim, Idempotency, StoredResponse, request_key

REPLAYED_HEADER = "Idempotency-Replayed"

# Computed anew for each response.
_NOT_KEPT = frozenset({"content-length"})

_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description=(
            "A name that the caller chooses for this request. For 24 hours a repeat with the same key and content "
            f"changes nothing and returns the first response, with `{REPLAYED_HEADER}: true`. After an error the key "
            "is free again."
        ),
    ),
]


class Once:
    """A request whose work runs once per key, or every time without a key."""

    def __init__(self, request: Request, idempotency: Idempotency, key: str | None) -> None:
        self._request = request
        self._idempotency = idempotency
        self._key = key
        self._claim: Claim | None = None

    def new_job_id(self) -> UUID:
        """Returns the id for a new job: the same for every attempt with this key and content."""
        return self._claim.job_id if self._claim else uuid4()

    async def respond(self, work: Callable[[], Awaitable[Response]]) -> Response:
        """Returns the response of the work, or that of an earlier request with the same key.

        Raises `IdempotencyInFlightError` and `IdempotencyMismatchError`.
        """
        try:
            return await (work() if self._key is None else self._respond_once(self._key, work))
        finally:
            # Deletes the temporary file of a parsed form.
            await self._request.close()

    async def _respond_once(self, key: str, work: Callable[[], Awaitable[Response]]) -> Response:
        claim = self._idempotency.begin(key, await fingerprint(self._request))
        if claim.response is not None:
            return _replayed(claim.response)
        self._claim = claim
        try:
            response = await work()
        except Exception:
            self._idempotency.release(claim)
            raise
        if 200 <= response.status_code < 300:
            self._idempotency.keep(claim, _stored(response))
        else:
            self._idempotency.release(claim)
        return response


async def _once(request: Request, caller: CurrentCaller, idempotency_key: _Key = None) -> Once:
    key = None
    if idempotency_key is not None:
        key = request_key(caller, method=request.method, path=request.url.path, key=idempotency_key)
    return Once(request, services_of(request).idempotency, key)


OncePerKey = Annotated[Once, Depends(_once)]


async def fingerprint(request: Request) -> str:
    """Returns a digest of the query and body that ignores a form's boundary and the whitespace of JSON."""
    content = {"query": sorted(request.query_params.multi_items()), "body": await _content(request)}
    return _digest(json.dumps(content).encode())


async def _content(request: Request) -> Any:
    """Returns the normalized content of a form or of unambiguous JSON, else the digest of the bytes."""
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        try:
            form = await parsed_form(request)
        except ValidationError:
            return _digest(body)
        parts = [[name, *(await _part(value))] for name, value in form.multi_items()]
        # Sorted by name only: the order of fields with the same name matters.
        return sorted(parts, key=lambda part: str(part[0]))
    try:
        sent = strict_json(body)
        return _digest(json.dumps(sent, sort_keys=True, allow_nan=False).encode())
    except (ValueError, RecursionError):
        return _digest(body)


async def _part(value: str | UploadFile) -> tuple[str | None, str]:
    """Returns the file name, if any, and the digest of a part of a form."""
    if isinstance(value, str):
        return None, _digest(value.encode())
    data = await value.read()
    await value.seek(0)
    return value.filename, _digest(data)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _stored(response: Response) -> StoredResponse:
    headers = {name: value for name, value in response.headers.items() if name not in _NOT_KEPT}
    return StoredResponse(status=response.status_code, headers=headers, body=bytes(response.body))


def _replayed(stored: StoredResponse) -> Response:
    headers = {**stored.headers, REPLAYED_HEADER: "true"}
    return Response(stored.body, status_code=stored.status, headers=headers)
