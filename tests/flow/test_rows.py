"""Synchronous scoring through the score function's handler, compared with a job of the same rows."""

import json

import pytest

from functions.api.handler import ApiSettings, services
from shared.delimited.cells import decimal_text
from shared.delimited.dialect import CANONICAL
from shared.inputs.header import read_layout
from shared.jobs.errors import UnavailableError
from shared.jobs.ports import GivenRows
from shared.jobs.service import JobService
from shared.vocabulary import JobType
from tests.flow.system import System
from tests.flow.test_jobs import MEMBER, annual_csv, jobs, ran, result
from tests.synthesized import JsonObject

__all__ = ["jobs"]


def rows_of(body: bytes, *, count: int, next_year: int) -> GivenRows:
    layout = read_layout(body, CANONICAL, job_type=JobType.ANNUAL, is_whole_file=True)
    data = body[layout.data_start :].decode()
    return GivenRows(layout=layout.to_json(), data=data, row_count=count, next_year=next_year, notes=[])


def test_synchronous_scores_equal_those_of_a_job_byte_by_byte(system: System, jobs: JobService) -> None:
    body = annual_csv(100, invalid=7)
    job_id = ran(system, jobs, body)
    started = jobs.get(MEMBER, job_id).job.started_at
    assert started is not None
    scorer = services(ApiSettings.from_environment()).score_rows
    response = scorer(rows_of(body, count=100, next_year=started.year + 1))

    scored = result(system, job_id, "successful")
    assert (response["successful_rows"], response["failed_rows"]) == (93, 7) == (len(scored), len(response["errors"]))
    for ours, theirs in zip(response["results"], scored, strict=True):
        lists = {name for name, value in ours.items() if isinstance(value, list)}
        assert {name: json.loads(theirs[name]) for name in lists} == {name: ours[name] for name in lists}
        assert decimal_text(ours["default_probability"]) == theirs["default_probability"]
        for name in set(ours) - lists - {"default_probability"}:
            assert str(ours[name]) == theirs[name]
    failed = {row["row"]: row["error"] for row in result(system, job_id, "failed")}
    assert {str(error["row"]): error["error"] for error in response["errors"]} == failed


def test_synchronous_scoring_is_unavailable_when_the_function_fails(system: System) -> None:
    def fail(_: JsonObject) -> None:
        raise RuntimeError("out of memory")

    system.before["score"] = [fail]
    scorer = services(ApiSettings.from_environment()).score_rows
    with pytest.raises(UnavailableError):
        scorer(rows_of(annual_csv(3), count=3, next_year=2027))
