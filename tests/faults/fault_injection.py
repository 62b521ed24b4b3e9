"""Injects faults into single AWS calls through botocore's event system.

A call is identified by its function, the number of the event, the attempt at that event and the number of the call
in that attempt. A scenario makes the same calls in the same order in every run, so that a place recorded without
faults identifies the same call in the next run.
"""

import inspect
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import boto3
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from infra.project import ROOT
from tests.synthesized import JsonObject

_READS = ("Get", "Head", "List", "Query", "Describe", "BatchGet")
_OURS = (str(ROOT / "functions"), str(ROOT / "shared"))
_ENDPOINT = "https://aws.invalid"


class Fault(StrEnum):
    """How a call fails."""

    REQUEST_LOST = "request lost"  # AWS does not receive the request; the call fails
    RESPONSE_LOST = "response lost"  # AWS executes the call; the call fails
    KILLED = "killed"  # AWS executes the call, then the process ends
    REPEATED = "repeated"  # AWS executes the call, the response is lost, and botocore repeats the request


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Identifies a call by function, event number, attempt and its number in the attempt."""

    function: str
    event: int
    attempt: int
    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its source lines in this project, its parameters and the number of attempts for its event."""

    place: Place
    path: tuple[str, ...]
    service: str
    operation: str
    parameters: Mapping[str, Any]
    attempts: int

    @property
    def line(self) -> "Line":
        """Identifies the source lines from which a function makes the call."""
        return self.place.function, self.operation, self.path

    def applies_to(self, fault: Fault) -> bool:
        """Whether the fault differs from a lost request; for reads all faults have the same effect."""
        return fault is Fault.REQUEST_LOST or not self.operation.startswith(_READS)


Line = tuple[str, str, tuple[str, ...]]
# Returns the fault for a call that is about to be made, or None.
Choice = Callable[[Call], Fault | None]


class ProcessEndedError(Exception):
    """Raised where a process would have ended; no call of its invocation has any effect after it."""


class FaultInjector:
    """Records the calls of a session's clients while functions run, and injects the chosen faults."""

    def __init__(self) -> None:
        # Calls that AWS received, and those of them that can be lost.
        self.calls: list[Call] = []
        self.losable: list[Call] = []
        # While invariants are checked, no fault is injected and no call is counted.
        self.is_paused = False
        self._choose: Choice = lambda _call: None
        self.injected: list[tuple[Call, Fault]] = []
        self._events: dict[str, list[str]] = {}
        self._attempts: Counter[tuple[str, int]] = Counter()
        self._lost_first: set[tuple[str, str]] = set()
        self._running: tuple[str, int, int] | None = None
        self._may_run = 0
        self._made = 0
        self._is_dead = False
        # S3 transfers make their calls from their own threads.
        self._lock = threading.Lock()
        self._here = threading.local()

    def listen(self, session: boto3.Session) -> None:
        """Observes the clients that the session creates from now on."""
        events = session._session.get_component("event_emitter")
        events.register("before-parameter-build", _note_parameters)
        events.register("before-call", self._before_call)
        events.register("after-call", self._after_call)
        # moto responds in this event, so a handler that runs after it sees an executed call.
        events.register_last("before-send", self._after_send)

    @property
    def running_function(self) -> str | None:
        """The function that is being invoked, if any."""
        return self._running[0] if self._running else None

    def begin(self, choose: Choice) -> None:
        """Starts a run with the faults that `choose` returns."""
        self.calls, self.losable, self.injected = [], [], []
        self._choose, self.is_paused = choose, False
        self._events.clear()
        self._attempts.clear()
        self._lost_first.clear()

    def lose_first(self, operation: str, *, of: Iterable[str]) -> None:
        """Loses the first request of this operation in each of these functions."""
        self._lost_first |= {(function, operation) for function in of}

    @contextmanager
    def invocation(self, function: str, event: JsonObject, *, attempts: int) -> Iterator[None]:
        """Counts the calls of one invocation. Raises `ProcessEndedError` at its end if it was killed."""
        outer, may_run, made = self._running, self._may_run, self._made
        given, text = self._events.setdefault(function, []), json.dumps(event, sort_keys=True)
        if text not in given:
            given.append(text)
        number = given.index(text) + 1
        self._attempts[function, number] += not self.is_paused
        self._running = (function, number, self._attempts[function, number])
        self._may_run, self._made, self._is_dead = attempts, 0, False
        try:
            yield
        finally:
            was_killed = self._is_dead
            self._running, self._may_run, self._made, self._is_dead = outer, may_run, made, False
        if was_killed:
            raise ProcessEndedError

    def _before_call(self, *, model: Any, context: dict[str, Any], **_: object) -> None:
        with self._lock:
            if self._running is None:
                self._here.fault = None
                return
            if self._is_dead:
                raise ProcessEndedError
            self._made += 1
            place = Place(*self._running, self._made)
            service = model.service_model.service_name
            call = Call(place, _path(), service, model.name, context["parameters"], self._may_run)
            fault = self._choose(call) if not self.is_paused else None
            if (place.function, call.operation) in self._lost_first:
                self._lost_first.remove((place.function, call.operation))
                fault = Fault.REQUEST_LOST
            if fault is not None:
                self.injected.append((call, fault))
            if fault is not Fault.REQUEST_LOST:
                self.calls.append(call)
                self.losable += [call] if not self.is_paused else []
        context["fault"] = self._here.fault = fault
        if fault is Fault.REQUEST_LOST:
            raise EndpointConnectionError(endpoint_url=_ENDPOINT)

    def _after_send(self, **_: object) -> None:
        if getattr(self._here, "fault", None) is Fault.REPEATED:
            self._here.fault = None
            raise ConnectionClosedError(endpoint_url=_ENDPOINT)

    def _after_call(self, *, context: dict[str, Any], **_: object) -> None:
        match context.get("fault"):
            case Fault.RESPONSE_LOST:
                raise ReadTimeoutError(endpoint_url=_ENDPOINT)
            case Fault.KILLED:
                self._is_dead = True
                raise ProcessEndedError


def _path() -> tuple[str, ...]:
    """Returns the source lines of functions and adapters on the call stack, innermost first."""
    path, frame = [], inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            path.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(path)


def _note_parameters(*, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    """Keeps the parameters, which are serialized by the time the call is made."""
    context["parameters"] = dict(params)
