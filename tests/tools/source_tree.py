"""The Python files of the project as syntax trees, and what each imports from the others. Nothing is executed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

FOLDERS: Final = ("shared", "functions", "infra")


@dataclass(frozen=True)
class Module:
    """A Python file: `path` is relative to the checkout, `name` as other modules import it."""

    path: PurePosixPath
    name: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.source, str(self.path))

    @property
    def lines(self) -> int:
        """Lines of text, blank ones included."""
        return self.source.count("\n")

    @property
    def is_package(self) -> bool:
        """Whether this is the `__init__.py` of a folder."""
        return self.path.name == "__init__.py"


@dataclass(frozen=True, slots=True)
class Import:
    """A module of the project that a statement imports; `name` is what is taken from it under the name `alias`.

    `name` is empty when the module itself is imported.
    """

    target: Module
    name: str
    alias: str
    line: int


class SourceTree:
    """The modules of some folders below a root, by path and by name."""

    def __init__(self, root: Path, folders: tuple[str, ...] = FOLDERS) -> None:
        found = (path for folder in folders for path in (root / folder).rglob("*.py"))
        # The client has a link to a file of `shared`, which is one file.
        paths = sorted(path for path in found if not path.is_symlink())
        self.modules = [_module(root, path) for path in paths if "node_modules" not in path.parts]
        self.by_name = {module.name: module for module in self.modules}
        self.by_path = {str(module.path): module for module in self.modules}
        self._imports: dict[str, list[Import]] = {}

    def imports(self, module: Module) -> list[Import]:
        """Returns every import of a module of the project, those for types alone and inside functions included."""
        path = str(module.path)
        if path not in self._imports:
            self._imports[path] = list(self._imports_of(module))
        return self._imports[path]

    def _imports_of(self, module: Module) -> Iterator[Import]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                for name in node.names:
                    if name.name in self.by_name:
                        yield Import(self.by_name[name.name], "", name.asname or name.name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                package = self._package(module, node)
                for name in node.names:
                    alias = name.asname or name.name
                    if f"{package}.{name.name}" in self.by_name:
                        yield Import(self.by_name[f"{package}.{name.name}"], "", alias, node.lineno)
                    elif package in self.by_name:
                        yield Import(self.by_name[package], name.name, alias, node.lineno)

    @staticmethod
    def _package(module: Module, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        steps = module.name.split(".")
        base = steps[: len(steps) - node.level + module.is_package]
        return ".".join([*base, *([node.module] if node.module else [])])


def _module(root: Path, path: Path) -> Module:
    # A folder with a pyproject.toml of its own is a distribution, whose modules are named from there.
    start = next((parent for parent in path.parents if (parent / "pyproject.toml").exists() or parent == root), root)
    steps = path.relative_to(start).with_suffix("").parts
    if start != root and steps[0] == "src":
        steps = steps[1:]
    name = ".".join(steps[:-1] if steps[-1] == "__init__" else steps)
    return Module(PurePosixPath(path.relative_to(root).as_posix()), name, path.read_text(encoding="utf-8"))
