"""Steps cut off at a call of the store, and done again."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from shared.jobs.errors import UnavailableError
from shared.jobs.ports import JobStore


class LossyStore:
    """A store of which one call may be lost: the `calls_left`-th from now, with its request or its answer alone."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.calls_left = 0
        self.loses_answer = False

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.store, name)

        def perhaps_lost(*arguments: Any, **named: Any) -> Any:
            self.calls_left -= 1
            if self.calls_left != 0:
                return call(*arguments, **named)
            if self.loses_answer:
                call(*arguments, **named)
            raise UnavailableError

        return perhaps_lost


class Interruptible(Protocol):
    """Whoever does steps over a lossy store."""

    lossy: LossyStore

    def see_what_was_done(self) -> None:
        """Learn what became of a step whose caller got no answer."""


S = TypeVar("S", bound=Interruptible)
P = ParamSpec("P")
T = TypeVar("T")


def delivered(step: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A step that is done again when a call of it was lost."""

    @wraps(step)
    def again(doer: S, /, *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return step(doer, *arguments, **named)
        except UnavailableError:
            doer.lossy.calls_left = 0
            doer.see_what_was_done()
            return step(doer, *arguments, **named)

    return cast("Callable[Concatenate[S, P], T]", again)
