"""The models and their cards, as callers read them."""

from typing import Literal

from shared.api_types import ModelsResponse
from shared.scoring.catalog import basis, model_card
from shared.scoring.model import model_for
from shared.vocabulary import JobType
from tests.unit.api.conftest import API, Client
from tests.unit.api.schema_checks import assert_matches


def test_each_job_type_and_profile_has_the_model_that_scores_it(client: Client) -> None:
    response = client.get(f"{API}/models")
    assert response.status_code == 200
    assert_matches(ModelsResponse, response.json())
    models = {(model["job_type"], model["profile"]): model for model in response.json()["models"]}
    job_types: tuple[JobType, ...] = (JobType.ANNUAL, JobType.QUARTERLY)
    profiles: tuple[Literal["statements", "ratios"], ...] = ("statements", "ratios")
    for job_type in job_types:
        for profile in profiles:
            model = models.pop((job_type, profile))
            assert model["version"] == model_for(job_type, profile).version
            assert model["basis"] == basis(job_type, profile)
            card = model_card(model["name"])
            assert model["training_data"] == card["data"]
            assert model["metrics"]["roc_auc"] == card["metrics"]["roc_auc"]
            assert model["calibration"]["calibration_table"] == card["metrics"]["calibration_table"]
            assert [feature["name"] for feature in model["features"]] == [
                feature["name"] for feature in card["features"]
            ]
    assert models == {}


def test_quarterly_model_says_on_what_basis_it_is_used(client: Client) -> None:
    models = client.get(f"{API}/models").json()["models"]
    quarterly = [model["basis"] for model in models if model["job_type"] == "quarterly"]
    assert len(quarterly) == 2
    assert all("not validated on quarterly outcomes" in text for text in quarterly)


def test_unchanged_models_are_304_without_a_body(client: Client) -> None:
    response = client.get(f"{API}/models")
    assert response.headers["Cache-Control"] == "private, max-age=300"
    again = client.get(f"{API}/models", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
