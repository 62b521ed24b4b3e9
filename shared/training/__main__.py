"""Trains the models: `python -m shared.training PATH_TO_us_bankruptcy_1999_2018.csv.gz`."""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.training.cards import table
from shared.training.fitting import FitError
from shared.training.panel import PanelError, read_panel
from shared.training.training import train

ARTIFACTS = Path(__file__).resolve().parents[1] / "scoring" / "artifacts"


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the panel, trains, writes artifacts and cards, prints their metrics. 2 when the data do not serve."""
    parser = argparse.ArgumentParser(prog="python -m shared.training", description="Train the default risk models.")
    parser.add_argument("data", type=Path, help="the bankruptcy panel, us_bankruptcy_1999_2018.csv.gz")
    parser.add_argument("--out", type=Path, default=ARTIFACTS, help="folder to write to (default: %(default)s)")
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
        trained = train(panel, seed=options.seed, date=date.isoformat())
    except (PanelError, FitError) as error:
        print(f"Nothing was trained: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for model in trained:
        (options.out / f"{model.name}.json").write_text(model.artifact, encoding="utf-8")
        (options.out / f"{model.name}.card.json").write_text(model.card_text, encoding="utf-8")
    print(table([model.card for model in trained]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
