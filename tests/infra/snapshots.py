"""Snapshots of the templates, so that a change shows in review: `make snapshot` rewrites them.

The template of dev is stored whole, that of every other context as its difference from dev's.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.app import synthesize
from tests.infra.contexts import CONTEXTS, ON_AWS
from tests.synthesized import NO_BUNDLES

FOLDER: Final = Path(__file__).parent / "snapshots"

_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_STAGE = re.compile(r"default-risk-jobs-(dev|prod)")
_ABSENT: Final = object()


def snapshot(name: str, document: dict[str, Any], dev: dict[str, Any]) -> dict[str, Any]:
    """Returns what is stored of the template of a context."""
    if name == "dev":
        return _normalized(document)
    changes = dict(differences(_normalized(dev), _normalized(document)))
    return {
        "AddedOrChanged": {pointer: value for pointer, value in changes.items() if value is not _ABSENT},
        "Removed": [pointer for pointer, value in changes.items() if value is _ABSENT],
    }


def differences(old: Any, new: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every place where two JSON values differ, as a JSON pointer, with its new value or `_ABSENT`.

    Dictionaries that share no key, such as two intrinsic functions, differ as a whole.
    """
    if isinstance(old, list) and isinstance(new, list):
        old, new = ({str(index): item for index, item in enumerate(items)} for items in (old, new))
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys():
        for key in old | new:
            escaped = key.replace("~", "~0").replace("/", "~1")
            yield from differences(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{pointer}/{escaped}")
    elif old != new:
        yield pointer, new


def as_text(stored: dict[str, Any]) -> str:
    """Returns a snapshot as the text of its file."""
    return json.dumps(stored, indent=1, sort_keys=True) + "\n"


def _normalized(document: dict[str, Any]) -> dict[str, Any]:
    """Returns a template without the hashes that every change of code changes, and with one name for every stage."""
    text = _STAGE.sub("default-risk-jobs-STAGE", _HASH.sub("ASSET", json.dumps(document)))
    template: dict[str, Any] = json.loads(text)
    for resource in template["Resources"].values():
        resource.pop("Metadata", None)
    return template


def main() -> None:
    """Writes every snapshot."""
    FOLDER.mkdir(exist_ok=True)
    documents = {}
    for name in ON_AWS:
        with tempfile.TemporaryDirectory() as folder:
            path = synthesize(outdir=Path(folder), context={**CONTEXTS[name], **NO_BUNDLES})
            documents[name] = json.loads(path.read_text())
    for name, document in documents.items():
        (FOLDER / f"{name}.json").write_text(as_text(snapshot(name, document, documents["dev"])))


if __name__ == "__main__":
    main()
