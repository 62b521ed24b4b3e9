"""Every AWS call spoiled alone, in every way there is, and pairs of faults sampled. Run by `make soak`."""

import os
import random
from collections.abc import Sequence

import pytest

from tests.faults.faults import Call, Fate
from tests.faults.platform import Platform
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.schedules import by_place, clean_runs, run, single

PAIRS_OF_EACH = 100


def calls_of(platform: Platform, scenario: Scenario) -> Sequence[Call]:
    [(_, calls)] = clean_runs(platform, [scenario])
    return calls


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_fault_alone_breaks_a_promise(platform: Platform, scenario: Scenario, fate: Fate) -> None:
    broken = []
    for plan in single(calls_of(platform, scenario), [fate]):
        met = run(platform, scenario, by_place(plan))
        if met.broken:
            broken.append((plan, met.broken))
    assert not broken


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_pair_of_faults_breaks_a_promise(platform: Platform, scenario: Scenario) -> None:
    seed = int(os.environ.get("SOAK_SEED", "1"))
    chance = random.Random(seed)  # noqa: S311  a sample that can be drawn again
    faults = list(single(calls_of(platform, scenario), list(Fate)))
    broken = []
    for _ in range(PAIRS_OF_EACH):
        first, second = chance.sample(faults, 2)
        met = run(platform, scenario, by_place({**first, **second}))
        if met.broken:
            broken.append(({**first, **second}, met.broken))
    assert not broken, seed
