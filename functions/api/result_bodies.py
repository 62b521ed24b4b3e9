"""A page of results and the risk summary of a job, for the OpenAPI document."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.api.bodies import RowPagination, Success
from functions.api.row_bodies import TopFactor


class ResultRowBody(BaseModel):
    """A row without fault: the input's own columns as text, and what was found unless rows were only validated."""

    model_config = ConfigDict(extra="allow")

    row: int
    default_probability: float | None = Field(default=None, ge=0, le=1, description="Within twelve months")
    risk_level: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] | None = None
    risk_grade: str | None = None
    top_factors: list[TopFactor] | None = None
    missing_ratios: list[str] | None = None
    out_of_range: list[str] | None = None
    model_version: str | None = None
    model_basis: str | None = None


class DefaultProbabilities(BaseModel):
    """Of all scored rows. A quantile is within 0.25 % of the figure of the row that stands there."""

    mean: float
    lowest: float
    highest: float
    quantiles: dict[str, float] = Field(description="`p05` to `p99`")


class SectorRisk(BaseModel):
    """The scored rows of a sector, or of all sectors beyond the largest."""

    rows: int
    mean_default_probability: float
    by_risk_level: dict[str, int]


class NamedSectorRisk(SectorRisk):
    """The scored rows of a sector, as it is written in the file."""

    sector: str


class RiskyRow(BaseModel):
    """One of the rows of highest default probability."""

    row: int
    company_symbol: str
    company_name: str
    sector: str
    reporting_year: str
    reporting_quarter: str | None = None
    default_probability: float
    risk_level: str
    risk_grade: str
    top_factors: list[TopFactor]


class DuplicateRows(BaseModel):
    """Rows of one company and period; no more than the first ten."""

    rows: list[int]


class Duplicates(BaseModel):
    """Companies and periods that more than one row is of, and how many rows those are; no fault of any row."""

    companies_and_periods: int
    rows: int
    examples: list[DuplicateRows]


class FigureGaps(BaseModel):
    """How many scored rows lack a figure, or have it outside its usual range."""

    name: str
    missing: int
    out_of_range: int


class PopulationStability(BaseModel):
    """How far the grades of the job's rows are from those of the model's training data.

    `index` is the population stability index: customarily stable below 0.10, shifted from 0.25 on.
    """

    index: float
    reading: Literal["stable", "moderately_shifted", "shifted", "too_few_rows"]
    training_rows: int
    training_grades: dict[str, int]


class RiskSummaryBody(BaseModel):
    """The risk of all scored rows of a job, put together when it ended."""

    rows: int
    model_version: str | None
    default_probability: DefaultProbabilities | None
    by_risk_level: dict[str, int]
    by_risk_grade: dict[str, int]
    by_sector: list[NamedSectorRisk]
    other_sectors: SectorRisk | None
    riskiest: list[RiskyRow]
    duplicates: Duplicates
    figures: list[FigureGaps]
    population_stability: PopulationStability | None


class ResultLinks(BaseModel):
    """Where all rows are as a file."""

    download: str


class ResultsAnswer(Success):
    """A page of scored rows in row order, and the risk of the whole job."""

    job_id: UUID
    results: list[ResultRowBody]
    summary: RiskSummaryBody | None
    pagination: RowPagination
    links: ResultLinks
