"""How fast a job's chunks come, kept in a size that does not grow with their number.

Rows are counted by the period of the scoring in which they were committed. Periods grow with the time since the plan
was made, a quarter of a doubling each: a short job is known by the second, a long one by the hour, and the last periods
are always the last part of the whole. Unlike a memory of the last few commits that holds for any number of workers: a
thousand of them commit a thousand chunks at nearly the same time, and then none for as long as a chunk takes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import floor, log2

PERIODS_A_DOUBLING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Rows committed by period, and the time that the workers spent on their chunks, all together."""

    rows_by_period: Mapping[int, int] = field(default_factory=dict)
    worked: timedelta = timedelta()

    @classmethod
    def total(cls, paces: "Iterable[Pace]") -> "Pace":
        """The pace of all of them together."""
        rows, worked = Counter[int](), timedelta()
        for pace in paces:
            rows.update(pace.rows_by_period)
            worked += pace.worked
        return cls(rows_by_period=dict(rows), worked=worked)

    def rows_from(self, period: int) -> int:
        """Rows committed in this period or a later one."""
        return sum(rows for number, rows in self.rows_by_period.items() if number >= period)


def period_at(age: timedelta) -> int:
    """The period of a moment so long after the plan: the first second is period 0."""
    seconds = age.total_seconds()
    return 0 if seconds < 1 else 1 + floor(PERIODS_A_DOUBLING * log2(seconds))


def start_of(period: int) -> timedelta:
    """How long after the plan the period begins."""
    return timedelta(seconds=2 ** ((period - 1) / PERIODS_A_DOUBLING)) if period > 0 else timedelta()
