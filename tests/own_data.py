"""Artificial training data of a deployer, in the documented columns."""

from pathlib import Path

from shared.training.panel import AMOUNTS, OWN_LABEL
from tests.unit.scoring.test_training import panel_of


def write_own_data(path: Path, *, firms: int) -> None:
    """Writes the yearly statements of `firms` companies."""
    panel = panel_of(firms)
    own = panel.table.assign(company_name="firm " + panel.table["firm"].astype(str))
    own[OWN_LABEL] = panel.event.astype(int)
    own[["company_name", "year", OWN_LABEL, *AMOUNTS.values()]].to_csv(path, index=False)
