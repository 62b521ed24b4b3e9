"""Helpers for race tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any, TypeVar

from shared.aws import clients

T = TypeVar("T")


class OneCallAtATime:
    """Serializes the calls of a DynamoDB client, because moto is not thread-safe.

    A transaction that moto rolls back also discards the concurrent writes of others.
    """

    def __init__(self) -> None:
        self._client = clients.dynamodb()
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def serialized(**request: Any) -> Any:
            with self._lock:
                return call(**request)

        return serialized


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Runs the calls in parallel, all starting together, and returns their results in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
