"""`python -m tests.tools.compare_openapi OLD NEW`: compares two OpenAPI documents by what a client can observe.

Ignored: titles, descriptions, operation ids, names of components, components without a reference to them, key order.
A property that is *named* `title` is compared, and so are summaries. References are followed instead of compared, so
that a renamed, merged or inlined component is no difference. Examples, defaults and extensions (`x-…`) are data and
compared as they are. The order of arrays counts, except for `required`, `enum` and `type`, sets in JSON Schema.

Prints each difference with its JSON pointer (references followed) and both values. A component that several places use
is compared once, so that a difference in it is printed for the first of them.
Exit codes: 0 equal, 1 different, 2 misuse.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

IGNORED: Final = frozenset({"title", "description", "operationId", "components", "$defs"})
SETS: Final = frozenset({"required", "enum", "type"})
ABSENT: Final = "(absent)"
_LONGEST_VALUE: Final = 300


class Kind(StrEnum):
    """How the keys of an object are read."""

    KEYWORDS = "keywords of the specification"
    NAMES = "names that the document chooses, each with an object of keywords"
    REFERENCES = "names that the document chooses, each with the text of a reference"
    DATA = "data"


# The kinds of keywords' values; those of all other keywords are objects with keywords again. `examples` is missing: it
# is an array of data in a schema and an object with names elsewhere.
_KINDS: Final = {
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), Kind.NAMES),
    **dict.fromkeys(("responses", "headers", "links", "callbacks", "webhooks", "encoding", "variables"), Kind.NAMES),
    **dict.fromkeys(("default", "const", "enum", "example", "value", "dependentRequired"), Kind.DATA),
    "mapping": Kind.REFERENCES,
}


class DocumentError(Exception):
    """The document is not readable, or a reference in it leads nowhere."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two unequal values at a JSON pointer; an absent one is `ABSENT`, the others are JSON text."""

    pointer: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}\n  old: {_shortened(self.old)}\n  new: {_shortened(self.new)}"


@dataclass(frozen=True, slots=True)
class Document:
    """An OpenAPI document whose references are resolved on demand, each always to the same object."""

    content: Any
    _resolved: dict[str, Any] = field(default_factory=dict)

    def resolve(self, node: Any) -> Any:
        """Returns `node`, or the target of its reference with the keywords next to the reference added."""
        if not isinstance(node, dict) or "$ref" not in node:
            return node
        text = _as_text(node)
        if text not in self._resolved:
            self._resolved[text] = self._target(node, seen=())
        return self._resolved[text]

    def _target(self, node: dict[str, Any], seen: tuple[str, ...]) -> Any:
        reference = node["$ref"]
        if reference in seen:
            raise DocumentError(f"reference {reference} leads to itself")
        target = self._at(reference)
        if isinstance(target, dict) and "$ref" in target:
            target = self._target(target, (*seen, reference))
        added = {key: value for key, value in node.items() if key != "$ref" and key not in IGNORED}
        if not added:
            return target
        if not isinstance(target, dict) or added.keys() & target.keys():
            return {**added, "allOf": [*added.get("allOf", []), target]}
        return {**target, **added}

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise DocumentError(f"reference {reference} leaves the document")
        node = self.content
        for step in reference[2:].split("/"):
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(key)] if isinstance(node, list) else node[key]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise DocumentError(f"reference {reference} leads nowhere") from error
        return node

    def security(self, requirements: list[dict[str, list[str]]]) -> list[Any]:
        """Returns security requirements with the schemes in place of their names."""
        return [
            sorted(
                ({"scheme": self._scheme(name), "scopes": scopes} for name, scopes in requirement.items()),
                key=_as_text,
            )
            for requirement in requirements
        ]

    def _scheme(self, name: str) -> dict[str, Any]:
        scheme = self.resolve(self._at(f"#/components/securitySchemes/{name.replace('~', '~0').replace('/', '~1')}"))
        return {key: value for key, value in scheme.items() if key not in IGNORED}


def differences(old: Any, new: Any) -> list[Difference]:
    """Returns what a client can observe to differ between two OpenAPI documents, given as parsed JSON.

    Two objects that refer to themselves are equal if no walk through both meets a difference. Raises DocumentError.
    """
    return list(_Comparison(Document(old), Document(new)).compare("", old, new, Kind.KEYWORDS))


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: Document
    new: Document
    # Ids of the pairs of objects compared before: ends recursion, and reports a shared component once. The documents
    # hold these objects, so that no id is used again.
    seen: set[tuple[int, int]] = field(default_factory=set)

    def compare(self, pointer: str, old: Any, new: Any, kind: Kind) -> Iterator[Difference]:
        if kind is Kind.KEYWORDS:
            old, new = self.old.resolve(old), self.new.resolve(new)
        if isinstance(old, dict) and isinstance(new, dict):
            if kind is Kind.KEYWORDS:
                if (id(old), id(new)) in self.seen:
                    return
                self.seen.add((id(old), id(new)))
            yield from self._objects(pointer, old, new, kind)
        elif isinstance(old, list) and isinstance(new, list):
            for index in range(max(len(old), len(new))):
                there = f"{pointer}/{index}"
                if index >= len(old):
                    yield Difference(there, ABSENT, _as_text(new[index]))
                elif index >= len(new):
                    yield Difference(there, _as_text(old[index]), ABSENT)
                else:
                    yield from self.compare(there, old[index], new[index], kind)
        elif not _equal(old, new):
            yield Difference(pointer, _as_text(old), _as_text(new))

    def _objects(self, pointer: str, old: dict[str, Any], new: dict[str, Any], kind: Kind) -> Iterator[Difference]:
        keys = sorted(old.keys() | new.keys())
        for key in keys if kind is not Kind.KEYWORDS else [key for key in keys if key not in IGNORED]:
            there = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in old:
                yield Difference(there, ABSENT, _as_text(new[key]))
            elif key not in new:
                yield Difference(there, _as_text(old[key]), ABSENT)
            else:
                yield from self._values(there, key, old[key], new[key], kind)

    def _values(self, pointer: str, key: str, old: Any, new: Any, kind: Kind) -> Iterator[Difference]:
        if kind is Kind.KEYWORDS and key == "security":
            yield from self.compare(pointer, self.old.security(old), self.new.security(new), Kind.DATA)
        elif kind is Kind.KEYWORDS and key in SETS and isinstance(old, list) and isinstance(new, list):
            texts = [_as_text(sorted(values, key=_as_text)) for values in (old, new)]
            if texts[0] != texts[1]:
                yield Difference(pointer, *texts)
        elif kind is Kind.REFERENCES:
            yield from self.compare(pointer, {"$ref": old}, {"$ref": new}, Kind.KEYWORDS)
        else:
            yield from self.compare(pointer, old, new, _kind_of_value(key, old, kind))


def _kind_of_value(key: str, value: Any, kind: Kind) -> Kind:
    if kind is not Kind.KEYWORDS:
        return Kind.DATA if kind is Kind.DATA else Kind.KEYWORDS
    if key == "examples":
        return Kind.NAMES if isinstance(value, dict) else Kind.DATA
    return Kind.DATA if key.startswith("x-") else _KINDS.get(key, Kind.KEYWORDS)


def _equal(old: Any, new: Any) -> bool:
    """Compares scalars: `1` equals `1.0` in JSON, and `true` is no number, which Python would have it be."""
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"


def main(arguments: Sequence[str]) -> int:
    """Prints the differences of the two files named and returns the exit code."""
    parser = argparse.ArgumentParser(prog="compare_openapi", description="Compare two OpenAPI documents.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args(arguments)
    try:
        found = differences(_read(options.old), _read(options.new))
    except DocumentError as error:
        parser.error(str(error))
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    sys.stdout.write(f"{len(found)} difference{'' if len(found) == 1 else 's'}\n" if found else "equal\n")
    return 1 if found else 0


def _read(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DocumentError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or "openapi" not in content:
        raise DocumentError(f"{path} is no OpenAPI document")
    return content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
