"""Every hazard of the register has a test that is marked with it, and the report states the results of these tests."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from infra.project import ROOT
from tests.tools.hazards.register import HAZARDS
from tests.tools.hazards.report import Case, as_markdown

ALL_HAZARDS = [hazard for hazards in HAZARDS.values() for hazard in hazards]
HAZARD = ALL_HAZARDS[0]


def marked_hazards(path: Path) -> Iterator[str]:
    """Returns the sentences of the hazard markers of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.hazard":
            yield ast.literal_eval(node.args[0])


def test_hazards_and_markers_match() -> None:
    marked = {hazard for path in (ROOT / "tests").rglob("test_*.py") for hazard in marked_hazards(path)}
    assert marked == set(ALL_HAZARDS)
    assert len(set(ALL_HAZARDS)) == len(ALL_HAZARDS)


def case(hazard: str, *, test: str = "test_a", passed: bool = True, **figures: int) -> Case:
    return Case(test=test, passed=passed, seconds=1.5, properties=[("hazard", hazard), *figures.items()])


def report_of(*cases: Case) -> str:
    return as_markdown(cases, commit="abc1234", seed="1", made_at=datetime(2026, 3, 2, 12, tzinfo=UTC))


def test_hazard_is_held_when_its_tests_ran_and_passed() -> None:
    assert report_of().count("**no**") == len(ALL_HAZARDS), "what did not run holds nothing"
    assert "**no**" not in report_of(*map(case, ALL_HAZARDS))
    broken = report_of(*map(case, ALL_HAZARDS), case(HAZARD, test="test_b", passed=False))
    assert broken.count("**no**") == 1
    assert f"| {HAZARD} | `test_a`<br>`test_b` | **no** | 2 | 3.0 |  |" in broken


def test_report_sums_figures_and_states_how_often_naive_variants_broke() -> None:
    twice = [case(HAZARD, injected=3, naive_broken=2, naive_runs=5)] * 2
    assert "| 6 injected, naive variants broken in 4 of 10 runs |" in report_of(*twice)
    assert "| 5 injected, ours 0 |" in report_of(case(HAZARD, injected=5))
    both = case(HAZARD, injected=50), case(HAZARD, in_memory=1_000)
    assert "| 50 injected, and 1,000 in memory, ours 0 |" in report_of(*both)
    assert "| 5 injected, ours 1 |" in report_of(case(HAZARD, injected=5), case(HAZARD, passed=False))
    two_tests = case(HAZARD, injected=5), case(HAZARD, test="test_b", injected=7)
    assert "| 5 injected, ours 0; 7 injected, ours 0 |" in report_of(*two_tests)
    assert "Commit abc1234, seed 1, made at 2026-03-02 12:00 UTC" in report_of()


MODULE = f"""
import pytest

@pytest.mark.hazard({HAZARD!r})
@pytest.mark.hazard({ALL_HAZARDS[1]!r})
@pytest.mark.parametrize("letter", "ab")
def test_both(letter, record_property):
    record_property("injected", 4)

@pytest.mark.hazard({ALL_HAZARDS[1]!r})
@pytest.mark.xdist_group("one")
def test_failing():
    raise AssertionError

def test_unmarked():
    raise AssertionError
"""


def test_plugin_reports_what_workers_ran(tmp_path: Path) -> None:
    (tmp_path / "test_module.py").write_text(MODULE)
    written = tmp_path / "build" / "report.md"
    command = [
        *(sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-n", "1", "--dist", "loadgroup"),
        *("-m", "hazard", "--hypothesis-seed=1", "-p", "tests.tools.hazards.report", "--hazard-report", str(written)),
        *("-p", "no:cacheprovider", str(tmp_path)),
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603  our own plugin
    assert done.returncode == 1, done.stdout + done.stderr
    rows = {row.split(" | ")[0]: row.split(" | ")[1:] for row in written.read_text().splitlines()}
    assert "seed 1," in written.read_text()
    tests, held, cases, _, figures = rows[f"| {HAZARD}"]
    assert (tests, held, cases, figures) == ("`test_both`", "yes", "2", "8 injected, ours 0 |")
    assert rows[f"| {ALL_HAZARDS[1]}"][:3] == ["`test_both`<br>`test_failing`", "**no**", "3"]
