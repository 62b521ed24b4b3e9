"""`python -m tests.tools.layout [-v]`: prints the figures of the layout and checks its gates.

A broken gate makes the exit code 1. Figures are reported and never fail: a number alone can be met
by gluing files together. With `-v`, long and short files, the modules a row's bytes pass and public names are listed.
"""

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.project import ROOT
from tests.tools.avoided_words import count_avoided
from tests.tools.declarations import declarations, repeated
from tests.tools.import_cycles import file_cycles, folder_cycles
from tests.tools.row_walk import walk_row
from tests.tools.source_tree import Module, SourceTree

LONG_FILE: Final = 300
SHORT_FILE: Final = 40
LONGEST_HANDLER: Final = 15
ENGINES: Final = ("shared/delimited", "shared/workbook")


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule of the layout and the places that break it."""

    rule: str
    broken: tuple[str, ...]

    def __str__(self) -> str:
        return "\n      ".join(
            [f"{self.rule}: {f'BROKEN {len(self.broken)} times' if self.broken else 'holds'}", *self.broken]
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is reported, and what it counts."""

    name: str
    number: int
    counted: tuple[str, ...] = ()

    def text(self, *, verbose: bool) -> str:
        """Returns the line of the figure and, if verbose, a line for each thing counted."""
        return "\n      ".join([f"{self.name}: {self.number:,}", *(self.counted if verbose else ())])


def gates(root: Path) -> list[Gate]:
    """Checks the rules on the code below a root."""
    tree, code = SourceTree(root), SourceTree(root, ("shared", "functions"))
    return [
        Gate("no import cycle between files", tuple(map(str, file_cycles(tree)))),
        Gate("no import cycle between folders", tuple(map(str, folder_cycles(tree)))),
        Gate(
            "each JSON body declared once",
            tuple(f"{one} and {other}" for one, other in repeated(declarations(code))),
        ),
        Gate(
            f"handler functions have at most {LONGEST_HANDLER} lines",
            _long_functions(code, are_handlers=True),
        ),
    ]


def figures(root: Path) -> list[Figure]:
    """Counts what is reported of the code below a root. Raises LookupError when there is no `score_chunk`."""
    tree = SourceTree(root, ("shared", "functions"))
    files = [module for module in tree.modules if not module.is_package]
    long = tuple(f"{module.path}, {module.lines} lines" for module in files if module.lines > LONG_FILE)
    short = tuple(f"{module.path}, {module.lines} lines" for module in files if module.lines < SHORT_FILE)
    others = _long_functions(tree, are_handlers=False)
    walk = walk_row(tree)
    found = [
        Figure("modules in shared and functions", len(files)),
        Figure("lines in shared and functions", sum(module.lines for module in tree.modules)),
        Figure(f"files over {LONG_FILE} lines", len(long), long),
        Figure(f"files under {SHORT_FILE} lines", len(short), short),
        Figure(f"other functions of handler modules over {LONGEST_HANDLER} lines", len(others), others),
        Figure("modules that a row's bytes pass (estimate)", len(walk.modules), tuple(sorted(walk.modules))),
        Figure("local names on that way (estimate)", len({name for *_, name in walk.names})),
    ]
    for package in ENGINES:
        if any(str(module.path).startswith(f"{package}/") for module in tree.modules):
            names = public_names(tree, package)
            found.append(Figure(f"public names and methods of {package}", len(names), names))
    avoided = count_avoided(root)
    by_file = Counter(path for (path, _), times in avoided.items() for _ in range(times))
    listed = tuple(f"{path}, {times} times" for path, times in by_file.most_common())
    found.append(Figure("avoided words in code, tests and documents", avoided.total(), listed))
    return found


def body_lines(module: Module, node: ast.FunctionDef) -> int:
    """Counts the lines of a function's body that are not blank: neither signature, decorators nor docstring."""
    first = node.body[0]
    start = first.lineno - 1 if ast.get_docstring(node) is None else first.end_lineno
    return sum(bool(line.strip()) for line in module.source.splitlines()[start : node.end_lineno])


def public_names(tree: SourceTree, package: str) -> tuple[str, ...]:
    """Returns the names that modules outside of a folder import from it, and the public methods of those classes."""
    inside = {str(module.path) for module in tree.modules if str(module.path).startswith(f"{package}/")}
    imports = {
        (str(one.target.path), one.name)
        for module in tree.modules
        if str(module.path) not in inside
        for one in tree.imports(module)
        if str(one.target.path) in inside
    }
    names = {f"{path}: {name or '(the module)'}" for path, name in imports}
    for path, name in imports:
        for node in tree.by_path[path].tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                names |= {f"{path}: {name}.{part.name}" for part in _functions(node.body) if part.name[0] != "_"}
    return tuple(sorted(names))


def _long_functions(tree: SourceTree, *, are_handlers: bool) -> tuple[str, ...]:
    """Lists the functions of handler modules that are too long: those that Lambda calls, or the others."""
    return tuple(
        f"{module.path}:{node.lineno} {node.name}, {lines} lines"
        for module in tree.modules
        if module.path.match("functions/*/handler.py")
        for node in _functions(module.tree.body)
        if (node.name == "handler") == are_handlers and (lines := body_lines(module, node)) > LONGEST_HANDLER
    )


def _functions(body: Sequence[ast.stmt]) -> Iterator[ast.FunctionDef]:
    return (node for node in body if isinstance(node, ast.FunctionDef))


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Prints gates and figures; returns 1 when a gate is broken."""
    parser = argparse.ArgumentParser(prog="layout", description="Check the layout of the code.")
    parser.add_argument("-v", "--verbose", action="store_true")
    verbose = parser.parse_args(arguments).verbose
    checked = gates(root)
    lines = ["Gates", *(f"  {gate}" for gate in checked), "Figures"]
    lines += [f"  {figure.text(verbose=verbose)}" for figure in figures(root)]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(any(gate.broken for gate in checked))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
