"""Statistics of the jobs in the scope of the caller, through HTTP."""

from typing import Any

from shared.api_types import StatisticsResponse
from tests.builders import a_completed_job, a_job
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import API, Client, ClientOf, Token
from tests.unit.api.schema_checks import assert_matches


def test_statistics_are_limited_to_the_scope_of_the_caller(
    client_of: ClientOf, token: Token, store: FakeJobStore
) -> None:
    for job in (
        a_completed_job(),
        a_job(),
        a_completed_job(organization_id="rival", final_successful_rows=10, final_failed_rows=0),
        a_job(organization_id=None, user_id="user-5"),
    ):
        store.add(job)

    def totals(**claims: Any) -> tuple[int, int, float | None]:
        response = client_of(token(**claims)).get(f"{API}/jobs/statistics")
        assert response.status_code == 200
        assert_matches(StatisticsResponse, response.json())
        statistics = response.json()["statistics"]
        return statistics["jobs"]["total"], statistics["rows"]["processed"], statistics["success_rate"]

    assert totals() == totals(sub="user-2") == (2, 10, 0.8)
    assert totals(organization_id="rival") == (1, 10, 1.0)
    assert totals(sub="user-5", organization_id=None) == (1, 0, None)
    assert totals(sub="user-6", organization_id=None) == (0, 0, None)
    assert totals(role="super_admin", organization_id=None) == (4, 20, 0.9)


def test_statistics_include_every_status_and_are_complete(client: Client, store: FakeJobStore) -> None:
    store.add(a_completed_job())
    body = client.get(f"{API}/jobs/statistics").json()
    assert body == {
        "success": True,
        "statistics": {
            "jobs": {
                "total": 1,
                "by_status": {"pending": 0, "queued": 0, "processing": 0, "completed": 1, "failed": 0},
                "cancelled": 0,
            },
            "rows": {"total": 10, "processed": 10, "successful": 8, "failed": 2},
            "success_rate": 0.8,
            "rows_per_second": 0.17,
            "is_complete": True,
            "since": None,
        },
    }
