"""Comparison of a model with the one that scored a finished job."""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.schema import template_csv
from shared.scoring.catalog import MODEL_NAMES, artifact_text, basis
from shared.scoring.chunk import score_chunk
from shared.scoring.model import model_for
from shared.scoring.results import header_line
from shared.training.compare import Comparison, compare, largest_moves, main, rank_correlation, report
from shared.vocabulary import JobType, Outcome
from tests.unit.scoring.scored_files import NEXT_YEAR, RATIOS, STATEMENTS, VALID_ROW, layout_of, score_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project's models, none of which scored the files of these tests."""
    path = tmp_path_factory.mktemp("models")
    for name in MODEL_NAMES:
        (path / f"{name}.json").write_text(artifact_text(f"{name}.json"))
    return path


def downloaded(path: Path, file: str, job_type: JobType = JobType.ANNUAL) -> Path:
    """Writes the successful rows of a job that a made-up model scored, and returns the path."""
    layout = layout_of(file.encode(), job_type)
    path.write_bytes(header_line(layout, Outcome.SUCCESSFUL) + score_file(file, job_type).parts.successful)
    return path


def scored_by_new_model(file: str, job_type: JobType = JobType.ANNUAL) -> list[dict[str, str]]:
    """Returns the rows as a job would score them now."""
    layout = layout_of(file.encode(), job_type)
    model = model_for(job_type, layout.profile)
    scored = score_chunk(
        file.encode()[layout.data_start :], layout=layout, first_row=1, model=model, next_year=NEXT_YEAR
    )
    text = (header_line(layout, Outcome.SUCCESSFUL) + scored.parts.successful).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def many_rows(rows: int = 900) -> str:
    """Returns a file of firms of all sizes and debts, some of its rows invalid."""
    generator = np.random.default_rng(5)
    figures = zip(
        1 + generator.lognormal(3, 2, rows), generator.uniform(5, 60, rows), generator.normal(0, 8, rows), strict=True
    )
    lines = [
        f"C{row},Firm,Tech,2015,{market:.1f},50,{debt:.2f},30,10,5,{income:.2f},8"
        for row, (market, debt, income) in enumerate(figures, start=1)
    ]
    lines[::50] = [line.replace("Tech,", ",") for line in lines[::50]]
    return "\n".join([STATEMENTS, *lines])


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_comparison_has_the_probabilities_that_jobs_give(tmp_path: Path, folder: Path, job_type: JobType) -> None:
    file = template_csv(job_type)
    results = downloaded(tmp_path / "successful.csv", file, job_type)
    comparison = compare(results, folder)
    before = list(csv.DictReader(io.StringIO(results.read_text(), newline="")))
    after = scored_by_new_model(file, job_type)
    assert comparison.rows["before"].tolist() == [float(row["default_probability"]) for row in before]
    assert comparison.rows["after"].tolist() == [float(row["default_probability"]) for row in after]
    assert comparison.rows["symbol"].tolist() == [row["company_symbol"] for row in after]
    assert comparison.versions == (before[0]["model_version"], after[0]["model_version"])


def test_rows_keep_their_numbers_over_several_chunks(tmp_path: Path, folder: Path) -> None:
    file = many_rows()
    results = downloaded(tmp_path / "successful.csv", file)
    assert results.stat().st_size > 2 * 64 * 1024
    comparison = compare(results, folder)
    after = scored_by_new_model(file)
    assert comparison.rows["row"].tolist() == [int(row["row"]) for row in after]
    assert comparison.rows["after"].tolist() == [float(row["default_probability"]) for row in after]
    assert len(comparison.rows) == 882


def test_input_columns_named_like_result_columns_are_not_mixed_up(tmp_path: Path, folder: Path) -> None:
    file = f"default_probability,row,{STATEMENTS},model_version\n0.5,77,{VALID_ROW},mine\n"
    comparison = compare(downloaded(tmp_path / "successful.csv", file), folder)
    plain = compare(downloaded(tmp_path / "plain.csv", f"{STATEMENTS}\n{VALID_ROW}\n"), folder)
    assert comparison.rows[["before", "after"]].equals(plain.rows[["before", "after"]])
    assert comparison.rows["row"].tolist() == [1]
    assert comparison.versions == plain.versions


def test_rows_scored_by_the_same_model_do_not_move(tmp_path: Path, folder: Path) -> None:
    layout = layout_of(many_rows().encode(), JobType.ANNUAL)
    model = model_for(JobType.ANNUAL, "statements")
    part = score_chunk(
        many_rows().encode()[layout.data_start :], layout=layout, first_row=1, model=model, next_year=NEXT_YEAR
    ).parts.successful
    results = tmp_path / "successful.csv"
    results.write_bytes(header_line(layout, Outcome.SUCCESSFUL) + part)
    comparison = compare(results, folder)
    assert comparison.rows["before"].tolist() == comparison.rows["after"].tolist()
    assert largest_moves(comparison.rows).empty
    text = report(comparison)
    assert "rank correlation        1.0000" in text
    assert "PSI between grades      0.0000 (stable)" in text
    assert text.count("0.00%") == 2


def test_report_prints_how_the_two_models_differ() -> None:
    before = np.array([0.0004] * 300 + [0.002] * 300)
    after = np.array([0.0004] * 300 + [0.002] * 270 + [0.004] * 20 + [0.2] * 10)
    comparison = Comparison(
        versions=("old", "new"),
        rows=pd.DataFrame(
            {
                "row": range(1, 601),
                "symbol": [f"C{row}" for row in range(1, 601)],
                "before": before,
                "after": after,
            }
        ),
        refused=3,
    )
    lines = report(comparison).splitlines()
    assert lines[:2] == ["600 rows by old (before) and new (after)", "refused by the rules of today: 3"]
    printed = {line[:24].strip(): line[24:].split() for line in lines}
    assert printed["rows changing grade"] == ["5.00%"]
    assert printed["rows changing level"] == ["1.67%"]
    assert printed["R03"] == ["300", "270"]
    assert printed["R10"] == ["0", "10"]
    assert printed["mean"] == ["0.0012", "0.00456667"]
    assert printed["p50"] == ["0.0004", "0.0004"]
    assert printed["p99"] == ["0.002", "0.2"]
    # By hand: the ranks of four groups of ties, and the shares of R01, R03, R04 and R10, none counting as half a row.
    assert printed["rank correlation"] == ["0.9782"]
    assert printed["PSI between grades"] == ["0.1717", "(moderately", "shifted)"]
    moved = lines[lines.index(next(line for line in lines if line.startswith("largest moves"))) + 1 :]
    assert moved[0].split() == ["591", "0.002", "0.2", "C591"]
    assert len(moved) == 10


def test_probability_of_one_counts_as_a_move() -> None:
    rows = pd.DataFrame({"row": [1, 2], "symbol": ["A", "B"], "before": [0.5, 1.0], "after": [0.6, 0.5]})
    assert largest_moves(rows)["row"].tolist() == [2, 1]


@given(pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=40))
def test_rank_correlation_uses_mean_ranks(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, dtype=np.float64).T
    ranks = [[sum(other < one for other in side) + sum(side == one) / 2 for one in side] for side in (first, second)]
    found = rank_correlation(pd.DataFrame({"before": first, "after": second}))
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(np.array(ranks)).item(0, 1))


def test_results_that_cannot_be_compared_are_refused_with_a_sentence(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = downloaded(tmp_path / "successful.csv", f"{STATEMENTS}\n{VALID_ROW}\n")
    assert main([str(results), str(folder)]) == 0
    assert "1 rows by statements-made-up (before)" in capsys.readouterr().out
    header, row = results.read_text().splitlines()
    files = {
        "upload.csv": (f"{STATEMENTS}\n{VALID_ROW}\n", "successful rows"),
        "empty.csv": ("", "successful rows"),
        "no-rows.csv": (f"{header}\n", "no row"),
        "foreign.csv": (f"{header}\n{row.replace(basis(JobType.ANNUAL, 'statements'), 'by hand')}\n", "no row"),
        "refused.csv": (f"{header}\n{row.replace('ACME,', ',')}\n", "refuse each of the 1 rows"),
        "latin.csv": (f"{header}\n{row}\n", "is not UTF-8"),
    }
    for name, (text, sentence) in files.items():
        path = tmp_path / name
        path.write_bytes(text.encode() + (b"\xff" if name == "latin.csv" else b""))
        assert main([str(path), str(folder)]) == 2, name
        printed = capsys.readouterr().err
        assert printed.startswith("Nothing was compared: "), name
        assert sentence in printed, name
    assert main([str(tmp_path / "absent.csv"), str(folder)]) == 2
    assert "absent.csv" in capsys.readouterr().err


def test_unusable_model_is_refused_with_a_sentence(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = downloaded(tmp_path / "successful.csv", f"{STATEMENTS}\n{VALID_ROW}\n")
    models = tmp_path / "models"
    models.mkdir()
    assert main([str(results), str(models)]) == 2
    assert "has no statements.json" in capsys.readouterr().err
    shutil.copy(folder / "ratios-annual.json", models / "statements.json")
    assert main([str(results), str(models)]) == 2
    assert "holds the model ratios-annual" in capsys.readouterr().err
    (models / "statements.json").write_text("{}")
    assert main([str(results), str(models)]) == 2
    assert "schema version" in capsys.readouterr().err


def test_ratio_rows_are_scored_by_the_ratio_model(tmp_path: Path, folder: Path) -> None:
    comparison = compare(
        downloaded(tmp_path / "successful.csv", f"{RATIOS}\nACME,Acme Inc,Tech,2015,100,50,2,3,1,4\n"), folder
    )
    assert comparison.versions[1] == model_for(JobType.ANNUAL, "ratios").version
