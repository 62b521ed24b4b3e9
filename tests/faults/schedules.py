"""Runs of scenarios under faults, and what they break."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from tests.faults.faults import Call, Choice, Fate, Line, Place
from tests.faults.platform import Platform
from tests.faults.promises import Promises
from tests.faults.scenarios import Scenario

Plan = Mapping[Place, Fate]
Loss = tuple[Line, Fate]
# The calls of scenarios without faults.
CleanRuns = Sequence[tuple[Scenario, Sequence[Call]]]

# What a function is told of a failed call, both ways of it.
TOLD = (Fate.REQUEST_LOST, Fate.RESPONSE_LOST)


@dataclass(frozen=True)
class Run:
    """What a run of a scenario met: the calls that could be lost, the faults put in, the promises broken."""

    calls: Sequence[Call]
    injected: Sequence[tuple[Call, Fate]]
    broken: Sequence[str]


def run(platform: Platform, scenario: Scenario, choose: Choice) -> Run:
    """The scenario under the faults that are chosen, and then the end of everything in it."""
    platform.clear()
    promises = Promises(platform)
    platform.after_invocation = promises.look
    platform.faults.begin(choose)
    try:
        scenario(platform, promises.check_ends)
        watched = list(platform.faults.losable)
        promises.check_nothing_is_left()
    except Exception as error:  # noqa: BLE001  whatever it is: a scenario that cannot go on has broken something
        promises.broken.append(f"{type(error).__name__}: {error}")
        watched = list(platform.faults.losable)
    return Run(watched, list(platform.faults.injected), promises.broken)


def by_place(plan: Plan) -> Choice:
    """The faults of a plan."""
    return lambda call: plan.get(call.place)


def clean_runs(platform: Platform, scenarios: Sequence[Scenario]) -> CleanRuns:
    """The calls of every scenario without faults."""
    runs = []
    for scenario in scenarios:
        clean = run(platform, scenario, by_place({}))
        assert not clean.broken, (scenario.__name__, clean.broken)
        runs.append((scenario, clean.calls))
    return runs


def single(calls: Sequence[Call], fates: Sequence[Fate]) -> Iterator[Plan]:
    """One fault a run: every call of the first attempts, in every way."""
    for call in calls:
        for fate in fates:
            if call.may_meet(fate):
                yield {call.place: fate}


def every_loss(
    platform: Platform, scenario: Scenario, calls: Sequence[Call], fates: Sequence[Fate], known: set[Loss]
) -> Iterator[Run]:
    """Runs until every call was lost in every way; calls of a function from the same lines count as one.

    What `known` has was lost before, and it learns the rest. Raises AssertionError when a call cannot be lost.
    """
    wanted = {(call.line, fate) for call in calls for fate in fates if call.may_meet(fate)}
    functions = {call.place.function for call in calls}
    while wanted - known:
        before = len(known)
        yield run(platform, scenario, _FirstOfEachAttempt(functions, fates, known))
        assert len(known) > before, f"never lost: {next(iter(wanted - known))}"


@dataclass(frozen=True)
class _FirstOfEachAttempt:
    """Loses a call in every attempt at an event but the last: the first that was not lost so before."""

    functions: Set[str]
    fates: Sequence[Fate]
    known: set[Loss]
    _spoiled: set[tuple[str, int, int]] = field(default_factory=set)

    def __call__(self, call: Call) -> Fate | None:
        place = call.place
        attempt = (place.function, place.event, place.attempt)
        if place.function not in self.functions or place.attempt >= call.attempts or attempt in self._spoiled:
            return None
        for fate in self.fates:
            if call.may_meet(fate) and (call.line, fate) not in self.known:
                self.known.add((call.line, fate))
                if fate is not Fate.ASKED_AGAIN:  # which the attempt survives
                    self._spoiled.add(attempt)
                return fate
        return None
