"""A folder of models to be deployed in the place of the project's: `python -m shared.scoring.replacement FOLDER`.

Run while the stack is made. Ends with 1 and one sentence when the folder holds something that functions would refuse.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.scoring.catalog import CARD_FIELDS, MODEL_NAMES
from shared.scoring.model import ModelArtifactError, parse_model

_FILES = frozenset(f"{name}{ending}" for name in MODEL_NAMES for ending in (".json", ".card.json"))


def check_replacement(folder: Path) -> list[str]:
    """The versions of the folder's models, each with its card. Raises ModelArtifactError saying what is wrong."""
    found = {path.name for path in folder.glob("*.json")} if folder.is_dir() else set()
    if not found:
        raise ModelArtifactError(f"{folder} holds no model")
    if unknown := sorted(found - _FILES):
        raise ModelArtifactError(f"{folder} holds {', '.join(unknown)}: models are called {', '.join(MODEL_NAMES)}")
    versions = []
    for name in MODEL_NAMES:
        artifact, card = f"{name}.json", f"{name}.card.json"
        if not found & {artifact, card}:
            continue
        if lacking := sorted({artifact, card} - found):
            raise ModelArtifactError(f"{folder} lacks {lacking[0]}: a model and its card belong together")
        model = parse_model((folder / artifact).read_text(encoding="utf-8"))
        if model.name != name:
            raise ModelArtifactError(f"{artifact} holds the model {model.name}")
        _check_card(card, (folder / card).read_text(encoding="utf-8"), model.version)
        versions.append(model.version)
    return versions


def _check_card(file_name: str, text: str, version: str) -> None:
    try:
        card: Any = json.loads(text)
    except ValueError as error:
        raise ModelArtifactError(f"{file_name} is not JSON: {error}") from error
    lacking = [field for field in CARD_FIELDS if not isinstance(card, dict) or field not in card]
    if lacking:
        raise ModelArtifactError(f"{file_name} lacks {', '.join(lacking)}")
    if card["version"] != version:
        raise ModelArtifactError(f"{file_name} is the card of {card['version']}, the model is {version}")


def main(arguments: Sequence[str]) -> int:
    """Checks the named folder and returns the exit code."""
    (folder,) = arguments
    try:
        versions = check_replacement(Path(folder))
    except (ModelArtifactError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{version}\n" for version in versions))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
