"""How the caller's jobs have gone, through HTTP."""

from typing import Any

from shared.api_types import StatisticsResponse
from tests.builders import a_completed_job, a_job
from tests.fakes import FakeJobStore
from tests.unit.api.bodies import assert_is_a
from tests.unit.api.conftest import API, Client, ClientOf, Token


def test_statistics_are_those_of_the_callers_own_scope(client_of: ClientOf, token: Token, store: FakeJobStore) -> None:
    for job in (
        a_completed_job(),
        a_job(),
        a_completed_job(organization_id="rival", final_successful_rows=10, final_failed_rows=0),
        a_job(organization_id=None, user_id="user-5"),
    ):
        store.add(job)

    def seen(**claims: Any) -> tuple[int, int, float | None]:
        answer = client_of(token(**claims)).get(f"{API}/jobs/statistics")
        assert answer.status_code == 200
        assert_is_a(StatisticsResponse, answer.json())
        statistics = answer.json()["statistics"]
        return statistics["jobs"]["total"], statistics["rows"]["processed"], statistics["success_rate"]

    assert seen() == seen(sub="user-2") == (2, 10, 0.8)
    assert seen(organization_id="rival") == (1, 10, 1.0)
    assert seen(sub="user-5", organization_id=None) == (1, 0, None)
    assert seen(sub="user-6", organization_id=None) == (0, 0, None)
    assert seen(role="super_admin", organization_id=None) == (4, 20, 0.9)


def test_the_answer_has_every_status_and_says_that_it_is_complete(client: Client, store: FakeJobStore) -> None:
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
