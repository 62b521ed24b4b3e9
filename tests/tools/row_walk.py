"""The modules and names that the bytes of a chunk pass, found in the syntax trees: an estimate, not a proof.

The walk starts at one parameter of a function and follows every local name that its value, or a part of it, is bound
to: directly, as an attribute or item, in a container, or as the result of a method or of a function that received it.
Arithmetic, comparisons, counts and NumPy's functions make new values (positions, masks), which are not followed. A call
with a followed argument, or on a followed object, leads into the function: the parameters that receive followed values
are followed there, and its module counts as visited; so does the module of a class that is made from them. Types are
not inferred: a method or property is found by its name among the classes of the modules in `shared` that the start
imports, directly or not, and a function passed as an argument counts as called with followed values.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.tools.source_tree import Module, SourceTree

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_NEW_VALUES: Final = frozenset({"len", "int", "float", "bool", "any", "all", "range", "isinstance"})
_SAME_VALUES: Final = frozenset({"array", "asarray", "frombuffer"})
START: Final = ("shared/scoring/chunk.py", "score_chunk", "data")


@dataclass(frozen=True, slots=True)
class Walk:
    """What was visited: paths of modules, functions as `(path, name)`, followed names as `(path, function, name)`."""

    modules: frozenset[str]
    functions: frozenset[tuple[str, str]]
    names: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A function or class of a module, with the class of a method."""

    module: Module
    node: _Function | ast.ClassDef
    owner: str = ""

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.node.name}" if self.owner else self.node.name


def walk_row(tree: SourceTree, start: tuple[str, str, str] = START) -> Walk:
    """Follows a parameter of a function through the tree. Raises LookupError when there is no such parameter."""
    path, function, parameter = start
    if path not in tree.by_path:
        raise LookupError(f"there is no {path}")
    walker = _Walker(tree, tree.by_path[path])
    place = walker.places.get((path, function))
    if place is None or not isinstance(place.node, _Function) or parameter not in _parameters(place.node):
        raise LookupError(f"{path} has no function {function} with a parameter {parameter}")
    walker.follow(place, {parameter})
    names = {(path, name, local) for (path, name), locals_ in walker.followed.items() for local in locals_ - {"self"}}
    return Walk(frozenset(walker.visited), frozenset(walker.followed), frozenset(names))


@dataclass
class _Walker:
    tree: SourceTree
    start: Module
    followed: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        reachable = [self.start]
        for module in reachable:
            targets = dict.fromkeys(one.target for one in self.tree.imports(module))
            reachable += [one for one in targets if one.path.parts[0] == "shared" and one not in reachable]
        self.imports = {str(module.path): {one.alias: one for one in self.tree.imports(module)} for module in reachable}
        found = list(_places(reachable))
        self.places: Mapping[tuple[str, str], _Place] = {(str(one.module.path), one.name): one for one in found}
        self.methods: dict[str, list[_Place]] = {}
        for place in found:
            if place.owner:
                self.methods.setdefault(place.node.name, []).append(place)

    def follow(self, place: _Place, parameters: set[str]) -> None:
        """Follows some parameters of a function; returns at once when all of them were followed there before."""
        key = (str(place.module.path), place.name)
        known = self.followed.setdefault(key, set())
        self.visited.add(key[0])
        if parameters <= known and known:
            return
        known |= parameters
        _spread(place.node, known)
        for node in ast.walk(place.node):
            if isinstance(node, ast.Call):
                self._call(place.module, node, known)
            elif isinstance(node, ast.Attribute) and _has_followed(node.value, known):
                for callee in self.methods.get(node.attr, []):
                    if _is_property(callee.node):
                        self.follow(callee, {"self"})

    def _call(self, module: Module, call: ast.Call, known: set[str]) -> None:
        arguments = _arguments(call)
        receiver = isinstance(call.func, ast.Attribute) and _has_followed(call.func.value, known)
        if not receiver and not any(_has_followed(argument, known) for argument in arguments):
            return
        for callee in self._callees(module, call.func):
            self._enter(callee, call, known, receiver=receiver)
        for argument in arguments:
            if isinstance(argument, ast.Name):
                for callee in self._callees(module, argument):
                    if isinstance(callee.node, _Function):
                        self.follow(callee, set(_parameters(callee.node)))

    def _callees(self, module: Module, called: ast.expr) -> list[_Place]:
        path, imports = str(module.path), self.imports[str(module.path)]
        if isinstance(called, ast.Name):
            one = imports.get(called.id)
            key = (str(one.target.path), one.name) if one else (path, called.id)
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in imports:
            one = imports[called.value.id]
            key = (str(one.target.path), called.attr if not one.name else f"{one.name}.{called.attr}")
        elif isinstance(called, ast.Attribute) and (path, ast.unparse(called)) in self.places:
            key = (path, ast.unparse(called))
        elif isinstance(called, ast.Attribute):
            return self.methods.get(called.attr, [])
        else:
            return []
        return [self.places[key]] if key in self.places else []

    def _enter(self, callee: _Place, call: ast.Call, known: set[str], *, receiver: bool) -> None:
        node = callee.node
        if isinstance(node, ast.ClassDef):
            path = str(callee.module.path)
            if not node.name.endswith("Error"):
                self.visited.add(path)
            if (path, f"{node.name}.__init__") in self.places:
                self._enter(self.places[path, f"{node.name}.__init__"], call, known, receiver=True)
            return
        parameters = _parameters(node)
        bound = set(parameters[:1]) if receiver and callee.owner else set()
        positional = parameters[1:] if callee.owner else parameters
        pairs = [*zip(positional, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)]
        bound |= {name for name, value in pairs if name in parameters and _has_followed(value, known)}
        if bound:
            self.follow(callee, bound)


def _places(modules: Iterable[Module]) -> Iterator[_Place]:
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, _Function | ast.ClassDef):
                yield _Place(module, node)
            if isinstance(node, ast.ClassDef):
                yield from (_Place(module, part, node.name) for part in node.body if isinstance(part, _Function))


def _is_property(node: ast.AST) -> bool:
    decorators = node.decorator_list if isinstance(node, _Function) else []
    return any(isinstance(one, ast.Name) and one.id in {"property", "cached_property"} for one in decorators)


def _spread(node: ast.AST, known: set[str]) -> None:
    """Adds the local names that are bound to something followed, until none is left."""
    size = 0
    while size != len(known):
        size = len(known)
        for part in ast.walk(node):
            for target, value in _bindings(part):
                if _has_followed(value, known):
                    names = (part for part in ast.walk(target) if isinstance(part, ast.Name))
                    known |= {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _bindings(part: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    match part:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
            yield target, value
        case ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield target, value
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            yield target, value


def _has_followed(node: ast.AST, known: set[str]) -> bool:
    """Whether an expression has the followed value or a part of it as its value or inside it."""
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.Attribute(attr="size" | "shape" | "dtype"):
            parts: list[ast.AST] = []
        case ast.Compare() | ast.BinOp() | ast.UnaryOp() | ast.Lambda():
            parts = []
        case ast.Call(func=called):
            parts = [] if _makes_new_value(called) else [called, *_arguments(node)]
        case ast.Subscript(value=value) | ast.DictComp(value=value):
            parts = [value]
        case ast.ListComp(elt=value) | ast.SetComp(elt=value) | ast.GeneratorExp(elt=value):
            parts = [value]
        case ast.IfExp(body=body, orelse=other):
            parts = [body, other]
        case _:
            parts = list(ast.iter_child_nodes(node))
    return any(_has_followed(part, known) for part in parts)


def _makes_new_value(called: ast.expr) -> bool:
    match called:
        case ast.Name(id=name):
            return name in _NEW_VALUES
        case ast.Attribute(value=ast.Name(id="np"), attr=name):
            return name not in _SAME_VALUES
        case _:
            return False


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _parameters(node: _Function) -> list[str]:
    spec = node.args
    return [argument.arg for argument in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]]
