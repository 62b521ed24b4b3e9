"""What races are made with."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any, TypeVar

from shared.aws import clients

T = TypeVar("T")


class OneCallAtATime:
    """DynamoDB decides each call by itself; moto does not (a transaction it rolls back takes others' writes along)."""

    def __init__(self) -> None:
        self._client = clients.dynamodb()
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def alone(**request: Any) -> Any:
            with self._lock:
                return call(**request)

        return alone


def at_once(*calls: Callable[[], T]) -> list[T]:
    """The calls' results, made from threads that are let go together."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
