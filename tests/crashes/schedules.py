"""Runs of scenarios under faults, and what they break."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.crashes.faults import Call, Fate, Place
from tests.crashes.platform import Platform
from tests.crashes.promises import Promises
from tests.crashes.scenarios import Scenario

Plan = Mapping[Place, Fate]
Line = tuple[str, str, tuple[str, ...]]
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


def run(platform: Platform, scenario: Scenario, plan: Plan) -> Run:
    """The scenario under these faults, and then the end of everything in it."""
    platform.clear()
    promises = Promises(platform)
    platform.after_invocation = promises.look
    platform.faults.begin(plan)
    try:
        scenario(platform, promises.check_ends)
        watched = list(platform.faults.losable)
        promises.check_nothing_is_left()
    except Exception as error:  # noqa: BLE001  whatever it is: a scenario that cannot go on has broken something
        promises.broken.append(f"{type(error).__name__}: {error}")
        watched = list(platform.faults.losable)
    return Run(watched, list(platform.faults.injected), promises.broken)


def clean_runs(platform: Platform, scenarios: Sequence[Scenario]) -> CleanRuns:
    """The calls of every scenario without faults."""
    runs = []
    for scenario in scenarios:
        clean = run(platform, scenario, {})
        assert not clean.broken, (scenario.__name__, clean.broken)
        runs.append((scenario, clean.calls))
    return runs


def single(calls: Sequence[Call], fates: Sequence[Fate]) -> Iterator[Plan]:
    """One fault a run: every call of the first attempts, in every way."""
    for call in calls:
        for fate in fates:
            if may_meet(call, fate):
                yield {call.place: fate}


def every_loss(
    platform: Platform, scenario: Scenario, calls: Sequence[Call], fates: Sequence[Fate], known: set[Loss]
) -> Iterator[Run]:
    """Runs until every call was lost in every way; calls of a function from the same lines count as one.

    In each run one fault is put into each of the first two attempts at every event: every function is given every event
    at least three times. What `known` has was lost before, and it learns the rest. Raises AssertionError when a call
    cannot be lost.
    """
    waiting = {
        (line_of(call), fate): call.place
        for call in calls
        for fate in fates
        if may_meet(call, fate) and (line_of(call), fate) not in known
    }
    few = False
    while waiting:
        met = run(platform, scenario, _packed(dict(list(waiting.items())[:1]) if few else waiting))
        yield met
        lost = {(line_of(call), fate) for call, fate in met.injected}
        reached = lost & waiting.keys()
        assert reached or not few, f"never lost: {next(iter(waiting))}"
        # One fault may keep another from being met; alone it will be.
        few = not reached
        known |= lost
        waiting = {loss: place for loss, place in waiting.items() if loss not in lost}


def line_of(call: Call) -> Line:
    """From where a function makes the call."""
    return call.place.function, call.operation, call.path


def _packed(waiting: Mapping[Loss, Place]) -> Plan:
    plan: dict[Place, Fate] = {}
    faults: Counter[tuple[str, int]] = Counter()
    for (_, fate), place in waiting.items():
        event = (place.function, place.event)
        if faults[event] < 2:
            # The attempt that made the call in the run without faults, and the one after it.
            plan[replace(place, attempt=place.attempt + faults[event])] = fate
            faults[event] += 1
    return plan


def may_meet(call: Call, fate: Fate) -> bool:
    """Whether the fate says more of the call than that its request is lost."""
    return fate is Fate.REQUEST_LOST or not call.is_read
