"""Trains the models on the American panel, or on a deployer's own data.

python -m shared.training us_bankruptcy_1999_2018.csv.gz
python -m shared.training own.csv --out my-models --name "Own portfolio" --training-until 2019 --calibration-until 2021
"""

import argparse
import datetime
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.scoring.catalog import MODEL_NAMES, ModelName
from shared.scoring.model import ModelArtifactError, parse_model
from shared.training.cards import PANEL_SOURCE, DataSource, own_source, table
from shared.training.fitting import FitError
from shared.training.panel import Panel, PanelError, read_panel
from shared.training.training import Previous, check_sizes, train
from shared.training.windows import FEWEST_ORIGINS, PANEL_SPLIT, Split

ARTIFACTS = Path(__file__).resolve().parents[1] / "scoring" / "artifacts"


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains the models, writes artifacts and cards, and prints metrics. Returns 2 when the data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m shared.training", description="Train the default risk models.")
    parser.add_argument(
        "data", type=Path, help="the American panel, or own data in the documented columns; CSV, gzipped or not"
    )
    parser.add_argument("--out", type=Path, default=ARTIFACTS, help="folder to write to (default: %(default)s)")
    parser.add_argument("--name", help="what own data are, for the cards; needed with own data")
    parser.add_argument(
        "--label",
        default="the firm defaults within twelve months of the row's statements",
        help="what the label of own data means, for the cards (default: %(default)s)",
    )
    parser.add_argument(
        "--looks",
        type=int,
        default=1,
        help="how often models were measured on the years after calibration of own data, this time included, for the "
        "cards (default: %(default)s)",
    )
    parser.add_argument(
        "--training-from",
        type=int,
        help=f"first year of training (default: {PANEL_SPLIT.training_from} for the panel, the first of own data)",
    )
    parser.add_argument(
        "--training-until",
        type=int,
        default=PANEL_SPLIT.training_until,
        help=f"last year of training, where fewer than {FEWEST_ORIGINS} years can be scored by models of the years "
        "before them (default: %(default)s)",
    )
    parser.add_argument(
        "--calibration-until",
        type=int,
        default=PANEL_SPLIT.calibration_until,
        help="last year of calibration; later years are what the model is measured on (default: %(default)s)",
    )
    parser.add_argument(
        "--before",
        type=Path,
        default=ARTIFACTS,
        help="folder of the models to compare with, for the cards (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-size-bias",
        action="store_true",
        help="write models of own data even if their probabilities are far off for small or large firms",
    )
    parser.add_argument(
        "--date",
        type=datetime.date.fromisoformat,
        help="date on the cards, YYYY-MM-DD (default: the end of the data's last year)",
    )
    options = parser.parse_args(arguments)
    try:
        panel = read_panel(options.data)
        date = options.date or datetime.date(int(np.max(panel.year)), 12, 31)
        trained = train(
            panel,
            date=date.isoformat(),
            years=Split(
                training_from=_training_from(panel, options.training_from),
                training_until=options.training_until,
                calibration_until=options.calibration_until,
            ),
            source=_source(panel, options),
            previous=_previous(options.before),
        )
        if panel.is_own and not options.allow_size_bias:
            for model in trained:
                check_sizes(model.card)
    except (PanelError, FitError, ModelArtifactError) as error:
        print(f"Nothing was trained: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for model in trained:
        (options.out / f"{model.name}.json").write_text(model.artifact, encoding="utf-8")
        (options.out / f"{model.name}.card.json").write_text(model.card_text, encoding="utf-8")
    print(table([model.card for model in trained]))
    return 0


def _training_from(panel: Panel, year: int | None) -> int:
    if year is not None:
        return year
    return int(np.min(panel.year)) if panel.is_own else PANEL_SPLIT.training_from


def _source(panel: Panel, options: argparse.Namespace) -> DataSource:
    if not panel.is_own:
        return PANEL_SOURCE
    if not options.name:
        raise PanelError("say with --name what the data are: the cards name them")
    return own_source(options.name, options.label, options.looks)


def _previous(folder: Path) -> dict[ModelName, Previous]:
    """Returns the models of a folder, which may have none. Raises ModelArtifactError for one that is not valid."""
    found: dict[ModelName, Previous] = {}
    for name in MODEL_NAMES:
        artifact, card = folder / f"{name}.json", folder / f"{name}.card.json"
        if artifact.is_file() and card.is_file():
            model = parse_model(artifact.read_text(encoding="utf-8"))
            found[name] = Previous(model=model, card=json.loads(card.read_text(encoding="utf-8")))
    return found


if __name__ == "__main__":
    sys.exit(main())
