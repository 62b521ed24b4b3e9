"""A deployer's own training data, made up, in the documented columns."""

import csv
from pathlib import Path

from shared.training.panel import AMOUNTS, OWN_LABEL
from tests.unit.scoring.test_training import panel_of


def write_own_data(path: Path, *, firms: int) -> None:
    """Write the years of so many firms."""
    panel = panel_of(firms)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["company_name", "year", OWN_LABEL, *AMOUNTS.values()])
        for row in range(len(panel)):
            amounts = [panel.amounts[name][row] for name in AMOUNTS.values()]
            writer.writerow([f"firm {panel.firm[row]}", panel.year[row], int(panel.event[row]), *amounts])
