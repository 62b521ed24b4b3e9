"""The README's figures are those of the repository."""

import re

from infra.layout import ROOT
from shared.scoring.catalogue import MODEL_NAMES, model_card

README = (ROOT / "README.md").read_text()


def test_the_table_of_models_is_that_of_the_cards() -> None:
    for name in MODEL_NAMES:
        metrics = model_card(name)["metrics"]
        low, high = metrics["roc_auc_95_interval"]
        figures = f"{metrics['roc_auc']:.3f} | {low:.3f} to {high:.3f} | {metrics['ks']:.3f} | {metrics['brier']:.4f}"
        assert f"| `{name}` | {figures} |" in README


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^)make (?:-s )?([a-z]+(?:-[a-z]+)*)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
