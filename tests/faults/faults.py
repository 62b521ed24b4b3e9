"""Faults of single AWS calls, put in through botocore's own events.

A call is named by where it is made: the function, which of the events it was given, which attempt at that event, and
which call of the attempt. The same scenario makes the same calls in the same order, so that a name noted in a run
without faults is the place of one in the next.
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
from tests.synthesised import JsonObject

_READS = ("Get", "Head", "List", "Query", "Describe", "BatchGet")
_OURS = (str(ROOT / "functions"), str(ROOT / "shared"))
_ENDPOINT = "https://aws.invalid"


class Fate(StrEnum):
    """What becomes of a call."""

    REQUEST_LOST = "request lost"  # AWS never hears of it; the function is told that it failed
    RESPONSE_LOST = "response lost"  # AWS did it; the function is told that it failed
    KILLED = "killed"  # AWS did it, and the process ended with it
    ASKED_AGAIN = "asked again"  # AWS did it, the answer was lost, and botocore repeats the very same request


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A call: the number of the event its function was given, of the attempt at it, and its own number in that."""

    function: str
    event: int
    attempt: int
    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was made, from which lines of ours, what was asked, and how many attempts its event is given."""

    place: Place
    path: tuple[str, ...]
    service: str
    operation: str
    parameters: Mapping[str, Any]
    attempts: int

    @property
    def line(self) -> "Line":
        """From where a function makes the call."""
        return self.place.function, self.operation, self.path

    def may_meet(self, fate: Fate) -> bool:
        """Whether the fate says more of the call than that its request is lost: of a read it does not."""
        return fate is Fate.REQUEST_LOST or not self.operation.startswith(_READS)


Line = tuple[str, str, tuple[str, ...]]
# What becomes of a call that is about to be made; None: nothing.
Choice = Callable[[Call], Fate | None]


class ProcessEndedError(Exception):
    """Raised where a process would have ended; no call of its invocation has any effect after it."""


class Faults:
    """Watches the calls of a session's clients while functions run, and spoils those it is told to."""

    def __init__(self) -> None:
        # Those that AWS had, and of them those that could have been lost.
        self.calls: list[Call] = []
        self.losable: list[Call] = []
        # Nothing is lost, and nothing counted as a place, while promises are checked.
        self.is_paused = False
        self._choose: Choice = lambda _call: None
        self.injected: list[tuple[Call, Fate]] = []
        self._events: dict[str, list[str]] = {}
        self._attempts: Counter[tuple[str, int]] = Counter()
        self._lost_first: set[tuple[str, str]] = set()
        self._running: tuple[str, int, int] | None = None
        self._may_run = 0
        self._made = 0
        self._is_dead = False
        # A transfer of S3's makes its calls from threads of its own.
        self._lock = threading.Lock()
        self._here = threading.local()

    def listen(self, session: boto3.Session) -> None:
        """Watch the clients that the session makes from now on."""
        events = session._session.get_component("event_emitter")
        events.register("before-parameter-build", _note_parameters)
        events.register("before-call", self._before_call)
        events.register("after-call", self._after_call)
        # moto answers in this very event: what comes after it, AWS has done.
        events.register_last("before-send", self._after_send)

    def begin(self, choose: Choice) -> None:
        """Begin a run with the faults that are chosen."""
        self.calls, self.losable, self.injected = [], [], []
        self._choose, self.is_paused = choose, False
        self._events.clear()
        self._attempts.clear()
        self._lost_first.clear()

    def lose_first(self, operation: str, *, of: Iterable[str]) -> None:
        """Lose the first request of this operation that each of these functions makes, wherever that is."""
        self._lost_first |= {(function, operation) for function in of}

    @contextmanager
    def invocation(self, function: str, event: JsonObject, *, attempts: int) -> Iterator[None]:
        """Count the calls of one invocation. Raises `ProcessEndedError` at its end when it was killed."""
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
                self._here.fate = None
                return
            if self._is_dead:
                raise ProcessEndedError
            self._made += 1
            place = Place(*self._running, self._made)
            service = model.service_model.service_name
            call = Call(place, _path(), service, model.name, context["asked"], self._may_run)
            fate = self._choose(call) if not self.is_paused else None
            if (place.function, call.operation) in self._lost_first:
                self._lost_first.remove((place.function, call.operation))
                fate = Fate.REQUEST_LOST
            if fate is not None:
                self.injected.append((call, fate))
            if fate is not Fate.REQUEST_LOST:
                self.calls.append(call)
                self.losable += [call] if not self.is_paused else []
        context["fate"] = self._here.fate = fate
        if fate is Fate.REQUEST_LOST:
            raise EndpointConnectionError(endpoint_url=_ENDPOINT)

    def _after_send(self, **_: object) -> None:
        if getattr(self._here, "fate", None) is Fate.ASKED_AGAIN:
            self._here.fate = None
            raise ConnectionClosedError(endpoint_url=_ENDPOINT)

    def _after_call(self, *, context: dict[str, Any], **_: object) -> None:
        match context.get("fate"):
            case Fate.RESPONSE_LOST:
                raise ReadTimeoutError(endpoint_url=_ENDPOINT)
            case Fate.KILLED:
                self._is_dead = True
                raise ProcessEndedError


def _path() -> tuple[str, ...]:
    """The lines of functions and adapters that led here, the innermost first."""
    path, frame = [], inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            path.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(path)


def _note_parameters(*, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    """Keep what was asked for until the call is made, when it is bytes already."""
    context["asked"] = dict(params)
