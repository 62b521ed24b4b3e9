"""The part of one chunk in the risk summary of its job: counts and sums, much smaller than the chunk's rows.

Everything but the keys of companies and periods stays of bounded size, whatever the rows hold.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.delimited.table import Table, hash_text
from shared.inputs.header import Layout
from shared.inputs.numbers import trimmed
from shared.scoring.catalog import RISK_GRADES, RISK_LEVELS
from shared.scoring.model import risk_grades, risk_levels
from shared.scoring.passthrough import symbol_of
from shared.scoring.plain_cells import Floats, Mask
from shared.scoring.scores import Indices, ScoredRows
from shared.scoring.units import AmountFacts, PercentFacts, amount_facts, percent_facts
from shared.scoring.validation import ValidatedRows
from shared.scoring.values import cleaned, read_quarter, unguarded

Keys = NDArray[np.uint64]


RISKIEST: Final = 10
MAX_SECTORS: Final = 1_000
"""The largest sectors of a chunk, counted one by one; the rest are counted together."""

BIN_WIDTH: Final = 0.005
"""Of the histogram of default probabilities, in natural logarithm: a bin's middle is within 0.25 % of all in it."""

NO_KEY: Final = np.uint64(0)
"""Of a row without a valid symbol, year or quarter."""

# Four quarters, and a year without one.
_PERIODS_A_YEAR: Final = 5
_KEY_TYPE: Final = np.dtype("<u8")
_NO_PROSE: Final = frozenset({"company_symbol", "reporting_year", "reporting_quarter"})
_IDENTIFYING: Final = ("company_symbol", "company_name", "sector", "reporting_year", "reporting_quarter")


class SectorTotal(NamedTuple):
    """The scored rows of a sector: how many, their default probabilities added up, and how many of each level."""

    rows: int
    probability: float
    levels: tuple[int, ...]

    def plus(self, other: "SectorTotal") -> "SectorTotal":
        """Returns the sum of both."""
        return SectorTotal(
            self.rows + other.rows,
            self.probability + other.probability,
            tuple(map(sum, zip(self.levels, other.levels, strict=True))),
        )


NO_ROWS: Final = SectorTotal(0, 0.0, (0,) * len(RISK_LEVELS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSummary:
    """The scored rows of a chunk, summed up; nothing but figures and keys where rows were only validated.

    `bins` counts them by `floor(ln(default probability) / BIN_WIDTH)`. `riskiest` are at most `RISKIEST` rows as
    objects, worst first. `missing` and `out_of_range` count the rows that list a name. `amounts` and `percents` are of
    the figures of all rows, scored or not. `company_periods` has a key of eight bytes, the lowest first, for each of
    them in order.
    """

    levels: tuple[int, ...] = (0,) * len(RISK_LEVELS)
    grades: tuple[int, ...] = (0,) * len(RISK_GRADES)
    probability: float = 0.0
    lowest: float = 1.0
    highest: float = 0.0
    bins: Mapping[int, int] = field(default_factory=dict)
    sectors: Mapping[str, SectorTotal] = field(default_factory=dict)
    other_sectors: SectorTotal = NO_ROWS
    riskiest: Sequence[Mapping[str, Any]] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    out_of_range: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, AmountFacts] = field(default_factory=dict)
    percents: Mapping[str, PercentFacts] = field(default_factory=dict)
    company_periods: bytes = b""

    def to_bytes(self) -> bytes:
        """The summary as a line of JSON, then the keys."""
        content = {name: getattr(self, name) for name in self.__slots__ if name != "company_periods"}
        line = json.dumps({**content, "bins": list(self.bins.items())}, separators=(",", ":"))
        return line.encode() + b"\n" + self.company_periods

    @classmethod
    def from_bytes(cls, body: bytes) -> "ChunkSummary":
        """The summary `to_bytes` wrote."""
        line, _, keys = body.partition(b"\n")
        content = json.loads(line)
        return cls(
            **{
                **content,
                "levels": tuple(content["levels"]),
                "grades": tuple(content["grades"]),
                "bins": dict(content["bins"]),
                "sectors": {name: _sector_total(total) for name, total in content["sectors"].items()},
                "other_sectors": _sector_total(content["other_sectors"]),
                # A chunk that was scored before a deployment may lack them.
                "amounts": {name: _amount_facts(facts) for name, facts in content.get("amounts", {}).items()},
                "percents": {name: PercentFacts(*facts) for name, facts in content.get("percents", {}).items()},
            },
            company_periods=keys,
        )

    def keys(self) -> Keys:
        """The keys of companies and periods, `[rows]`."""
        return np.frombuffer(self.company_periods, _KEY_TYPE)

    @staticmethod
    def packed(keys: Keys) -> bytes:
        """Keys `[rows]` as `company_periods` has them."""
        return keys.astype(_KEY_TYPE).tobytes()


def summarize_chunk(
    table: Table, layout: Layout, validated: ValidatedRows, scored: ScoredRows | None, *, first_row: int
) -> ChunkSummary:
    """Returns the summary of n rows, of which the first is row `first_row` of the file."""
    keys = ChunkSummary.packed(_company_periods(table, layout, validated))
    amounts, percents = amount_facts(validated.figures, first_row), percent_facts(validated.figures)
    if scored is None:
        return ChunkSummary(amounts=amounts, percents=percents, company_periods=keys)
    distinct, which = scored.probabilities, scored.which
    counts = np.bincount(which, minlength=len(distinct))
    levels = risk_levels(distinct)
    sectors, others = _sectors(table, layout.place("sector"), scored.rows, distinct[which], levels[which])
    return ChunkSummary(
        levels=_totals(levels, counts, len(RISK_LEVELS)),
        grades=_totals(risk_grades(distinct), counts, len(RISK_GRADES)),
        # Not np.dot, which starts the threads of its library.
        probability=float((distinct * counts).sum()),
        lowest=float(np.min(distinct, initial=1.0)),
        highest=float(np.max(distinct, initial=0.0)),
        bins=_bins(distinct, counts),
        sectors=sectors,
        other_sectors=others,
        riskiest=_riskiest(scored, table, layout, first_row),
        missing=_listed(validated.missing, scored.rows),
        out_of_range=_listed(validated.out_of_range, scored.rows),
        amounts=amounts,
        percents=percents,
        company_periods=keys,
    )


def _company_periods(table: Table, layout: Layout, validated: ValidatedRows) -> Keys:
    """Returns a key for the company and period of each row: `[n]`, `NO_KEY` where one of them is unknown.

    A key depends on the symbol in upper case, the year and the quarter (a row without one is of the whole year),
    whatever way they are written. Two different ones share a key with a chance of 2^-64: one file in a hundred thousand
    of 20 million rows has such a pair.
    """
    periods = validated.years * _PERIODS_A_YEAR + validated.quarters
    known = ~np.isnan(periods)
    column = layout.place("company_symbol")
    keys = np.full(len(table), NO_KEY)
    plain = validated.plain_texts["company_symbol"]
    rows = np.flatnonzero(plain & known)
    keys[rows] = table.hashes(column, rows, periods[rows].astype(np.uint64))
    found = np.zeros(len(table), np.bool_)
    found[rows] = True
    for row in np.flatnonzero(~plain & known).tolist():
        if symbol := symbol_of(unguarded(table.text(column, row))):
            # In upper case already; as above, so that a company has the same key however it is written.
            keys[row] = hash_text(symbol.encode(), int(periods[row]))
            found[row] = True
    keys[found & (keys == NO_KEY)] = 1
    return keys


def _amount_facts(facts: Sequence[Any]) -> AmountFacts:
    figures, large, impossible, large_rows, impossible_rows = facts
    return AmountFacts(figures, large, impossible, tuple(large_rows), tuple(impossible_rows))


def _sector_total(total: Sequence[Any]) -> SectorTotal:
    rows, probability, levels = total
    return SectorTotal(rows, probability, tuple(levels))


def _totals(places: Indices, counts: Indices, length: int) -> tuple[int, ...]:
    return tuple(map(int, np.bincount(places, weights=counts, minlength=length).tolist()))


def _bins(distinct: Floats, counts: Indices) -> dict[int, int]:
    bins = np.floor(np.log(distinct) / BIN_WIDTH).astype(np.int64)
    lowest = int(np.min(bins, initial=0))
    totals = _totals(bins - lowest, counts, 0)
    return {lowest + place: total for place, total in enumerate(totals) if total}


def _sectors(
    table: Table, column: int, rows: Indices, probabilities: Floats, levels: Indices
) -> tuple[dict[str, SectorTotal], SectorTotal]:
    # Rows share few ways of writing a sector, and several of those may mean the same.
    one_of_each, index = table.grouped(column, rows)
    texts: dict[str, int] = {}
    written = [trimmed(cleaned(unguarded(text))) for text in table.texts(column, one_of_each)]
    index = np.array([texts.setdefault(text, len(texts)) for text in written], np.int64)[index]
    counts = np.bincount(index, minlength=len(texts)).tolist()
    sums = np.bincount(index, weights=probabilities, minlength=len(texts)).tolist()
    of_levels = np.bincount(index * len(RISK_LEVELS) + levels, minlength=len(texts) * len(RISK_LEVELS))
    totals = {
        text: SectorTotal(counts[at], sums[at], tuple(of_level))
        for (text, at), of_level in zip(
            texts.items(), of_levels.reshape(len(texts), len(RISK_LEVELS)).tolist(), strict=True
        )
    }
    return largest_sectors(totals, NO_ROWS, at_most=MAX_SECTORS)


def largest_sectors(
    totals: Mapping[str, SectorTotal], others: SectorTotal, *, at_most: int
) -> tuple[dict[str, SectorTotal], SectorTotal]:
    """The sectors of most rows, largest first, and all the rest added to `others`."""
    ordered = sorted(totals.items(), key=lambda item: (-item[1].rows, item[0]))
    for _, total in ordered[at_most:]:
        others = others.plus(total)
    return dict(ordered[:at_most]), others


def _riskiest(scored: ScoredRows, table: Table, layout: Layout, first_row: int) -> list[dict[str, Any]]:
    if not len(scored.rows):
        return []
    # The distinct probabilities ascend, so the rows of the last few of them are enough.
    counts = np.bincount(scored.which, minlength=len(scored.probabilities))
    enough = int(np.searchsorted(np.cumsum(counts[::-1]), RISKIEST)) + 1
    candidates = np.flatnonzero(scored.which >= len(counts) - enough)
    ordered = candidates[np.lexsort((candidates, -scored.which[candidates]))][:RISKIEST]
    return [
        {
            "row": first_row + int(scored.rows[place]),
            **_identified(table, layout, int(scored.rows[place])),
            **_scores(scored, place),
        }
        for place in ordered.tolist()
    ]


def _identified(table: Table, layout: Layout, row: int) -> dict[str, str]:
    names = [name for name in _IDENTIFYING if name in layout.normalized]
    texts = {name: unguarded(table.text(layout.place(name), row)) for name in names}
    values: dict[str, str] = {name: trimmed(cleaned(text, symbol=name in _NO_PROSE)) for name, text in texts.items()}
    values["company_symbol"] = values["company_symbol"].upper()
    if "reporting_quarter" in values:
        values["reporting_quarter"] = read_quarter(values["reporting_quarter"]) or ""
    return values


def _scores(scored: ScoredRows, place: int) -> dict[str, Any]:
    probability = scored.probabilities[scored.which[place]]
    return {
        "default_probability": float(probability),
        "risk_level": RISK_LEVELS[int(risk_levels(probability))],
        "risk_grade": RISK_GRADES[int(risk_grades(probability))],
        "top_factors": scored.factors.of(place),
    }


def _listed(masks: Mapping[str, Mask], rows: Indices) -> dict[str, int]:
    return {name: int(np.count_nonzero(mask[rows])) for name, mask in masks.items()}
