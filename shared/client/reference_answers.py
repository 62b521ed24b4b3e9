"""The API's answers about files and models as types, like `answers`."""

from typing import TypedDict

from shared.client.answers import JobType, JsonObject


class SchemaColumn(TypedDict):
    """A column and the rule of its cells."""

    name: str
    type: str
    description: str
    required: bool


class Schema(TypedDict):
    """The columns a file may have, by profile."""

    job_type: JobType
    profiles: dict[str, list[str]]
    columns: list[SchemaColumn]


class ModelFeature(TypedDict):
    """An input of a model; `risk` says which way it moves the risk."""

    name: str
    description: str
    risk: str
    steps: int


class Model(TypedDict):
    """The model that scores one job type and profile, as its card describes it."""

    job_type: JobType
    profile: str
    basis: str
    name: str
    title: str
    version: str
    features: list[ModelFeature]
    metrics: JsonObject
    intended_use: str
    not_for: list[str]
    limits: list[str]


class Models(TypedDict):
    """The model of each job type and profile."""

    models: list[Model]
