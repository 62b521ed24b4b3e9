"""Runs scenarios with injected faults and reports the violated invariants."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from tests.faults.fault_injection import Call, Choice, Fault, Line, Place
from tests.faults.invariants import Invariants
from tests.faults.scenarios import Scenario
from tests.faults.simulated_platform import Platform

Plan = Mapping[Place, Fault]
Loss = tuple[Line, Fault]
# The calls of scenarios without faults.
CleanRuns = Sequence[tuple[Scenario, Sequence[Call]]]

# Faults that the function sees as a failed call.
LOSSES = (Fault.REQUEST_LOST, Fault.RESPONSE_LOST)


@dataclass(frozen=True)
class Run:
    """The result of a scenario: calls that can be lost, injected faults, violated invariants."""

    calls: Sequence[Call]
    injected: Sequence[tuple[Call, Fault]]
    broken: Sequence[str]


def run(platform: Platform, scenario: Scenario, choose: Choice) -> Run:
    """Runs a scenario with the chosen faults, then deletes its jobs and checks what is left."""
    platform.clear()
    invariants = Invariants(platform)
    platform.after_invocation = invariants.check_progress
    platform.fault_injector.begin(choose)
    try:
        scenario(platform, invariants.check_ends)
        calls = list(platform.fault_injector.losable)
        invariants.check_nothing_is_left()
    except Exception as error:  # noqa: BLE001  a scenario that cannot continue violates an invariant
        invariants.broken.append(f"{type(error).__name__}: {error}")
        calls = list(platform.fault_injector.losable)
    return Run(calls, list(platform.fault_injector.injected), invariants.broken)


def by_place(plan: Plan) -> Choice:
    """Returns a choice that injects the faults of a plan."""
    return lambda call: plan.get(call.place)


def clean_runs(platform: Platform, scenarios: Sequence[Scenario]) -> CleanRuns:
    """Runs every scenario without faults and returns its calls."""
    runs = []
    for scenario in scenarios:
        clean = run(platform, scenario, by_place({}))
        assert not clean.broken, (scenario.__name__, clean.broken)
        runs.append((scenario, clean.calls))
    return runs


def single(calls: Sequence[Call], faults: Sequence[Fault]) -> Iterator[Plan]:
    """Yields plans with one fault each: every call with every fault that applies."""
    for call in calls:
        for fault in faults:
            if call.applies_to(fault):
                yield {call.place: fault}


def every_loss(
    platform: Platform, scenario: Scenario, calls: Sequence[Call], faults: Sequence[Fault], known: set[Loss]
) -> Iterator[Run]:
    """Runs the scenario until every call met every fault; calls from the same source lines count as one.

    Skips the losses in `known` and adds the new ones. Raises AssertionError if a call cannot be lost.
    """
    wanted = {(call.line, fault) for call in calls for fault in faults if call.applies_to(fault)}
    functions = {call.place.function for call in calls}
    while wanted - known:
        before = len(known)
        yield run(platform, scenario, _FirstOfEachAttempt(functions, faults, known))
        assert len(known) > before, f"never lost: {next(iter(wanted - known))}"


@dataclass(frozen=True)
class _FirstOfEachAttempt:
    """Injects one fault into every attempt at an event except the last: the first that is not known."""

    functions: Set[str]
    faults: Sequence[Fault]
    known: set[Loss]
    _failed_attempts: set[tuple[str, int, int]] = field(default_factory=set)

    def __call__(self, call: Call) -> Fault | None:
        place = call.place
        attempt = (place.function, place.event, place.attempt)
        if place.function not in self.functions or place.attempt >= call.attempts or attempt in self._failed_attempts:
            return None
        for fault in self.faults:
            if call.applies_to(fault) and (call.line, fault) not in self.known:
                self.known.add((call.line, fault))
                if fault is not Fault.REPEATED:  # the attempt continues after a repeated request
                    self._failed_attempts.add(attempt)
                return fault
        return None
