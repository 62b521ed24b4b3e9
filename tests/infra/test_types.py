"""mypy reads exactly those modules of aws_cdk that the stack imports."""

import ast
import tomllib
from pathlib import Path

from infra.project import ROOT


def imported(path: Path) -> set[str]:
    """Returns the modules of aws_cdk that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "aws_cdk":
            found.add(str(node.module))
            found |= {f"aws_cdk.{alias.name}" for alias in node.names if alias.name.startswith("aws_")}
    return found


def test_every_imported_module_of_aws_cdk_is_type_checked() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    (checked,) = (set(entry["module"]) for entry in overrides if entry.get("follow_imports") == "normal")
    files = [*(ROOT / "infra").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert set().union(*map(imported, files)) == checked
