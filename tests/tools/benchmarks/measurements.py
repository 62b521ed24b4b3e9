"""What a benchmark finds: a subject and its baselines, measured in the same rounds, and how they compare.

No figure here stands alone. Machines differ, and one machine differs from itself an hour later; what is claimed is the
ratio of a baseline to the subject, round by round, so that both had the same machine.
"""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Quantity = Literal["seconds", "bytes", "read units", "requests", "USD", "chunks", "parts"]


class DifferentWorkError(Exception):
    """The contenders do not agree on what they did, so what they took cannot be compared."""


def check_same_work(what: str, *, ours: int, theirs: int) -> None:
    """Raise DifferentWorkError unless both counted the same, and something."""
    if ours != theirs or not ours:
        raise DifferentWorkError(f"{what}: the subject has {ours:,}, the baseline {theirs:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What one contender took, round by round: seconds or bytes, for `units` of work each round."""

    name: str
    values: tuple[float, ...]
    units: float = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a series that no ratio can be made of."""
        if not self.values or min(self.values) <= 0 or self.units <= 0:
            raise ValueError(f"{self.name}: a series needs a round, and every value and the units above 0")

    @property
    def per_unit(self) -> tuple[float, ...]:
        """The values for one unit of work."""
        return tuple(value / self.units for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some figures, and the lowest and highest of them."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """The spread of at least one figure. Raises statistics.StatisticsError for none."""
        figures = tuple(values)
        return cls(median=statistics.median(figures), lowest=min(figures), highest=max(figures))


def ratio(*, baseline: Series, subject: Series) -> Spread:
    """Baseline over subject for one unit of work, each round by itself: above 1 the subject took less.

    Raises ValueError when the two were not measured in the same rounds.
    """
    pairs = zip(baseline.per_unit, subject.per_unit, strict=True)
    return Spread.of(theirs / ours for theirs, ours in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One subject against its baselines. `unit` is what a unit of work is, `notes` what a reader has to know."""

    title: str
    quantity: Quantity
    unit: str
    subject: Series
    baselines: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """All rounds as they were measured, and the ratios they give."""
        ratios = {baseline.name: asdict(ratio(baseline=baseline, subject=self.subject)) for baseline in self.baselines}
        return {**asdict(self), "baseline_over_subject": ratios}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Measurement":
        """The measurement that `as_json` wrote. Raises KeyError or TypeError for anything else."""
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
