"""`python -m tests.tools.benchmarks.compare_checkouts BASE [NAME ...]`: compares two checkouts.

BASE is another checkout of this repository with its own `.venv`. Both run the named benchmarks in turn, in alternating
order; the subject's time per unit of each measurement is compared pair by pair. The median ratio, this
checkout over BASE, is printed with a 95 % interval; above 1 this checkout takes longer.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.tools.benchmarks.__main__ import environment_of
from tests.tools.benchmarks.measurements import Measurement

_ROOT: Final = Path(__file__).resolve().parents[3]
_FEWEST_PAIRS: Final = 6
# Older checkouts keep the same modules elsewhere.
_WORKERS: Final = ("tests.tools.benchmarks.worker", "tests.benchmarks.worker")
_REGRESSION: Final = 1.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison; returns 1 when the interval of any measurement lies above 1.05, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.benchmarks.compare_checkouts", description=__doc__)
    parser.add_argument("base", type=Path, metavar="BASE", help="the other checkout")
    parser.add_argument("names", nargs="*", metavar="NAME", default=["scoring", "planning", "workbooks"])
    parser.add_argument("--pairs", type=int, default=12, help="how often each checkout runs each benchmark")
    given = parser.parse_args(arguments)
    if given.pairs < _FEWEST_PAIRS:
        parser.error(f"fewer than {_FEWEST_PAIRS} pairs give no 95 % interval")
    ratios: dict[str, list[float]] = defaultdict(list)
    for pair in range(given.pairs):
        for name in given.names:
            checkouts = [_ROOT, given.base.resolve()]
            times = {checkout: run(checkout, name) for checkout in (checkouts if pair % 2 else reversed(checkouts))}
            ours, theirs = (times[checkout] for checkout in checkouts)
            for title in ours.keys() & theirs.keys():
                ratios[title].append(ours[title] / theirs[title])
    is_slower = False
    for title, found in sorted(ratios.items()):
        lowest, highest = interval_of_median(found)
        is_slower |= lowest > _REGRESSION
        print(f"{title}: {median(found):.3f} ({lowest:.3f} to {highest:.3f}, {len(found)} pairs)")  # noqa: T201
    return int(is_slower)


def run(checkout: Path, name: str) -> dict[str, float]:
    """Returns the median seconds (or other quantity) per unit of each measurement's subject, by title."""
    worker = next(worker for worker in _WORKERS if (checkout / f"{worker.replace('.', '/')}.py").exists())
    ran = subprocess.run(  # noqa: S603 - our own module
        [checkout / ".venv/bin/python", "-m", worker, name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout,
        env={**os.environ, **environment_of(name)},
    )
    found = [Measurement.from_json(one) for one in json.loads(ran.stdout)]
    return {one.title: median(one.subject.per_unit) for one in found}


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Returns a distribution-free interval that holds the median of the population in at least 95 % of samples.

    Order statistics: the k-th lowest and k-th highest value, with the largest k that leaves at most 2.5 % on each side
    (Conover, Practical Nonparametric Statistics, 3.2). Raises ValueError for fewer than six values.
    """
    count, ordered = len(values), sorted(values)
    if count < _FEWEST_PAIRS:
        raise ValueError(f"an interval needs at least {_FEWEST_PAIRS} values, not {count}")
    below, k = 0.5**count, 1
    while (below := below + math.comb(count, k) * 0.5**count) <= 0.025:
        k += 1
    return ordered[k - 1], ordered[-k]


if __name__ == "__main__":
    sys.exit(main())
