"""The list of jobs: filters, order, pages, and cursors that cannot be altered or shared."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.api.pagination import cursor_serializer, read_cursor, sign_cursor
from shared.api_types import JobListResponse
from shared.jobs.errors import InvalidCursorError
from shared.jobs.job import JobType, UploadOptions
from tests.builders import NOON, a_completed_job, a_job
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import API, Client, ClientOf, Token
from tests.unit.api.schema_checks import assert_matches


class TestList:
    """GET /jobs."""

    @pytest.fixture
    def twelve(self, store: FakeJobStore) -> list[str]:
        """Returns the ids of twelve jobs, newest first: every third is quarterly, every second completed."""
        ids = []
        for number in range(12):
            job_type = JobType.QUARTERLY if number % 3 == 0 else JobType.ANNUAL
            made = {"job_type": job_type, "created_at": NOON + timedelta(minutes=number)}
            job = a_completed_job(**made) if number % 2 else a_job(**made)
            store.add(job)
            ids.append(str(job.id))
        return ids[::-1]

    def test_list_is_newest_first_with_the_fields_of_status(self, client: Client, twelve: list[str]) -> None:
        body = client.get(f"{API}/jobs").json()
        assert_matches(JobListResponse, body)
        assert [job["id"] for job in body["jobs"]] == twelve
        assert body["pagination"] == {"total": 12, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
        status = client.get(f"{API}/jobs/{twelve[0]}/status").json()["job"]
        assert body["jobs"][0] == status

    def test_list_supports_the_loops_of_the_base_document(self, client: Client, twelve: list[str]) -> None:
        completed = client.get(f"{API}/jobs?status=completed&limit=100").json()["jobs"]
        assert len(completed) == 6
        for job in completed:
            assert client.delete(f"{API}/jobs/{job['id']}").status_code == 200
        assert client.get(f"{API}/jobs?status=completed").json()["jobs"] == []
        assert len(twelve) == 12

    def test_list_is_filtered_and_sorted(self, client: Client, twelve: list[str]) -> None:
        def ids(query: str) -> list[str]:
            return [job["id"] for job in client.get(f"{API}/jobs?{query}").json()["jobs"]]

        assert ids("sort=created_at") == twelve[::-1]
        assert ids("status=pending&status=completed") == twelve
        assert ids("status=processing") == []
        assert len(ids("job_type=quarterly")) == 4
        assert len(ids("job_type=quarterly&status=completed")) == 2
        assert ids("offset=3&limit=4&unknown=ignored") == twelve[3:7]

    def test_cursor_pages_have_each_job_once_while_jobs_come_and_go(
        self, client: Client, store: FakeJobStore, twelve: list[str]
    ) -> None:
        shown: list[str] = []
        cursor = None
        for page in range(20):
            params = {"limit": "5", **({"cursor": cursor} if cursor else {})}
            body = client.get(f"{API}/jobs", params=params).json()
            assert_matches(JobListResponse, body)
            shown += [job["id"] for job in body["jobs"]]
            # A new job at the top and the deletion of a listed job do not move the following pages.
            store.add(a_job(created_at=NOON + timedelta(hours=page + 1)))
            client.delete(f"{API}/jobs/{shown[page]}")
            assert (body["pagination"]["total"], body["pagination"]["offset"]) == (12, page * 5)
            cursor = body["pagination"]["next_cursor"]
            assert body["pagination"]["has_more"] is (cursor is not None)
            if cursor is None:
                break
        assert shown == twelve

    def test_list_counts_exactly_to_a_thousand_and_then_gives_a_lower_bound(
        self, client: Client, store: FakeJobStore
    ) -> None:
        for _ in range(1_000):
            store.add(a_job())
        assert client.get(f"{API}/jobs?limit=1").json()["pagination"]["total"] == 1_000
        store.add(a_job())
        pagination = client.get(f"{API}/jobs?limit=1").json()["pagination"]
        assert (pagination["total"], pagination["total_at_least"]) == (None, 1_001)
        following = client.get(f"{API}/jobs", params={"limit": 1, "cursor": pagination["next_cursor"]}).json()
        assert following["pagination"]["total_at_least"] == 1_001

    @pytest.mark.hazard("JSON and numbers that parsers reject, huge limits, malformed or truncated forms, base64")
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "query.limit"),
            ("limit=101", "query.limit"),
            ("limit=1000000000", "query.limit"),
            (f"limit={'9' * 5000}", "query.limit"),
            ("limit=1e400", "query.limit"),
            ("limit=%00", "query.limit"),
            ("limit=NaN", "query.limit"),
            ("offset=-1", "query.offset"),
            ("offset=1001", "query.offset"),
            ("sort=name", "query.sort"),
            ("status=done", "query.status.0"),
            ("status=pending&status=%ED%A0%80", "query.status.1"),
            ("job_type=monthly", "query.job_type"),
        ],
    )
    def test_invalid_list_parameters_are_refused_without_echo(self, client: Client, query: str, field: str) -> None:
        response = client.get(f"{API}/jobs?{query}")
        assert (response.status_code, response.json()["code"]) == (422, "validation_error")
        assert [error["field"] for error in response.json()["errors"]] == [field]
        assert all(set(error) == {"field", "message", "code"} for error in response.json()["errors"])
        assert len(response.content) < 1_000

    @pytest.mark.hazard("Cursors altered, truncated, of another caller or another filter")
    def test_altered_and_foreign_cursors_are_refused(
        self, client: Client, client_of: ClientOf, token: Token, twelve: list[str]
    ) -> None:
        assert twelve
        cursor = client.get(f"{API}/jobs?limit=2").json()["pagination"]["next_cursor"]
        text, _, signature = cursor.rpartition(".")
        altered = [
            "", ".", text, f"{text}.", f".{signature}", cursor[:-1], cursor + "=", f"A{cursor[1:]}", f"{cursor}.",
            f"{text}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}", "é", "\0", "x" * 5000, "bnVsbA.e30",
        ]  # fmt: skip
        for bad in altered:
            response = client.get(f"{API}/jobs", params={"limit": 2, "cursor": bad})
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), bad
        for query in ("status=pending", "job_type=annual", "sort=created_at"):
            response = client.get(f"{API}/jobs?{query}&cursor={cursor}")
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), query
        both = client.get(f"{API}/jobs", params={"cursor": cursor, "offset": 1})
        assert (both.status_code, both.json()["errors"][0]["field"]) == (422, "query.offset")
        rival = client_of(token(organization_id="rival"))
        assert rival.get(f"{API}/jobs?cursor={cursor}").status_code == 400
        # A colleague has the same list, and the limit is not part of the cursor.
        colleague = client_of(token(sub="user-2"))
        assert colleague.get(f"{API}/jobs?limit=7&cursor={cursor}").status_code == 200

    @pytest.mark.parametrize("query", ["limit=0", "offset=1", "status=done", "sort=name", "created_after=2027-01-01"])
    def test_invalid_cursor_is_reported_before_other_invalid_parameters(self, client: Client, query: str) -> None:
        response = client.get(f"{API}/jobs?cursor=abc&{query}")
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


@given(
    position=st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none(), max_size=4),
    bound_to=st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3),
    junk=st.text(max_size=60),
)
def test_cursor_returns_its_position_and_any_other_text_is_refused(
    position: dict[str, Any], bound_to: dict[str, str], junk: str
) -> None:
    serializer = cursor_serializer(b"key")
    cursor = sign_cursor(serializer, position, bound_to=bound_to)
    assert read_cursor(serializer, cursor).position(bound_to=bound_to) == position
    for bad in (junk, f"{cursor}{junk or 'x'}", f"{cursor[:-1]}!{cursor[-1]}"):
        with pytest.raises(InvalidCursorError):
            read_cursor(serializer, bad)
    with pytest.raises(InvalidCursorError):
        read_cursor(serializer, cursor).position(bound_to={**bound_to, "one more": "x"})
    with pytest.raises(InvalidCursorError):
        read_cursor(cursor_serializer(b"other"), cursor)


class TestFilters:
    """The filters of GET /jobs, as a caller writes them."""

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("label=team", "query.label.0"),
            ("label=:x", "query.label.0"),
            ("created_after=2026-03-02T12:00:00", "query.created_after"),
            ("created_after=0001-01-01T00:00:00%2B14:00", "query.created_after"),
            ("created_before=9999-12-31T23:59:59.9999Z", "query.created_before"),
            ("created_after=2026-03-02T12:00:00Z&created_before=2026-03-02T12:00:00Z", "query.created_before"),
            ("has_errors=perhaps", "query.has_errors"),
            ("filename_contains=", "query.filename_contains"),
            ("created_by=" + "x" * 256, "query.created_by"),
            ("status=done", "query.status.0"),
        ],
    )
    def test_invalid_filters_are_named(self, client: Client, query: str, field: str) -> None:
        response = client.get(f"{API}/jobs?{query}")
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]

    def test_filters_narrow_the_list_and_its_total(self, client: Client, store: FakeJobStore) -> None:
        labeled = a_job(options=UploadOptions(labels={"team": "a:b"}), created_at=NOON + timedelta(minutes=1))
        ended = a_completed_job(created_by="ann")
        for job in (labeled, ended):
            store.add(job)

        def ids(query: str) -> list[str]:
            body = client.get(f"{API}/jobs?{query}").json()
            assert body["pagination"]["total"] == len(body["jobs"])
            return [job["id"] for job in body["jobs"]]

        assert ids("label=team:a:b") == [str(labeled.id)]
        assert ids("has_errors=true") == ids("created_by=ann") == [str(ended.id)]
        assert ids("created_after=2026-03-02T13:00:30%2B01:00") == [str(labeled.id)]
        assert ids("created_before=2026-03-02T12:00:30Z&filename_contains=FIG") == [str(ended.id)]

    @pytest.mark.hazard("Cursors altered, truncated, of another caller or another filter")
    def test_cursor_is_bound_to_its_filters(self, client: Client, store: FakeJobStore) -> None:
        for _ in range(3):
            store.add(a_job(created_by="ann"))
        page = client.get(f"{API}/jobs?created_by=ann&limit=1").json()["pagination"]
        cursor = page["next_cursor"]
        assert client.get(f"{API}/jobs?created_by=ann&limit=1&cursor={cursor}").status_code == 200
        for other in ("", "&created_by=bob", "&created_by=ann&has_errors=false", "&created_by=ann&label=a:b"):
            response = client.get(f"{API}/jobs?limit=1&cursor={cursor}{other}")
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")
