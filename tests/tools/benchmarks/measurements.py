"""Measurements: a subject and its baselines, measured in the same rounds, and their ratios.

Absolute figures depend on the machine and its load. The result is the ratio of a baseline to the subject, round by
round, so that both had the same conditions.
"""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Quantity = Literal["seconds", "bytes", "read units", "requests", "USD", "chunks", "parts"]


class DifferentWorkError(Exception):
    """The contenders did different work, so their figures cannot be compared."""


def check_same_work(what: str, *, ours: int, theirs: int) -> None:
    """Raises DifferentWorkError unless both counts are equal and above 0."""
    if ours != theirs or not ours:
        raise DifferentWorkError(f"{what}: the subject has {ours:,}, the baseline {theirs:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Figures of one contender by round (seconds or bytes), for `units` of work per round."""

    name: str
    values: tuple[float, ...]
    units: float = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a series without rounds or with values that have no ratio."""
        if not self.values or min(self.values) <= 0 or self.units <= 0:
            raise ValueError(f"{self.name}: a series needs a round, and every value and the units above 0")

    @property
    def per_unit(self) -> tuple[float, ...]:
        """Returns the values per unit of work."""
        return tuple(value / self.units for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, lowest and highest of some figures."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Returns the spread of at least one figure. Raises statistics.StatisticsError for none."""
        figures = tuple(values)
        return cls(median=statistics.median(figures), lowest=min(figures), highest=max(figures))


def ratio(*, baseline: Series, subject: Series) -> Spread:
    """Returns baseline over subject per unit of work, round by round. Above 1 the subject took less.

    Raises ValueError when the two have different numbers of rounds.
    """
    pairs = zip(baseline.per_unit, subject.per_unit, strict=True)
    return Spread.of(theirs / ours for theirs, ours in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One subject and its baselines. `unit` names a unit of work; `notes` state the conditions."""

    title: str
    quantity: Quantity
    unit: str
    subject: Series
    baselines: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Returns all rounds and their ratios as a JSON object."""
        ratios = {baseline.name: asdict(ratio(baseline=baseline, subject=self.subject)) for baseline in self.baselines}
        return {**asdict(self), "baseline_over_subject": ratios}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Measurement":
        """Returns the measurement that `as_json` wrote. Raises KeyError or TypeError for anything else."""
        return cls(
            title=found["title"],
            quantity=found["quantity"],
            unit=found["unit"],
            subject=_series(found["subject"]),
            baselines=tuple(_series(baseline) for baseline in found["baselines"]),
            notes=tuple(found["notes"]),
        )


def _series(found: Mapping[str, Any]) -> Series:
    return Series(name=found["name"], values=tuple(found["values"]), units=found["units"])
