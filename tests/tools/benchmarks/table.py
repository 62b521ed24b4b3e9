"""Measurements as a table in Markdown."""

from collections.abc import Iterable, Iterator
from typing import Final

from tests.tools.benchmarks.measurements import Measurement, Quantity, Series, Spread, ratio

HEADER: Final = (
    "| Measured | Ours | Baseline | Takes | Baseline ÷ ours (lowest to highest) |\n"
    "|---|---|---|---|---|\n"
)  # fmt: skip
_SMALL: Final = 0.1
_SCALES: Final[dict[Quantity, tuple[tuple[float, str], ...]]] = {
    "seconds": ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "bytes": ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")),
    "read units": ((1, "read units"),),
    "requests": ((1, "requests"),),
    "USD": ((1, "USD"),),
    "chunks": ((1, "chunks"),),
    "parts": ((1, "parts"),),
}


def markdown(measurements: Iterable[Measurement]) -> str:
    """Returns a table with a line per baseline, and the notes below it."""
    found = tuple(measurements)
    lines = "".join(line for measurement in found for line in _lines(measurement))
    notes = "".join(f"- {measurement.title}: {note}\n" for measurement in found for note in measurement.notes)
    return f"{HEADER}{lines}" + (f"\n{notes}" if notes else "")


def figure(value: float, quantity: Quantity) -> str:
    """Returns a figure to three significant digits, in the largest unit that leaves at least one before the point."""
    factor, unit = next(
        ((factor, unit) for factor, unit in _SCALES[quantity] if value >= factor), _SCALES[quantity][-1]
    )
    return f"{_digits(value / factor)} {unit}"


def ratio_text(spread: Spread) -> str:
    """Returns a ratio and its spread as `48 (45 to 51)`, or far below 1 as `1/110 (1/120 to 1/105)`."""
    as_text = _digits if spread.median >= _SMALL else _fraction
    return f"**{as_text(spread.median)}** ({as_text(spread.lowest)} to {as_text(spread.highest)})"


def _lines(measurement: Measurement) -> Iterator[str]:
    title, ours = measurement.title, f"{measurement.subject.name}: {_median(measurement.subject, measurement)}"
    for baseline in measurement.baselines:
        compared = ratio_text(ratio(baseline=baseline, subject=measurement.subject))
        yield f"| {title} | {ours} | {baseline.name} | {_median(baseline, measurement)} | {compared} |\n"
        title = ours = ""


def _median(series: Series, measurement: Measurement) -> str:
    return f"{figure(Spread.of(series.per_unit).median, measurement.quantity)} a {measurement.unit}"


def _fraction(value: float) -> str:
    return f"1/{_digits(1 / value)}"


def _digits(value: float) -> str:
    """Returns three significant digits without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    # The sign `#` keeps zeros that are digits: 20.0, not 20.
    text = f"{value:#.3g}"
    return f"{float(text):.12f}".rstrip("0") if "e" in text else text
