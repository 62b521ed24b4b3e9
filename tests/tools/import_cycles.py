"""Import cycles between files, and between folders at every level.

Imports that exist for types alone, or are made inside functions, count: a reader follows them too. At each level the
children of a folder (its files and its folders) are compared: one child imports another when any file in it imports
any file in the other. So `a/x.py → b/y.py` and `b/z.py → a/w.py` make a cycle of the folders `a` and `b`, though no
file is in a cycle. An import of a module is not an import of the `__init__.py` of its folders, which are empty here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.tools.source_tree import SourceTree


@dataclass(frozen=True, slots=True)
class Edge:
    """One import statement: the importing file, its line and the imported file."""

    source: PurePosixPath
    line: int
    target: PurePosixPath

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


@dataclass(frozen=True, slots=True)
class Cycle:
    """Files or folders that import each other in this order, the last the first, each with an import that does it."""

    members: tuple[str, ...]
    edges: tuple[Edge, ...]

    def __str__(self) -> str:
        return f"{' → '.join([*self.members, self.members[0]])} ({'; '.join(map(str, self.edges))})"


def file_cycles(tree: SourceTree) -> list[Cycle]:
    """Returns a shortest cycle of files for each group of files that import each other."""
    return _cycles({(str(edge.source), str(edge.target)): edge for edge in edges(tree)})


def folder_cycles(tree: SourceTree) -> list[Cycle]:
    """Returns a shortest cycle with a folder in it for each group of siblings that import each other, at each level."""
    levels: dict[PurePosixPath, dict[tuple[str, str], Edge]] = {}
    for edge in edges(tree):
        here = next(parent for parent in edge.source.parents if parent in edge.target.parents)
        end = len(here.parts) + 1
        source, target = (str(PurePosixPath(*path.parts[:end])) for path in (edge.source, edge.target))
        levels.setdefault(here, {}).setdefault((source, target), edge)
    found = [cycle for here in sorted(levels) for cycle in _cycles(levels[here])]
    return [cycle for cycle in found if any(not member.endswith(".py") for member in cycle.members)]


def edges(tree: SourceTree) -> list[Edge]:
    """Returns the imports between different files, the first of each pair."""
    found: dict[tuple[PurePosixPath, PurePosixPath], Edge] = {}
    for module in tree.modules:
        for one in tree.imports(module):
            if one.target.path != module.path:
                pair = (module.path, one.target.path)
                found.setdefault(pair, Edge(module.path, one.line, one.target.path))
    return list(found.values())


def _cycles(graph: Mapping[tuple[str, str], Edge]) -> list[Cycle]:
    """Returns a shortest cycle through the first node of each group that is connected both ways."""
    targets: dict[str, list[str]] = {}
    for source, target in sorted(graph):
        targets.setdefault(source, []).append(target)
    cycles: list[Cycle] = []
    covered: set[str] = set()
    for node in sorted(targets):
        path = None if node in covered else _shortest_cycle(node, targets)
        if path is not None:
            covered |= {other for other in targets if _reaches(node, other, targets) and _reaches(other, node, targets)}
            steps = zip(path, [*path[1:], path[0]], strict=True)
            cycles.append(Cycle(tuple(path), tuple(graph[step] for step in steps)))
    return cycles


def _shortest_cycle(start: str, targets: Mapping[str, Iterable[str]]) -> list[str] | None:
    paths = [[start]]
    seen: set[str] = set()
    for path in paths:
        for target in targets.get(path[-1], ()):
            if target == start:
                return path
            if target not in seen:
                seen.add(target)
                paths.append([*path, target])
    return None


def _reaches(start: str, end: str, targets: Mapping[str, Iterable[str]]) -> bool:
    found = [start]
    for node in found:
        found += [target for target in targets.get(node, ()) if target not in found]
    return end in found
