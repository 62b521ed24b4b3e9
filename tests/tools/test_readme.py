"""The figures of the documents are those of the repository."""

import re

from infra.project import ROOT
from shared.scoring.catalogue import MODEL_NAMES, model_card
from tests.e2e.commands import BY_CI, BY_THE_SUITE, IN_A_CLONE, IN_THE_SESSION, README, targets


def test_the_table_of_models_is_that_of_the_cards() -> None:
    document = (ROOT / "infra" / "docs" / "models.md").read_text()
    for name in MODEL_NAMES:
        metrics = model_card(name)["metrics"]
        low, high = metrics["roc_auc_95_interval"]
        figures = f"{metrics['roc_auc']:.3f} | {low:.3f} to {high:.3f} | {metrics['ks']:.3f} | {metrics['brier']:.4f}"
        assert f"| `{name}` | {figures} |" in document


def test_every_make_target_named_exists_and_is_run_by_some_test_or_by_ci() -> None:
    makefile = (ROOT / "Makefile").read_text()
    is_run = {*BY_CI, *BY_THE_SUITE, *IN_THE_SESSION, *targets("\n".join(IN_A_CLONE))}
    named = targets(README)
    assert {"demo", "local", "deploy", "report"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        assert target in is_run, target
    assert {f"make {target}" for target in BY_CI} == set(re.findall(r"make \w+", (ROOT / ".ci" / "run").read_text()))
