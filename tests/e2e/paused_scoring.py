"""Jobs that are at work for as long as a test looks at them, however fast the machine is."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.local.cloud import LocalCloud

_SCORE = "functions.score.handler.handler"


@contextmanager
def scoring_held(cloud: LocalCloud) -> Iterator[None]:
    """Have no chunk begun meanwhile: an operator stops a function so, and the state machine tries again later.

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
