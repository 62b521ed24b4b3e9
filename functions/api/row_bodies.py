"""Rows scored at once, and the models that score them, for the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.api.bodies import Success
from functions.api.job_bodies import RowErrorBody
from shared.jobs.job import JobType

Profile = Literal["statements", "ratios"]


class TopFactor(BaseModel):
    """An input, and how far it moves the row's log-odds; positive is riskier."""

    model_config = ConfigDict(extra="allow")


class ScoredRowBody(BaseModel):
    """The input's own columns as text, and what was found."""

    model_config = ConfigDict(extra="allow")

    row: int
    default_probability: float = Field(ge=0, le=1, description="Within twelve months")
    risk_level: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    risk_grade: str
    top_factors: list[TopFactor]
    missing_ratios: list[str]
    out_of_range: list[str]
    model_version: str
    model_basis: str


class RowsAnswer(Success):
    """Rows scored at once; every row is in `results` or in `errors`, by its number."""

    job_type: JobType
    profile: Profile
    model_version: str
    total_rows: int
    successful_rows: int
    failed_rows: int
    results: list[ScoredRowBody]
    errors: list[RowErrorBody]
    notes: list[str]


class ModelFeature(BaseModel):
    """An input of a model; `risk` says which way it moves the risk."""

    name: str
    description: str
    risk: str
    steps: int


class ModelBody(BaseModel):
    """The model that scores one job type and profile, as its card describes it."""

    job_type: JobType
    profile: Profile
    basis: str
    name: str
    title: str
    version: str
    date: str
    predicts: str
    method: str
    features: list[ModelFeature]
    training_data: dict[str, Any]
    split: dict[str, Any]
    metrics: dict[str, Any]
    metrics_with_an_input_blank: list[dict[str, Any]]
    calibration: dict[str, Any]
    baselines: list[dict[str, Any]]
    intended_use: str
    not_for: list[str]
    limits: list[str]


class ModelsAnswer(Success):
    """The model of each job type and profile."""

    models: list[ModelBody]
