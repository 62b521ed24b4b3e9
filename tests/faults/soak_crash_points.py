"""Injects every fault into every AWS call alone, and a sample of pairs of faults. Run by `make soak`."""

import os
import random
from collections.abc import Sequence

import pytest

from tests.faults.fault_injection import Call, Fault
from tests.faults.fault_runs import by_place, clean_runs, run, single
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.simulated_platform import Platform

PAIRS_PER_SCENARIO = 100


def calls_of(platform: Platform, scenario: Scenario) -> Sequence[Call]:
    [(_, calls)] = clean_runs(platform, [scenario])
    return calls


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_single_fault_violates_an_invariant(platform: Platform, scenario: Scenario, fault: Fault) -> None:
    broken = []
    for plan in single(calls_of(platform, scenario), [fault]):
        result = run(platform, scenario, by_place(plan))
        if result.broken:
            broken.append((plan, result.broken))
    assert not broken


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_pair_of_faults_violates_an_invariant(platform: Platform, scenario: Scenario) -> None:
    seed = int(os.environ.get("SOAK_SEED", "1"))
    generator = random.Random(seed)  # noqa: S311  a reproducible sample
    faults = list(single(calls_of(platform, scenario), list(Fault)))
    broken = []
    for _ in range(PAIRS_PER_SCENARIO):
        first, second = generator.sample(faults, 2)
        result = run(platform, scenario, by_place({**first, **second}))
        if result.broken:
            broken.append(({**first, **second}, result.broken))
    assert not broken, seed
