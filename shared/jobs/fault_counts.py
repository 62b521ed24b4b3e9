"""How many rows have which faults."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# The code and the column of a fault; no column for one of the row as a whole.
FaultGroup = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCounts:
    """Rows by the codes of their faults, and by code and column. A row with several faults counts for each, once."""

    by_code: Mapping[str, int] = field(default_factory=dict)
    by_group: Mapping[FaultGroup, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Mapping[tuple[FaultGroup, ...], int]) -> "FaultCounts":
        """The counts of rows, given by all the faults that each has."""
        by_code, by_group = Counter[str](), Counter[FaultGroup]()
        for groups, count in rows.items():
            for group in set(groups):
                by_group[group] += count
            for code in {code for code, _ in groups}:
                by_code[code] += count
        return cls(by_code=dict(by_code), by_group=dict(by_group))

    @classmethod
    def total(cls, counts: "Iterable[FaultCounts]") -> "FaultCounts":
        """The counts of all these rows together."""
        by_code, by_group = Counter[str](), Counter[FaultGroup]()
        for count in counts:
            by_code.update(count.by_code)
            by_group.update(count.by_group)
        return cls(by_code=dict(by_code), by_group=dict(by_group))
