"""Least privilege: roles allow every call of every scenario, and nothing else."""

from collections.abc import Callable

import pytest

from tests.faults.fault_runs import CleanRuns, clean_runs
from tests.faults.permissions import Grant, Permission, grants_of, permissions_of, permissions_of_lambda
from tests.faults.scenarios import RARE_SCENARIOS
from tests.faults.simulated_platform import Platform
from tests.flow.system import deployed_functions
from tests.synthesized import template

Permissions = set[tuple[str, Permission]]


@pytest.fixture(scope="module")
def needed(platform: Platform, calls: CleanRuns) -> Permissions:
    """The permissions that the functions, and Lambda on their behalf, need."""
    runs = [*calls, *clean_runs(platform, RARE_SCENARIOS)]
    by_calls = {
        (call.place.function, permission) for _, made in runs for call in made for permission in permissions_of(call)
    }
    by_lambda = {
        (function, permission)
        for function in deployed_functions()
        for permission in permissions_of_lambda(template(), function)
    }
    return by_calls | by_lambda | platform.missing_objects.needed


@pytest.fixture(scope="module")
def grants() -> list[Grant]:
    return grants_of(template())


def refused(needed: Permissions, grants: list[Grant]) -> Permissions:
    """Returns the needed permissions that the grants do not include."""
    return {
        (function, permission)
        for function, permission in needed
        if not any(grant.function == function and grant.allows(permission) for grant in grants)
    }


@pytest.mark.hazard("A role with more rights than its function uses")
def test_every_aws_call_is_allowed_by_its_role(needed: Permissions, grants: list[Grant]) -> None:
    assert refused(needed, grants) == set()


@pytest.mark.hazard("A role with more rights than its function uses")
def test_every_statement_of_every_role_is_needed(
    needed: Permissions, grants: list[Grant], record_property: Callable[[str, object], None]
) -> None:
    statements = sorted({(grant.function, grant.statement) for grant in grants})
    needless = [
        one for one in statements if not refused(needed, [g for g in grants if (g.function, g.statement) != one])
    ]
    assert needless == []
    record_property("injected", len(statements))


@pytest.mark.hazard("A role with more rights than its function uses")
def test_every_action_on_every_resource_of_every_role_is_needed(needed: Permissions, grants: list[Grant]) -> None:
    needless = [grant for grant in grants if not refused(needed, [other for other in grants if other != grant])]
    assert needless == []
