"""Trains the models on the American panel, or on a deployer's own data.

python -m shared.training us_bankruptcy_1999_2018.csv.gz
python -m shared.training own.csv --out my-models --name "Own portfolio" --training-until 2019 --calibration-until 2021
"""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.training.cards import PANEL_SOURCE, DataSource, own_source, table
from shared.training.fitting import FitError
from shared.training.panel import Panel, PanelError, read_panel
from shared.training.training import PANEL_SPLIT, Split, train

_YEAR = "last year of the window, the rest being what the model is measured on (default: %(default)s)"
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
    parser.add_argument("--training-until", type=int, default=PANEL_SPLIT.training_until, help=_YEAR)
    parser.add_argument("--calibration-until", type=int, default=PANEL_SPLIT.calibration_until, help=_YEAR)
    parser.add_argument("--seed", type=int, default=0, help="of the random subsamples (default: %(default)s)")
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
            seed=options.seed,
            date=date.isoformat(),
            years=Split(training_until=options.training_until, calibration_until=options.calibration_until),
            source=_source(panel, options.name, options.label),
        )
    except (PanelError, FitError) as error:
        print(f"Nothing was trained: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for model in trained:
        (options.out / f"{model.name}.json").write_text(model.artifact, encoding="utf-8")
        (options.out / f"{model.name}.card.json").write_text(model.card_text, encoding="utf-8")
    print(table([model.card for model in trained]))
    return 0


def _source(panel: Panel, name: str | None, label: str) -> DataSource:
    if not panel.is_own:
        return PANEL_SOURCE
    if not name:
        raise PanelError("say with --name what the data are: the cards name them")
    return own_source(name, label)


if __name__ == "__main__":
    sys.exit(main())
