"""The years that train a model, those that recalibrate it, and those that it is measured on."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.training.fitting import FitError
from shared.training.panel import Mask, Panel

FEWEST_ORIGINS: Final = 5
YEARS_BEFORE_AN_ORIGIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The first year of training, and the last years of training and of calibration; later years are the test.

    `training_until` matters only where there are fewer than `FEWEST_ORIGINS` origins; see `windows`.
    """

    training_from: int
    training_until: int
    calibration_until: int


# The test window of the panel's authors. Bankruptcies before 2003 are incomplete in it: 37 in four years.
PANEL_SPLIT: Final = Split(training_from=2003, training_until=2011, calibration_until=2014)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Rows by window, masks `[n]`, and the origins: the years of calibration that are scored out of time, if any."""

    training: Mask
    calibration: Mask
    test: Mask
    origins: tuple[int, ...] = ()


def windows(panel: Panel, years: Split = PANEL_SPLIT, *, last_origins: int | None = None) -> Windows:
    """Returns the rows of each window. Raises FitError for a window without both outcomes.

    An origin is a year with both outcomes, up to `calibration_until`, that at least three years of training with both
    outcomes precede. With enough origins every year up to `calibration_until` trains the model, and recalibration uses
    scores of each origin, or of the last `last_origins`, by a model of the years before it. With fewer, the years after
    `training_until` recalibrate.
    """
    early = (panel.year >= years.training_from) & (panel.year <= years.calibration_until)
    origins = tuple(year for year in np.unique(panel.year[early]).tolist() if _is_origin(panel, early, year))
    if len(origins) >= FEWEST_ORIGINS:
        origins = origins[-last_origins:] if last_origins else origins
        training, calibration = early, early & np.isin(panel.year, origins)
    else:
        origins = ()
        training = early & (panel.year <= years.training_until)
        calibration = early & ~training
    test = panel.year > years.calibration_until
    for name, rows in (("training", training), ("calibration", calibration), ("test", test)):
        if not _has_both_outcomes(panel, rows):
            events = int(np.sum(panel.event[rows]))
            raise FitError(f"the {name} window has {events} failures among {int(np.sum(rows))} rows, both are needed")
    return Windows(training=training, calibration=calibration, test=test, origins=origins)


def _is_origin(panel: Panel, early: Mask, year: int) -> bool:
    before = early & (panel.year < year)
    return (
        len(np.unique(panel.year[before])) >= YEARS_BEFORE_AN_ORIGIN
        and _has_both_outcomes(panel, before)
        and _has_both_outcomes(panel, panel.year == year)
    )


def _has_both_outcomes(panel: Panel, rows: Mask) -> bool:
    return 0 < int(np.sum(panel.event[rows])) < int(np.sum(rows))
