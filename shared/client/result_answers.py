"""The API's answers about what came of a job, as types."""

from typing import TypedDict


class DefaultProbabilities(TypedDict):
    """How the default probabilities of a job's rows are spread; the quantiles by `p05` to `p99`."""

    mean: float
    lowest: float
    highest: float
    quantiles: dict[str, float]


class RiskyRow(TypedDict):
    """One of the riskiest rows."""

    row: int
    company_symbol: str
    company_name: str
    sector: str
    default_probability: float
    risk_level: str
    risk_grade: str


class RiskSummary(TypedDict):
    """The risk of all scored rows of a job; the probabilities are None where none was scored."""

    rows: int
    default_probability: DefaultProbabilities | None
    by_risk_level: dict[str, int]
    by_risk_grade: dict[str, int]
    riskiest: list[RiskyRow]


class Results(TypedDict):
    """A page of scored rows, with the risk of the whole job."""

    job_id: str
    summary: RiskSummary | None
