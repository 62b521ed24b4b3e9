"""Keeps jobs in processing for the duration of a test, on fast machines too."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.local.cloud import LocalCloud

_SCORE = "functions.score.handler.handler"


@contextmanager
def scoring_paused(cloud: LocalCloud) -> Iterator[None]:
    """Starts no chunk during the block, by a reserved concurrency of 0; the state machine retries later.

    A chunk that is being scored is still committed.
    """
    with closing(cloud.session().client("lambda", endpoint_url=cloud.endpoint_url)) as functions:
        found = functions.list_functions()["Functions"]
        (score,) = [function["FunctionName"] for function in found if function["Handler"] == _SCORE]
        functions.put_function_concurrency(FunctionName=score, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            functions.delete_function_concurrency(FunctionName=score)
