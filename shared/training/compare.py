"""Compares a model with the one that scored a finished job: the job's rows, scored by both.

python -m shared.training.compare successful.csv my-models
"""

import argparse
import datetime
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
import pandas as pd

from shared.delimited.dialect import CANONICAL, HEAD_BYTES
from shared.inputs.chunks import chunk_size, plan_chunks
from shared.inputs.columns import ProfileName
from shared.inputs.errors import FileError
from shared.inputs.header import Layout, read_layout
from shared.scoring.catalog import RISK_GRADES, basis, model_name_for
from shared.scoring.chunk import ChunkError, score_chunk
from shared.scoring.features import FloatArray
from shared.scoring.model import IntArray, Model, ModelArtifactError, parse_model, risk_grades, risk_levels
from shared.scoring.results import DEFAULT_PROBABILITY, ROW, SCORE_COLUMNS
from shared.scoring.risk_summary import QUANTILES, population_stability
from shared.vocabulary import JobType

MOVES_SHOWN: Final = 10

# The last columns of a `successful` file, and the positions of some of them, from its end.
_RESULT_COLUMNS: Final = (ROW, *SCORE_COLUMNS)
_PROBABILITY, _VERSION, _BASIS = (
    _RESULT_COLUMNS.index(name) - len(_RESULT_COLUMNS) for name in (DEFAULT_PROBABILITY, "model_version", "model_basis")
)
_JOB_TYPES: Final[dict[str, JobType]] = {
    basis(job_type, profile): job_type for job_type in JobType for profile in get_args(ProfileName)
}


class CompareError(Exception):
    """The file cannot be compared."""


_UNUSABLE: Final = (
    CompareError,
    FileError,
    ChunkError,
    ModelArtifactError,
    OSError,
    UnicodeDecodeError,
    pd.errors.ParserError,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """The n rows of a job, scored by two models.

    `rows` has the columns `row` (its number), `symbol`, and `before` and `after`: the default probabilities as results
    print them. `refused` counts the rows that are no longer scored.
    """

    versions: tuple[str, str]
    rows: pd.DataFrame
    refused: int


def compare(results: Path, folder: Path) -> Comparison:
    """Scores the rows of a job's `successful` file again, with the model of the folder for their type and profile.

    Uses the code that scores jobs. Raises CompareError, FileError or ChunkError for an unusable file,
    ModelArtifactError for an unusable model, and OSError.
    """
    layout, version = _read_head(results)
    model = _model(folder, layout)
    scored, refused = _scored(results, layout, model)
    if scored.empty:
        raise CompareError(f"the rules of today refuse each of the {refused:,} rows of {results}")
    symbol, own = layout.normalized.index("company_symbol"), len(layout.names)
    # The job's score is among the input columns; the new one follows them.
    rows = pd.DataFrame(
        {
            "row": scored[own - len(_RESULT_COLUMNS)].astype(int),
            "symbol": scored[symbol],
            "before": scored[own + _PROBABILITY].astype(float),
            "after": scored[len(scored.columns) + _PROBABILITY].astype(float),
        }
    )
    return Comparison(versions=(version, model.version), rows=rows, refused=refused)


def _scored(results: Path, layout: Layout, model: Model) -> tuple[pd.DataFrame, int]:
    """Returns the scored rows as text, their columns numbered, and the number of refused rows."""
    parts: list[bytes] = []
    refused = 0
    with results.open("rb") as planned, results.open("rb") as file:
        for chunk in plan_chunks(planned, layout, chunk_bytes=chunk_size(results.stat().st_size)):
            file.seek(chunk.start)
            scored = score_chunk(
                file.read(chunk.end - chunk.start),
                layout=layout,
                first_row=chunk.first_row,
                row_count=chunk.row_count,
                model=model,
                next_year=datetime.datetime.now(datetime.UTC).year + 1,
            )
            refused += scored.failed
            parts.append(scored.parts.successful)
    return _cells(io.BytesIO(b"".join(parts))), refused


def _cells(file: io.BytesIO | Path, *, rows: int | None = None) -> pd.DataFrame:
    """Returns the cells of a result file as text; a file without rows gives no columns."""
    try:
        return pd.read_csv(file, header=None, dtype=str, na_filter=False, nrows=rows, lineterminator="\n")
    except pd.errors.EmptyDataError:
        return pd.DataFrame()


def _read_head(results: Path) -> tuple[Layout, str]:
    """Returns the layout of the file, and the version of the model that scored it."""
    head_rows = _cells(results, rows=2)
    header, first = (list(head_rows.loc[row]) if row in head_rows.index else [] for row in range(2))
    if tuple(header[-len(_RESULT_COLUMNS) :]) != _RESULT_COLUMNS:
        raise CompareError(f"{results} is not the file of a job's successful rows, as CSV and scored")
    if len(first) != len(header) or first[_BASIS] not in _JOB_TYPES:
        raise CompareError(f"{results} has no row that says by which model it was scored")
    with results.open("rb") as file_bytes:
        head = file_bytes.read(HEAD_BYTES)
    layout = read_layout(
        head,
        CANONICAL,
        job_type=_JOB_TYPES[first[_BASIS]],
        is_whole_file=results.stat().st_size <= HEAD_BYTES,
        max_columns=len(header),
    )
    return layout, first[_VERSION]


def _model(folder: Path, layout: Layout) -> Model:
    name = model_name_for(layout.job_type, layout.profile)
    path = folder / f"{name}.json"
    if not path.is_file():
        raise CompareError(f"{folder} has no {path.name}, which is the model for these rows")
    model = parse_model(path.read_text(encoding="utf-8"))
    if model.name != name:
        raise ModelArtifactError(f"{path} holds the model {model.name}")
    return model


def rank_correlation(rows: pd.DataFrame) -> float | None:
    """Returns Spearman's rank correlation, with the mean rank for ties; None when one side is all ties."""
    correlation = float(rows[["before", "after"]].corr("spearman").to_numpy()[0, 1])
    return None if np.isnan(correlation) else correlation


def largest_moves(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows whose log-odds moved most, the largest move first, then by row."""
    moves = pd.Series(np.abs(_log_odds(rows["after"].to_numpy()) - _log_odds(rows["before"].to_numpy())), rows.index)
    return rows.loc[moves[moves > 0].nlargest(MOVES_SHOWN).index]


def _log_odds(probability: FloatArray) -> FloatArray:
    # Rounded to six digits, a probability may be 1.
    below_one = np.minimum(probability, np.nextafter(1, 0))
    log_odds: FloatArray = np.log(below_one) - np.log1p(-below_one)
    return log_odds


def report(comparison: Comparison) -> str:
    """Returns the comparison for the terminal."""
    rows = comparison.rows
    before, after = rows["before"].to_numpy(), rows["after"].to_numpy()
    grades, levels = [[place(side) for side in (before, after)] for place in (risk_grades, risk_levels)]
    correlation = rank_correlation(rows)
    stability = population_stability(_by_grade(grades[1]), _by_grade(grades[0]))
    lines = [
        f"{len(rows):,} rows by {comparison.versions[0]} (before) and {comparison.versions[1]} (after)",
        f"refused by the rules of today: {comparison.refused:,}",
        "",
        f"{'rank correlation':<24}{'one side is all ties' if correlation is None else f'{correlation:.4f}'}",
        f"{'PSI between grades':<24}{stability['index']:.4f} ({stability['reading'].replace('_', ' ')})",
        f"{'rows changing grade':<24}{np.mean(grades[0] != grades[1]):.2%}",
        f"{'rows changing level':<24}{np.mean(levels[0] != levels[1]):.2%}",
        "",
        f"{'default probability':<24}{'before':>16}{'after':>16}",
        _pair("mean", float(np.mean(before)), float(np.mean(after))),
        *(_pair(name, _quantile(before, share), _quantile(after, share)) for name, share in QUANTILES.items()),
        "",
        f"{'grade':<24}{'before':>16}{'after':>16}",
        *(
            f"{name:<24}{first:>16,}{second:>16,}"
            for name, first, second in zip(RISK_GRADES, *map(_by_grade, grades), strict=True)
        ),
        "",
        f"{'largest moves, row':<24}{'before':>16}{'after':>16}  company",
        *(
            _pair(f"{row:,}", first, second) + f"  {symbol}"
            for row, symbol, first, second in largest_moves(rows).itertuples(index=False, name=None)
        ),
    ]
    return "\n".join(lines)


def _by_grade(places: IntArray) -> list[int]:
    return np.bincount(places, minlength=len(RISK_GRADES)).tolist()


def _quantile(probability: FloatArray, share: float) -> float:
    return float(np.quantile(probability, share, method="inverted_cdf"))


def _pair(name: str, before: float, after: float) -> str:
    shown = [
        np.format_float_positional(number, precision=6, unique=False, fractional=False, trim="-")
        for number in (before, after)
    ]
    return f"{name:<24}{shown[0]:>16}{shown[1]:>16}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison. Returns the exit code: 2 when the file or the model cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m shared.training.compare", description="Compare a model with the one that scored a finished job."
    )
    parser.add_argument("results", type=Path, help="the job's successful rows, as downloaded: CSV")
    parser.add_argument("folder", type=Path, help="the folder of the models to compare with")
    options = parser.parse_args(arguments)
    try:
        print(report(compare(options.results, options.folder)))
    except _UNUSABLE as error:
        print(f"Nothing was compared: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
