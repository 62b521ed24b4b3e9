"""Scoring a few rows at once, without a job: what is handed to whoever runs the models, and what comes back."""

from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRows:
    """Rows in the form in which a job reads them.

    `layout` is the JSON of how they are to be read, `data` their records as CSV without a header, `next_year` the last
    reporting year accepted.
    """

    layout: str
    data: str
    row_count: int
    next_year: int

    def as_json(self) -> dict[str, Any]:
        """The rows as a JSON object."""
        return asdict(self)


class RowScorer(Protocol):
    """Whoever runs the models."""

    def score(self, rows: GivenRows) -> dict[str, Any]:
        """The rows' results and errors, with counts, profile, model version and notes.

        Raises `UnavailableError` when there is no answer in time, `RateLimitedError` when there are too many calls.
        """
