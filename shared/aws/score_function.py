"""The score function, called for an answer."""

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.aws.failures import translated
from shared.jobs.errors import UnavailableError
from shared.jobs.row_scoring import GivenRows

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)


class ScoreInvocation:
    """`RowScorer` that invokes the score function and waits for what it says."""

    def __init__(self, *, client: "Callable[[], LambdaClient]", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def score(self, rows: GivenRows) -> dict[str, Any]:
        with translated():
            answer = self._client().invoke(
                FunctionName=self._function_name,
                InvocationType="RequestResponse",
                # Not in ASCII, where text takes up to three times its bytes: Lambda takes 6 MB.
                Payload=json.dumps({"given_rows": rows.as_json()}, ensure_ascii=False).encode(),
            )
            payload = answer["Payload"].read()
        if failure := answer.get("FunctionError"):
            # What it says of the failure is in the function's own log, and may speak of rows.
            logger.error("The score function failed", extra={"function_error": failure})
            raise UnavailableError
        scored: dict[str, Any] = json.loads(payload)
        return scored
