"""`python -m tests.tools.hazards.report [PATH]`: run what the register names and say in Markdown what was found."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.project import ROOT
from tests.tools.hazards.register import HAZARDS, Hazard

# Every run of the suite draws its examples from the same seed, so that a report can be made again.
SEED = 1


@dataclass
class Found:
    """What the runs of one test found: how many passed of how many, in how long, with which figures."""

    passed: int = 0
    ran: int = 0
    seconds: float = 0.0
    figures: dict[str, int] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Run and write; the exit code of the tests."""
    with TemporaryDirectory() as folder:
        written = Path(folder) / "results.xml"
        paths = sorted({f"tests/{test.partition('::')[0]}" for line in HAZARDS for test in line.tests})
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup"),
            *("-o", "junit_family=xunit1", f"--junitxml={written}", f"--hypothesis-seed={SEED}"),
            *paths,
        ]
        done = subprocess.run(command, cwd=ROOT, check=False, stdout=sys.stderr)  # noqa: S603  our own tests
        found = read_results(written.read_text())
    text = as_markdown(found, commit=_commit(), made_at=datetime.now(UTC))
    if arguments:
        Path(arguments[0]).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments[0]).write_text(text)
    else:
        sys.stdout.write(text)
    return done.returncode


def read_results(xml: str) -> dict[str, Found]:
    """What pytest found, by the register's names of tests."""
    found: dict[str, Found] = {}
    for case in ET.fromstring(xml).iter("testcase"):  # noqa: S314  pytest wrote it
        module, *classes = case.get("classname", "").removeprefix("tests.").split(".Test")
        path = f"{module.replace('.', '/')}.py"
        names = {case.get("name", "").partition("[")[0], *(f"Test{name}" for name in classes)}
        for name in names:
            one = found.setdefault(f"{path}::{name}", Found())
            one.ran += 1
            one.passed += all(case.find(fault) is None for fault in ("failure", "error", "skipped"))
            one.seconds += float(case.get("time", 0))
            for prop in case.iter("property"):
                figure = str(prop.get("name"))
                one.figures[figure] = one.figures.get(figure, 0) + int(str(prop.get("value")))
    return found


def as_markdown(found: dict[str, Found], *, commit: str, made_at: datetime) -> str:
    """The report."""
    lines = [
        "# Hazard report",
        "",
        f"Commit {commit}, seed {SEED}, made at {made_at:%Y-%m-%d %H:%M} UTC. A line holds if every test of it passed.",
    ]
    subject = ""
    for line in HAZARDS:
        if line.subject != subject:
            subject = line.subject
            lines += ["", f"## {subject}", "", "| What | Holds | Cases | Seconds | Figures |", "|---|---|---|---|---|"]
        lines.append(_row(line, [found.get(test, Found()) for test in line.tests]))
    return "\n".join(lines) + "\n"


def _row(line: Hazard, found: Sequence[Found]) -> str:
    holds = all(one.ran and one.passed == one.ran for one in found)
    cases = sum(one.ran for one in found)
    seconds = sum(one.seconds for one in found)
    figures = "; ".join(text for one in found if (text := _figures(one)))
    return f"| {line.hazard} | {'yes' if holds else '**no**'} | {cases} | {seconds:.1f} | {figures} |"


def _figures(found: Found) -> str:
    """What the test recorded: `N injected, ours 0`, or of variants made to break in how many of their runs they did."""
    figures = found.figures
    if "naive_runs" in figures:
        broken = f"{figures['naive_broken']:,} of {figures['naive_runs']:,} runs"
        return f"{figures['injected']:,} injected, naive variants broken in {broken}"
    in_memory = f", and {figures['in_memory']:,} in memory" if "in_memory" in figures else ""
    return f"{figures.get('injected', 0):,} injected{in_memory}, ours {found.ran - found.passed}" if figures else ""


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
