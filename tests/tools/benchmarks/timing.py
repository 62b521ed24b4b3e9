"""Measuring contenders side by side."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from tests.tools.benchmarks.measurements import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Something that does `units` of work each time it is run.

    Work of microseconds runs `repeats` times per round, so that the clock itself does not dominate.
    """

    name: str
    run: Callable[[], object]
    units: float = 1
    repeats: int = 1


def in_turns(
    contenders: Mapping[str, Callable[[], float]], *, rounds: int, warm_ups: int = 1
) -> dict[str, tuple[float, ...]]:
    """Returns the value of each contender in each round, without those of the warm-up.

    They alternate within a round, and reverse their order every other round, so that changes of the machine's speed
    affect all of them.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-warm_ups, rounds):
        for name in contenders if number % 2 == 0 else reversed(list(contenders)):
            value = contenders[name]()
            if number >= 0:
                found[name].append(value)
    return {name: tuple(values) for name, values in found.items()}


def timed(
    contenders: Sequence[Contender], *, rounds: int, warm_ups: int = 1, clock: Callable[[], float] = perf_counter
) -> tuple[Series, ...]:
    """Returns the seconds of each contender in each round, in the order of `contenders`.

    Raises ValueError when two have the same name.
    """
    runs = {contender.name: partial(_seconds, contender, clock) for contender in contenders}
    if len(runs) != len(contenders):
        raise ValueError("two contenders have the same name")
    found = in_turns(runs, rounds=rounds, warm_ups=warm_ups)
    return tuple(
        Series(name=contender.name, values=found[contender.name], units=contender.units * contender.repeats)
        for contender in contenders
    )


def _seconds(contender: Contender, clock: Callable[[], float]) -> float:
    # Collect the garbage of the contender before.
    gc.collect()
    start = clock()
    for _ in range(contender.repeats):
        contender.run()
    return clock() - start
