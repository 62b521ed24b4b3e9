"""What the templates look like, kept where a change of them shows in review: `make snapshot` writes them anew.

The template of dev is kept whole. Of every other context only the resources that differ from dev's are kept.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from infra.app import synthesise
from tests.infra.contexts import CONTEXTS
from tests.synthesised import NO_BUNDLES

FOLDER: Final = Path(__file__).parent / "snapshots"

_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_STAGE = re.compile(r"default-risk-jobs-(dev|prod)")


def normalised(document: dict[str, Any]) -> dict[str, Any]:
    """The template without what every change of code changes, and with every stage under one name."""
    text = _STAGE.sub("default-risk-jobs-STAGE", _HASH.sub("ASSET", json.dumps(document)))
    read: dict[str, Any] = json.loads(text)
    for resource in read["Resources"].values():
        resource.pop("Metadata", None)
    return read


def snapshot(name: str, document: dict[str, Any], dev: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the template of a context."""
    template, base = normalised(document), normalised(dev)
    if name == "dev":
        return template
    resources, base_resources = template["Resources"], base["Resources"]
    return {
        "OtherOrAdded": {key: value for key, value in resources.items() if base_resources.get(key) != value},
        "Missing": sorted(set(base_resources) - set(resources)),
        "Outputs": sorted(template["Outputs"]),
    }


def written(kept: dict[str, Any]) -> str:
    """The snapshot as the text of its file."""
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write every snapshot."""
    FOLDER.mkdir(exist_ok=True)
    documents = {}
    for name, context in CONTEXTS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = synthesise(outdir=Path(folder), context={**context, **NO_BUNDLES})
            documents[name] = json.loads(path.read_text())
    for name, document in documents.items():
        (FOLDER / f"{name}.json").write_text(written(snapshot(name, document, documents["dev"])))


if __name__ == "__main__":
    main()
