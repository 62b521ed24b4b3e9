"""Answers 403 instead of 404 for a missing object to a function that may not list it, as S3 does and moto does not.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from collections.abc import Callable, Iterator
from typing import Any

import boto3

from tests.faults.permissions import Grant, Permission

_READS = ("GetObject", "HeadObject")
_MISSING = {"404", "NoSuchKey", "NoSuchVersion"}


class MissingObjects:
    """Observes the S3 clients of a session. `needed` has every permission that decided between 403 and 404."""

    def __init__(self, grants: list[Grant], function: Callable[[], str | None]) -> None:
        self.needed: set[tuple[str, Permission]] = set()
        self._grants = grants
        self._function = function

    def listen(self, session: boto3.Session) -> None:
        """Observes the clients that the session creates from now on."""
        session._session.get_component("event_emitter").register("after-call.s3", self._after_call)

    def _after_call(self, *, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        function = self._function()
        error = parsed.get("Error", {})
        if function is None or model.name not in _READS or error.get("Code") not in _MISSING:
            return
        needed = {(function, permission) for permission in _listing(context["parameters"])}
        self.needed |= needed
        if all(any(grant.function == function and grant.allows(one) for grant in self._grants) for _, one in needed):
            return
        has_body = model.name != "HeadObject"
        parsed["Error"] = {**error, "Code": "AccessDenied" if has_body else "403", "Message": "Access Denied"}
        parsed["ResponseMetadata"]["HTTPStatusCode"] = 403


def _listing(parameters: dict[str, Any]) -> Iterator[Permission]:
    """Yields the permissions to list the object. S3 takes its key as the prefix of the listing."""
    actions = ("ListBucket", "ListBucketVersions") if "VersionId" in parameters else ("ListBucket",)
    for action in actions:
        yield Permission(f"s3:{action}", f"arn:aws:s3:::{parameters['Bucket']}", parameters["Key"])
