import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from shared.scoring.catalog import MODEL_NAMES, ModelName, artifact_text, model_card
from shared.scoring.model import ModelArtifactError, content_version, load_model, parse_model

Content = dict[str, Any]

STATEMENT_COLUMNS = (
    "market_cap",
    "total_assets",
    "total_liabilities",
    "current_assets",
    "current_liabilities",
    "inventory",
    "net_income",
    "ebitda",
)


def content_of(name: ModelName = "statements") -> Content:
    content: Content = json.loads(artifact_text(f"{name}.json"))
    return content


def sealed(content: Content) -> str:
    """Returns the text of an artifact whose version matches its content."""
    return json.dumps({**content, "version": content_version(content)})


@pytest.fixture(autouse=True)
def _model_cache_cleared() -> Iterator[None]:
    yield
    load_model.cache_clear()


def _first(content: Content) -> Content:
    feature: Content = content["features"][0]
    return feature


def _drop(content: Content, key: str) -> None:
    del content[key]


MALFORMED: list[tuple[str, Callable[[Content], object], str]] = [
    ("no features", lambda c: _drop(c, "features"), "lacks its features"),
    ("no intercept", lambda c: _drop(c, "intercept"), "lacks its features or its intercept"),
    ("intercept of text", lambda c: c.update(intercept="-6"), "lacks its features or its intercept"),
    ("unknown name", lambda c: c.update(name="other"), "unknown model: 'other'"),
    ("no feature left", lambda c: c["features"].clear(), "other features than the code computes"),
    ("a feature twice", lambda c: c["features"].append(_first(c)), "other features than the code computes"),
    ("an unknown feature", lambda c: _first(c).update(name="mood"), "other features than the code computes"),
    ("a feature named by a list", lambda c: _first(c).update(name=["mood"]), "other features than the code computes"),
    ("a feature that is no object", lambda c: c["features"].__setitem__(0, 5), "other features than the code"),
    ("another direction", lambda c: _first(c).update(risk_direction=1), "another direction than the code declares"),
    ("a step too few", lambda c: _first(c)["contributions"].pop(), "one more is needed"),
    ("break points that fall", lambda c: _first(c)["break_points"].reverse(), "do not ascend"),
    ("break points twice", lambda c: _first(c)["break_points"].__setitem__(1, _first(c)["break_points"][0]), "ascend"),
    ("steps against the direction", lambda c: _first(c)["contributions"].reverse(), "not monotone"),
    (
        "more break points than can be counted",
        lambda c: _first(c).update(break_points=list(range(10_001)), contributions=[0.0] * 10_002),
        "more than 10,000 break points",
    ),
    ("text among the steps", lambda c: _first(c)["contributions"].__setitem__(0, "1"), "not a list of finite numbers"),
    (
        "true among the steps",
        lambda c: _first(c)["contributions"].__setitem__(slice(1), [True]),
        "not a list of finite",
    ),
    ("no break points", lambda c: _drop(_first(c), "break_points"), "not a list of finite numbers"),
]


@pytest.mark.parametrize(("spoil", "message"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_malformed_artifact_is_refused(spoil: Callable[[Content], object], message: str) -> None:
    content = content_of()
    spoil(content)
    with pytest.raises(ModelArtifactError, match=message):
        parse_model(sealed(content))


def test_artifact_of_some_features_in_another_order_scores_by_their_names() -> None:
    content = content_of()
    content["features"] = content["features"][4:0:-1]
    model, whole = parse_model(sealed(content)), parse_model(sealed(content_of()))
    figures = {name: np.array([10.0, 20.0]) for name in STATEMENT_COLUMNS}
    all_contributions = whole.score(whole.feature_matrix(figures)).contributions
    scores = model.score(model.feature_matrix(figures))
    assert model.features == whole.features[4:0:-1]
    assert scores.contributions.tolist() == all_contributions[:, 4:0:-1].tolist()
    assert scores.log_odds == pytest.approx(model.intercept + np.sum(scores.contributions, axis=1))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", '"statements"'])
def test_text_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ModelArtifactError, match=r"not JSON|not a JSON object"):
        parse_model(text)


@pytest.mark.parametrize("schema_version", [0, 2, "1", None])
def test_artifact_of_another_schema_version_is_refused(schema_version: object) -> None:
    with pytest.raises(ModelArtifactError, match=r"schema version .*, this code reads 1"):
        parse_model(sealed({**content_of(), "schema_version": schema_version}))


def test_artifact_changed_after_training_is_refused() -> None:
    content = content_of()
    content["intercept"] -= 0.1
    with pytest.raises(ModelArtifactError, match="was changed after training"):
        parse_model(json.dumps(content))


def test_artifact_with_an_infinite_number_is_refused() -> None:
    content = content_of()
    _first(content)["contributions"][0] = float("inf")
    with pytest.raises(ModelArtifactError, match="not finite"):
        parse_model(json.dumps(content))


def test_missing_artifact_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(file_name: str) -> str:
        raise FileNotFoundError(file_name)

    monkeypatch.setattr("shared.scoring.model.artifact_text", absent)
    load_model.cache_clear()
    with pytest.raises(ModelArtifactError, match="cannot be read"):
        load_model("statements")


def test_artifact_with_the_name_of_another_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.scoring.model.artifact_text", lambda _: sealed(content_of("ratios-annual")))
    load_model.cache_clear()
    with pytest.raises(ModelArtifactError, match="holds the model ratios-annual"):
        load_model("statements")


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_committed_artifact_is_read_into_read_only_tables(name: ModelName) -> None:
    model = parse_model(sealed(content_of(name)))
    assert model.name == name
    assert model.version.startswith(f"{name}-")
    assert not any(table.flags.writeable for table in (*model.contributions, *model.break_points))


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_artifact_holds_the_training_distribution_of_every_feature(name: ModelName) -> None:
    for feature in content_of(name)["features"]:
        distribution = feature["training_distribution"]
        points, shares = distribution["cut_points"], distribution["shares"]
        assert points == sorted(set(points))
        assert len(shares) == len(points) + 1 >= 5
        assert sum(shares) == pytest.approx(1)
        assert all(0 <= share < 0.6 for share in shares)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_contributions_have_both_signs(name: ModelName) -> None:
    for feature in content_of(name)["features"]:
        assert min(feature["contributions"]) < 0 < max(feature["contributions"])


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_card_agrees_with_its_artifact(name: ModelName) -> None:
    card, model, content = model_card(name), load_model(name), content_of(name)
    assert card["name"] == name
    assert card["version"] == model.version
    assert card["data"]["sha256"] == content["trained_on"]["data_sha256"]
    assert card["job_types"] == content["job_types"]
    assert [feature["name"] for feature in card["features"]] == list(model.features)
    assert [entry["blank"] for entry in card["metrics_with_an_input_blank"]] == list(model.features)


@pytest.mark.parametrize(("name", "floor"), [("statements", 0.92), ("ratios-annual", 0.84), ("ratios-quarterly", 0.82)])
def test_committed_model_meets_its_minimum_ranking_quality(name: ModelName, floor: float) -> None:
    card = model_card(name)
    metrics = card["metrics"]
    low, high = metrics["roc_auc_95_interval"]
    assert metrics["roc_auc"] >= floor
    assert low < metrics["roc_auc"] < high
    assert abs(metrics["mean_predicted"] / metrics["observed_rate"] - 1) <= 0.2
    assert metrics["roc_auc"] > max(baseline["roc_auc"] for baseline in card["baselines"])
    assert metrics["brier"] < metrics["observed_rate"] * (1 - metrics["observed_rate"])


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_card_names_license_source_limits_baselines_and_calibration(name: ModelName) -> None:
    card = model_card(name)
    assert "CC BY 4.0" in card["data"]["licence"]
    assert "Lombardo" in card["data"]["citation"]
    assert card["data"]["changes"]
    assert card["not_for"]
    assert {baseline["name"] for baseline in card["baselines"]} == {"Altman Z''", "Ohlson O", "Zmijewski"}
    calibration = card["metrics"]["calibration_table"]
    assert sum(group["n"] for group in calibration) == card["split"]["test"]["rows"]
    assert sum(group["events"] for group in calibration) == card["split"]["test"]["events"]
    assert ("quarterly" in card["job_types"]) == any("not validated" in limit for limit in card["limits"])


def test_changing_a_returned_card_does_not_change_the_next_one() -> None:
    model_card("statements").clear()
    assert model_card("statements")["name"] == "statements"
