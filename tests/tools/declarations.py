"""Classes that declare the fields of a JSON body, and those that declare the same body again.

A declaration is a `TypedDict`, a `NamedTuple`, a pydantic model or a dataclass with four or more fields in its own
body; inherited fields belong to the base. Two classes declare the same body when at least four fifths of the names in
either are in both. Settings classes hold the environment and do not count. Nor do dataclasses of the domain: it imports
no type of JSON, so its values are translated. A request body may have the fields of a response, since its own are
optional and have rules.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath
from typing import Final

from tests.tools.source_tree import Module, SourceTree

MIN_FIELDS: Final = 4
SAME_FROM: Final = 0.8
_DOMAIN: Final = PurePosixPath("shared/jobs")
_REQUEST_DECORATOR: Final = "without_more_fields"
_BASES: Final = frozenset({"TypedDict", "NamedTuple", "BaseModel"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """A class and the fields that its own body declares."""

    path: PurePosixPath
    line: int
    name: str
    fields: frozenset[str]
    is_request: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"


def repeated(declarations: Iterable[Declaration]) -> list[tuple[Declaration, Declaration]]:
    """Returns the pairs that declare the same body."""
    return [
        (one, other)
        for one, other in combinations(declarations, 2)
        if one.is_request == other.is_request
        and len(one.fields & other.fields) >= SAME_FROM * len(one.fields | other.fields)
    ]


def declarations(tree: SourceTree) -> list[Declaration]:
    """Returns all declarations of a tree, in the order of its modules."""
    return [
        Declaration(module.path, node.lineno, node.name, fields, _is_request(node))
        for module in tree.modules
        for node in _classes(module)
        if not node.name.endswith("Settings") and (_is_dataclass(module, node) or _is_model(tree, module, node))
        if len(fields := frozenset(_fields(node))) >= MIN_FIELDS
    ]


def _classes(module: Module) -> Iterator[ast.ClassDef]:
    return (node for node in module.tree.body if isinstance(node, ast.ClassDef))


def _is_model(tree: SourceTree, module: Module, node: ast.ClassDef) -> bool:
    """Whether a class derives from a base of declarations, directly or through classes of the project."""
    names = {_name(base) for base in node.bases}
    if names & _BASES:
        return True
    imported = {one.alias: one for one in tree.imports(module) if one.alias in names}
    return any(
        _is_model(tree, source, base)
        for name in names
        for source in [imported[name].target if name in imported else module]
        for base in _classes(source)
        if base.name == (imported[name].name if name in imported else name) and base is not node
    )


def _is_request(node: ast.ClassDef) -> bool:
    return any(_name(decorator) == _REQUEST_DECORATOR for decorator in node.decorator_list)


def _is_dataclass(module: Module, node: ast.ClassDef) -> bool:
    return _DOMAIN not in module.path.parents and any(
        _name(decorator) == "dataclass" for decorator in node.decorator_list
    )


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if _name(annotation) != "ClassVar":
                yield name


def _name(node: ast.expr) -> str:
    """Returns the last name of an expression like `a.b[c](d)`: `b`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
