"""Models of a deployer's own data: trained by one command, validated before they are deployed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.scoring.catalog import MODEL_NAMES, artifact_text, model_card
from shared.scoring.model import content_version
from shared.scoring.replacement import main as validate
from shared.training.__main__ import main as train
from tests.own_data import write_own_data

TRAINED_WITH = ["--name", "Own portfolio", "--training-until", "2010", "--calibration-until", "2014"]


@pytest.fixture(scope="module")
def own_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data in the documented columns."""
    path = tmp_path_factory.mktemp("own") / "own.csv"
    write_own_data(path, firms=1200)
    return path


@pytest.fixture(scope="module")
def trained(own_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    assert train([str(own_file), "--out", str(folder), *TRAINED_WITH]) == 0
    return folder


def test_models_of_own_data_are_valid_and_their_cards_name_the_data(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate([str(trained)]) == 0
    versions = capsys.readouterr().out.split()
    cards = [json.loads((trained / f"{name}.card.json").read_text()) for name in MODEL_NAMES]
    assert [card["version"] for card in cards] == versions
    for card in cards:
        assert card["data"]["name"] == "Own portfolio"
        assert "American" not in json.dumps(card["data"])
        assert "United States" not in json.dumps([card["intended_use"], card["not_for"]])
        assert card["split"]["training"]["years"] == [1999, 2014]
        assert card["split"]["calibration"]["years"] == [2002 if card["name"] == "statements" else 2012, 2014]
        assert card["split"]["test"]["years"][0] == 2015
        assert card["looks_at_test_window"] == 1
        assert len(card["metrics"]["calibration_by_size"]) == 3
        assert card["compared_with_previous"]["version"] == model_card(card["name"])["version"]


def test_training_on_few_years_keeps_three_windows(own_file: Path, tmp_path: Path) -> None:
    few_years = ["--training-from", "2008", "--calibration-until", "2013", "--looks", "3"]
    assert train([str(own_file), "--out", str(tmp_path), *TRAINED_WITH, *few_years]) == 0
    card = json.loads((tmp_path / "statements.card.json").read_text())
    assert [card["split"][window]["years"] for window in ("training", "calibration")] == [[2008, 2010], [2011, 2013]]
    assert card["looks_at_test_window"] == 3


def test_own_model_that_misjudges_sizes_is_written_only_when_allowed(
    own_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.training.training.LARGEST_SIZE_Z", 0.0)
    out = tmp_path / "models"
    assert train([str(own_file), "--out", str(out), *TRAINED_WITH]) == 2
    assert "third by total assets and there are" in capsys.readouterr().err
    assert not out.exists()
    assert train([str(own_file), "--out", str(out), *TRAINED_WITH, "--allow-size-bias"]) == 0
    assert (out / "statements.json").exists()


@pytest.mark.parametrize(
    ("spoil", "arguments", "sentence"),
    [
        (lambda text: text.replace(",1,", ",yes,", 1), TRAINED_WITH, "it has to be 0 or 1"),
        (lambda text: text.replace("ebitda", "ebitdas", 1), TRAINED_WITH, "it lacks ebitda"),
        (lambda text: text, [], "say with --name"),
        (lambda text: text, [*TRAINED_WITH, "--calibration-until", "2018"], "the test window has 0 failures"),
    ],
)
def test_unusable_own_data_is_refused_with_a_sentence(
    own_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[str], str],
    arguments: list[str],
    sentence: str,
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(spoil(own_file.read_text()))
    assert train([str(path), "--out", str(tmp_path / "models"), *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def write_model(folder: Path, **changes: object) -> None:
    """Writes an artifact with these changes and a matching version, and a card of that version."""
    content = {**json.loads(artifact_text("statements.json")), **changes}
    content["version"] = content_version(content)
    card = {**json.loads(artifact_text("statements.card.json")), "version": content["version"]}
    (folder / "statements.json").write_text(json.dumps(content))
    (folder / "statements.card.json").write_text(json.dumps(card))


def not_monotone(folder: Path) -> None:
    features = json.loads(artifact_text("statements.json"))["features"]
    features[0]["contributions"].reverse()
    write_model(folder, features=features)


INVALID_MODELS: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: (folder / "statements.json").unlink(), "lacks statements.json"),
    (lambda folder: (folder / "statements.card.json").unlink(), "lacks statements.card.json"),
    (lambda folder: (folder / "other.json").write_text("{}"), "holds other.json: models are called statements,"),
    (lambda folder: (folder / "statements.json").write_text("{"), "the artifact is not JSON"),
    (lambda folder: (folder / "statements.card.json").write_text("[]"), "statements.card.json lacks name,"),
    (lambda folder: write_model(folder, schema_version=2), "schema version 2, this code reads 1"),
    (lambda folder: write_model(folder, name="ratios-annual"), "other features than the code computes"),
    (lambda folder: (folder / "statements.card.json").write_text(artifact_text("ratios-annual.card.json")), "the card"),
    (not_monotone, "are not monotone in its declared direction"),
]


@pytest.mark.parametrize(("spoil", "sentence"), INVALID_MODELS)
def test_model_that_the_functions_would_refuse_is_not_deployed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], sentence: str
) -> None:
    write_model(tmp_path)
    assert validate([str(tmp_path)]) == 0
    spoil(tmp_path)
    assert validate([str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


def test_folder_without_a_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate([str(tmp_path / "nowhere")]) == 1
    assert "holds no model" in capsys.readouterr().err
