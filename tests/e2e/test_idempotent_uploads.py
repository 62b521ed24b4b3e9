"""Repeated uploads with an idempotency key on the local cloud, which enforces the function's role."""

from uuid import uuid4

import pytest

from default_risk_jobs import JobsClient
from infra.local import panel

pytestmark = pytest.mark.e2e


def test_upload_repeated_with_its_key_returns_the_same_job(member: JobsClient) -> None:
    body = panel.as_csv(panel.statement_rows(50, seed=9), panel.STATEMENT_COLUMNS)
    name, key = f"repeat-{uuid4()}.csv", {"Idempotency-Key": str(uuid4())}

    def upload(content: bytes = body) -> tuple[int, dict[str, object], str | None]:
        answer = member.http.post("annual/bulk-upload-async", files={"file": (name, content)}, headers=key)
        return answer.status_code, answer.json(), answer.headers.get("idempotency-replayed")

    status, first, replayed = upload()
    assert (status, replayed) == (202, None)
    assert upload() == (202, first, "true")
    assert member.wait(str(first["job_id"]))["successful_rows"] == 50
    assert upload() == (202, first, "true")
    assert upload(body + b"\n")[1]["code"] == "idempotency_mismatch"
    assert member.jobs(filename_contains=name)["pagination"]["total"] == 1
