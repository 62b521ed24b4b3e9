"""Lists which test runs each command of the README."""

import re
from typing import Final

from infra.project import ROOT

README: Final = (ROOT / "README.md").read_text()

BY_CI: Final = frozenset({"check", "demo", "test"})
BY_THE_SUITE: Final = frozenset({"deploy", "destroy"})
"""In test_deploy.py, against the local cloud."""

IN_A_CLONE: Final = {
    "make": r"make demo",
    "make synth": "",
    "make snapshot": "",
    "make openapi": "",
    'make demo FILES="../companies.csv"': r"companies\.csv",
    "python3 -m venv ../installed && ../installed/bin/pip install -q ./shared/client "
    "&& ../installed/bin/default-risk --help": "upload",
    "make bench ARGS=listing": r"read units",
    'make soak ARGS="--collect-only -q"': r"soak_commands\.py",
    "make train DATA=../own.csv "
    "ARGS=\"--out my-models --name 'Own' --training-until 2010 --calibration-until 2014\"": "",
    # A mirror of PyPI may not know about vulnerabilities; the command then fails and says so.
    "make audit || test -s build/sbom.json": r"No known vulnerabilities|could not be audited",
    "make lock": "",
    "make vendor": "",
    "make report": "",
    'make stress ARGS="--jobs 5 --files 2 --rows 5000"': "MiB",
    "make screenshots": "",
}
"""In soak_commands.py: the command, and what its output says."""

IN_THE_SESSION: Final = frozenset({"local", "local-env", "local-stop"})
"""There too, in the session with curl."""


def curl_session() -> list[str]:
    """Returns the lines of the README's curl session."""
    (block,) = [block for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) if "curl" in block]
    lines: list[str] = block.strip().split("\n")
    return lines


def targets(text: str) -> set[str]:
    """Returns the make targets that a text contains in commands."""
    return set(re.findall(r"(?:`|^|\()make (?:-s )?([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE))
