"""A store that loses calls, and the repetition of steps whose calls were lost."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from shared.jobs.errors import UnavailableError
from shared.jobs.ports import JobStore


class LossyStore:
    """A store that loses its `calls_left`-th call from now: the request, or with `loses_response` only the response."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.calls_left = 0
        self.loses_response = False

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.store, name)

        def lose_or_call(*arguments: Any, **named: Any) -> Any:
            self.calls_left -= 1
            if self.calls_left != 0:
                return call(*arguments, **named)
            if self.loses_response:
                call(*arguments, **named)
            raise UnavailableError

        return lose_or_call


class UsesLossyStore(Protocol):
    """Has steps over a lossy store."""

    lossy: LossyStore

    def observe_store(self) -> None:
        """Called before a step is repeated whose caller got no response."""


S = TypeVar("S", bound=UsesLossyStore)
P = ParamSpec("P")
T = TypeVar("T")


def repeated_when_lost(step: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Repeats a step once if one of its calls was lost."""

    @wraps(step)
    def repeat(machine: S, /, *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return step(machine, *arguments, **named)
        except UnavailableError:
            machine.lossy.calls_left = 0
            machine.observe_store()
            return step(machine, *arguments, **named)

    return cast("Callable[Concatenate[S, P], T]", repeat)
