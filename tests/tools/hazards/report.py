"""The pytest plugin of `make report`: writes the results of the tests marked with a hazard as Markdown."""

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.project import ROOT
from tests.tools.hazards.register import HAZARDS


@dataclass(frozen=True)
class Case:
    """One run of one test: its name without parameters, how long it took, and the hazards and figures it recorded."""

    test: str
    passed: bool
    seconds: float
    properties: Sequence[tuple[str, object]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--hazard-report", type=Path, required=True, help="the file to write the hazard report to")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(HazardReport(config.option.hazard_report, seed=config.option.hypothesis_seed))


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    # A worker of pytest-xdist sends the properties of a test with its report, and not its markers.
    for item in items:
        item.user_properties += [("hazard", marker.args[0]) for marker in item.iter_markers("hazard")]


class HazardReport:
    """Keeps the reports of every test (setup, call, teardown) and writes the file at the end of the session."""

    def __init__(self, path: Path, *, seed: str) -> None:
        self._path = path
        self._seed = seed
        self._reports: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports[report.nodeid].append(report)

    def pytest_sessionfinish(self) -> None:
        cases = [
            Case(
                # "tests/x.py::TestY::test_z[parameters]@group", the group being pytest-xdist's
                test=re.split(r"[\[@]", nodeid.partition("::")[2])[0],
                passed=all(report.passed for report in reports),
                seconds=sum(report.duration for report in reports),
                properties=max((report.user_properties for report in reports), key=len),
            )
            for nodeid, reports in self._reports.items()
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(as_markdown(cases, commit=_commit(), seed=self._seed, made_at=datetime.now(UTC)))


def as_markdown(cases: Sequence[Case], *, commit: str, seed: str, made_at: datetime) -> str:
    """Returns the report: a table for each subject, a line for each hazard."""
    lines = [
        "# Hazard report",
        "",
        f"Commit {commit}, seed {seed}, made at {made_at:%Y-%m-%d %H:%M} UTC. A hazard is held if its tests passed.",
    ]
    for subject, hazards in HAZARDS.items():
        lines += ["", f"## {subject}", ""]
        lines += ["| Hazard | Tests | Held | Cases | Seconds | Figures |", "|---|---|---|---|---|---|"]
        lines += [_row(hazard, [case for case in cases if ("hazard", hazard) in case.properties]) for hazard in hazards]
    return "\n".join(lines) + "\n"


def _row(hazard: str, cases: Sequence[Case]) -> str:
    by_test: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_test[case.test].append(case)
    is_held = bool(cases) and all(case.passed for case in cases)
    seconds = sum(case.seconds for case in cases)
    figures = "; ".join(text for of_test in by_test.values() if (text := _figures(of_test)))
    tests = "<br>".join(f"`{test}`" for test in sorted(by_test))
    return f"| {hazard} | {tests} | {'yes' if is_held else '**no**'} | {len(cases)} | {seconds:.1f} | {figures} |"


def _figures(cases: Sequence[Case]) -> str:
    """Returns what the cases of a test recorded: the faults injected, and how often ours or naive variants broke."""
    figures: Counter[str] = Counter()
    for case in cases:
        figures.update({name: value for name, value in case.properties if isinstance(value, int)})
    if "naive_runs" in figures:
        broken = f"{figures['naive_broken']:,} of {figures['naive_runs']:,} runs"
        return f"{figures['injected']:,} injected, naive variants broken in {broken}"
    in_memory = f", and {figures['in_memory']:,} in memory" if "in_memory" in figures else ""
    failed = sum(not case.passed for case in cases)
    return f"{figures['injected']:,} injected{in_memory}, ours {failed}" if figures else ""


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
