"""The hazard register names tests that exist, and the report states their results."""

import ast
from datetime import UTC, datetime

import pytest

from infra.project import ROOT
from tests.tools.hazards.register import HAZARDS, Hazard
from tests.tools.hazards.report import as_markdown, read_results

TEST = HAZARDS[0].tests[0]


@pytest.mark.parametrize("line", HAZARDS, ids=lambda line: line.hazard)
def test_a_line_names_tests_that_there_are(line: Hazard) -> None:
    assert line.tests
    for test in line.tests:
        path, _, name = test.partition("::")
        assert name in names_in((ROOT / "tests" / path).read_text()), test


def names_in(source: str) -> set[str]:
    """The tests a module defines, in classes or outside, and the names it gives to machines."""
    defined = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assigned = {
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in defined | assigned if name.startswith(("test_", "Test"))}


def results(*cases: str) -> str:
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def case(test: str, inner: str = "") -> str:
    path, _, name = test.partition("::")
    module = "tests." + path.removesuffix(".py").replace("/", ".")
    return f'<testcase classname="{module}" name="{name}[x]" time="1.5">{inner}</testcase>'


def report_of(*cases: str) -> str:
    return as_markdown(read_results(results(*cases)), commit="abc1234", made_at=datetime(2026, 3, 2, 12, tzinfo=UTC))


def test_a_line_holds_when_every_test_of_it_ran_and_passed() -> None:
    assert report_of().count("**no**") == len(HAZARDS), "what did not run holds nothing"
    assert "**no**" not in report_of(*(case(test) for line in HAZARDS for test in line.tests))
    others = [test for line in HAZARDS for test in line.tests if test != TEST]
    broken = report_of(case(TEST, "<failure/>"), *map(case, others))
    assert broken.count("**no**") == 1
    assert f"| {HAZARDS[0].hazard} | **no** | 3 | 4.5 |" in broken


def test_figures_are_summed_and_stated_with_what_the_naive_variant_broke() -> None:
    def figures(**values: int) -> str:
        properties = "".join(f'<property name="{name}" value="{value}"/>' for name, value in values.items())
        return f"<properties>{properties}</properties>"

    twice = [case(TEST, figures(injected=3, naive_broken=2, naive_runs=5))] * 2
    assert "| 6 injected, naive variants broken in 4 of 10 runs |" in report_of(*twice)
    assert "| 5 injected, ours 0 |" in report_of(case(TEST, figures(injected=5)))
    both = case(TEST, figures(injected=50)), case(TEST, figures(in_memory=1_000))
    assert "| 50 injected, and 1,000 in memory, ours 0 |" in report_of(*both)
    assert "| 5 injected, ours 1 |" in report_of(case(TEST, figures(injected=5)), case(TEST, "<failure/>"))
    assert "Commit abc1234, seed 1, made at 2026-03-02 12:00 UTC" in report_of()
