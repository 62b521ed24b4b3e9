"""Least privilege: every call of every scenario is allowed by its function's role, and nothing is allowed beside."""

from collections.abc import Callable

import pytest

from tests.faults.platform import Platform
from tests.faults.rights import Grant, Right, grants_of, rights_of, rights_of_lambda
from tests.faults.scenarios import RARE_SCENARIOS
from tests.faults.schedules import CleanRuns, clean_runs
from tests.flow.system import deployed_functions
from tests.synthesised import template

Rights = set[tuple[str, Right]]


@pytest.fixture(scope="module")
def asked(platform: Platform, calls: CleanRuns) -> Rights:
    """Every right that a function or Lambda in its place asked for."""
    runs = [*calls, *clean_runs(platform, RARE_SCENARIOS)]
    by_calls = {(call.place.function, right) for _, made in runs for call in made for right in rights_of(call)}
    by_lambda = {
        (function, right) for function in deployed_functions() for right in rights_of_lambda(template(), function)
    }
    return by_calls | by_lambda


@pytest.fixture(scope="module")
def grants() -> list[Grant]:
    return grants_of(template())


def refused(asked: Rights, grants: list[Grant]) -> Rights:
    """What of it the roles do not allow."""
    return {
        (function, right)
        for function, right in asked
        if not any(grant.function == function and grant.allows(right) for grant in grants)
    }


@pytest.mark.hazard("A role with more rights than its function uses")
def test_every_call_is_allowed_by_the_role_that_makes_it(asked: Rights, grants: list[Grant]) -> None:
    assert refused(asked, grants) == set()


@pytest.mark.hazard("A role with more rights than its function uses")
def test_without_any_one_statement_a_call_is_refused(
    asked: Rights, grants: list[Grant], record_property: Callable[[str, object], None]
) -> None:
    statements = sorted({(grant.function, grant.statement) for grant in grants})
    needless = [
        one for one in statements if not refused(asked, [g for g in grants if (g.function, g.statement) != one])
    ]
    assert needless == []
    record_property("injected", len(statements))


@pytest.mark.hazard("A role with more rights than its function uses")
def test_without_any_one_action_on_any_one_resource_a_call_is_refused(asked: Rights, grants: list[Grant]) -> None:
    needless = [grant for grant in grants if not refused(asked, [other for other in grants if other != grant])]
    assert needless == []
