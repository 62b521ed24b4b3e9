"""Scenarios of jobs from submission to deletion; together they use every function and every API route.

Each scenario states the expected end of the jobs whose ids the client received, whichever single calls fail.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

from functions.export.formats import ResultFile, write_parquet
from infra.local import panel
from shared.aws import clients
from shared.inputs.schema import example_rows
from shared.vocabulary import JobType
from tests.faults.simulated_platform import API, CLIENT_ATTEMPTS, Platform

ANNUAL = panel.as_csv(panel.statement_rows(20, seed=1, invalid=3), panel.STATEMENT_COLUMNS)
QUARTERLY = panel.as_xlsx(panel.quarterly_ratio_rows(20, seed=2), panel.QUARTERLY_RATIO_COLUMNS)
HOPELESS = panel.as_csv(panel.statement_rows(1_400, seed=3, invalid=1_300), panel.STATEMENT_COLUMNS)
# Large enough for multipart uploads; random, so that no format can compress it.
_REMARKS = [b64encode(np.random.default_rng(row).bytes(22_500)).decode() for row in range(400)]
LARGE = (
    panel.as_csv(
        [{**row, "remark": remark} for row, remark in zip(panel.statement_rows(400, seed=4), _REMARKS, strict=True)],
        (*panel.STATEMENT_COLUMNS, "remark"),
    )
    .decode()
    .encode("utf-16")
)


@dataclass(frozen=True, kw_only=True)
class End:
    """The expected end of a job: status, error code and, where no fault can change them, row counts."""

    job_id: str
    status: str
    error_code: str | None = None
    cancelled: bool = False
    successful: int | None = None
    failed: int | None = None


Check = Callable[[list[End]], None]
Scenario = Callable[[Platform, Check], None]


def a_file_is_uploaded_scored_read_and_deleted(platform: Platform, check: Check) -> None:
    job_id = _uploaded(platform, "annual", ANNUAL, "max_failed_percent=50")
    platform.deliver()
    platform.run_executions()
    platform.publish()
    job = f"{API}/jobs/{job_id}"
    for path in (
        job,
        f"{job}/status",
        f"{job}/errors",
        f"{job}/results",
        f"{job}/download?outcome=all",
        f"{API}/jobs?limit=1",
        f"{API}/jobs/statistics",
    ):
        platform.request("GET", path)
    check([End(job_id=job_id, status="completed", successful=17, failed=3)])
    platform.request("DELETE", job)
    platform.pass_time(minutes=20)
    platform.reconcile()


def a_job_is_cancelled_while_chunks_are_late(platform: Platform, check: Check) -> None:
    response = platform.request("POST", f"{API}/annual/bulk-upload-async", json={"filename": "a.csv"})
    job_id = response["body"]["job_id"]
    platform.before_chunk[1] = lambda: platform.request("POST", f"{API}/jobs/{job_id}/cancel")
    platform.system.put(response["body"]["upload"]["fields"]["key"], ANNUAL)
    platform.deliver()
    platform.run_executions()
    platform.publish()
    check([End(job_id=job_id, status="failed", cancelled=True)])
    _for_each(platform, "delete", job_id)


def a_dropped_workbook_loses_a_chunk_for_good(platform: Platform, check: Check) -> None:
    platform.poisoned_chunks.add(1)
    platform.system.put("drop/acme/quarterly/figures.xlsx", QUARTERLY)
    platform.deliver()
    platform.run_executions()
    (entry,) = platform.request("GET", f"{API}/jobs")["body"]["jobs"]
    check([End(job_id=entry["id"], status="failed", error_code="chunks_failed")])


def a_queued_job_is_cancelled_before_its_rows_are_counted(platform: Platform, check: Check) -> None:
    job_id = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    _for_each(platform, "cancel", job_id)
    platform.run_asynchronous()
    check([End(job_id=job_id, status="failed", cancelled=True, successful=0, failed=0)])


def results_are_exported(platform: Platform, check: Check) -> None:
    job_id = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    platform.run_executions()
    platform.publish()
    for file_format in ("parquet", "xlsx"):
        _exported(platform, f"{API}/jobs/{job_id}/download?outcome=failed&format={file_format}")
    check([End(job_id=job_id, status="completed", successful=17, failed=3)])
    platform.request("DELETE", f"{API}/jobs/{job_id}")


def a_job_is_deleted_while_its_results_are_exported(platform: Platform, check: Check) -> None:
    deleted = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    platform.run_executions()

    def delete_and_write(result: ResultFile, path: str) -> None:
        platform.request("DELETE", f"{API}/jobs/{deleted}")
        write_parquet(result, path)

    with patch("functions.export.conversion.write_parquet", delete_and_write):
        _exported(platform, f"{API}/jobs/{deleted}/download?outcome=all&format=parquet")
    check([])


def most_rows_fail(platform: Platform, check: Check) -> None:
    job_id = _uploaded(platform, "annual", HOPELESS, "max_failed_percent=10")
    platform.deliver()
    platform.run_executions()
    check([End(job_id=job_id, status="failed", error_code="too_many_failed_rows")])


def an_execution_vanishes(platform: Platform, check: Check) -> None:
    """Reconcile restarts a queued job without an execution."""
    job_id = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    platform.forget_execution(job_id)
    platform.pass_time(minutes=31)
    platform.reconcile()
    platform.run_executions()
    platform.publish()
    check([End(job_id=job_id, status="completed", successful=17, failed=3)])


def an_execution_does_nothing(platform: Platform, check: Check) -> None:
    """Reconcile fails a job whose execution runs without progress."""
    job_id = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    platform.abandon_execution(job_id)
    platform.system.invoke("plan", {"job_id": job_id})
    platform.pass_time(minutes=31)
    platform.reconcile()
    check([End(job_id=job_id, status="failed", error_code="stalled")])


def a_request_with_a_key_is_retried_until_it_succeeds(platform: Platform, check: Check) -> None:
    """Repeated requests create one job."""
    key = {"Idempotency-Key": "a-key"}
    for _ in range(2 * CLIENT_ATTEMPTS):
        response = platform.request("POST", f"{API}/annual/bulk-upload-async", json={"filename": "a.csv"}, headers=key)
        if response["status"] == 202:
            break
        platform.pass_time(minutes=1)
    platform.system.put(response["body"]["upload"]["fields"]["key"], ANNUAL)
    platform.deliver()
    platform.run_executions()
    (entry,) = platform.request("GET", f"{API}/jobs")["body"]["jobs"]
    check([End(job_id=entry["id"], status="completed", successful=17, failed=3)])


def the_rows_that_failed_are_retried(platform: Platform, check: Check) -> None:
    job_id = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    platform.run_executions()
    child = platform.request("POST", f"{API}/jobs/{job_id}/retry")["body"]["job_id"]
    platform.run_asynchronous()
    # If the request for the retry file was lost, reconcile repeats it.
    platform.pass_time(minutes=17)
    platform.reconcile()
    platform.deliver()
    platform.run_executions()
    check(
        [
            End(job_id=job_id, status="completed", successful=17, failed=3),
            End(job_id=child, status="completed", successful=0, failed=3),
        ]
    )


def rows_are_scored_synchronously_and_other_routes_are_called(platform: Platform, check: Check) -> None:
    for job_type in ("annual", "quarterly"):
        platform.request("POST", f"{API}/{job_type}", json={"rows": example_rows(JobType(job_type))})
        platform.request("GET", f"{API}/{job_type}/schema")
        platform.request("GET", f"{API}/{job_type}/template")
    platform.request("POST", f"{API}/quarterly/bulk-upload-async", json={"filename": "a.csv"})
    platform.request("GET", f"{API}/models")
    check([])


SCENARIOS: tuple[Scenario, ...] = (
    a_file_is_uploaded_scored_read_and_deleted,
    a_job_is_cancelled_while_chunks_are_late,
    a_dropped_workbook_loses_a_chunk_for_good,
    a_queued_job_is_cancelled_before_its_rows_are_counted,
    results_are_exported,
    a_job_is_deleted_while_its_results_are_exported,
    most_rows_fail,
    an_execution_vanishes,
    an_execution_does_nothing,
    a_request_with_a_key_is_retried_until_it_succeeds,
    the_rows_that_failed_are_retried,
    rows_are_scored_synchronously_and_other_routes_are_called,
)


def a_large_file_is_scored_though_parts_of_it_are_lost(platform: Platform, check: Check) -> None:
    """Multipart uploads: a rewritten input, and result files larger than one part."""
    platform.fault_injector.lose_first("UploadPart", of=("plan", "finalize", "export"))
    platform.system.put("drop/acme/annual/large.csv", LARGE)
    platform.deliver()
    platform.run_executions()
    (entry,) = platform.request("GET", f"{API}/jobs")["body"]["jobs"]
    _exported(platform, f"{API}/jobs/{entry['id']}/download?outcome=all&format=parquet")
    check([End(job_id=entry["id"], status="completed", successful=400, failed=0)])


def late_and_repeated_objects_are_removed(platform: Platform, check: Check) -> None:
    job_id, other = (_uploaded(platform, "annual", ANNUAL) for _ in range(2))
    platform.deliver()
    platform.system.put(f"api/{job_id}", ANNUAL)
    platform.deliver()
    platform.forget_processes()
    page = platform.request("GET", f"{API}/jobs?limit=1")["body"]
    platform.request("GET", f"{API}/jobs?limit=1&cursor={page['pagination']['next_cursor']}")
    # Lists of a user without an organization, and of a super admin.
    platform.request("GET", f"{API}/jobs", caller={"organization_id": None})
    platform.request("GET", f"{API}/jobs", caller={"role": "super_admin", "organization_id": None})
    platform.run_executions()
    platform.request("DELETE", f"{API}/jobs/{job_id}")
    for late in (f"work/{job_id}/all/000000", f"results/{job_id}/errors/000000", f"exports/{job_id}/all.xlsx"):
        clients.s3().put_object(Bucket=platform.system.results_bucket, Key=late, Body=b"late")
    platform.pass_time(minutes=20)
    platform.reconcile()
    check([End(job_id=other, status="completed", successful=17, failed=3)])


def a_large_retry_loses_a_part_and_another_its_parent(platform: Platform, check: Check) -> None:
    platform.fault_injector.lose_first("UploadPart", of=("retry",))
    form = platform.request("POST", f"{API}/annual/bulk-upload-async", json={"filename": "large.csv"})["body"]
    large = form["job_id"]
    platform.system.put(form["upload"]["fields"]["key"], LARGE.decode("utf-16").encode())
    platform.before_chunk[0] = lambda: platform.request("POST", f"{API}/jobs/{large}/cancel")
    platform.deliver()
    platform.run_executions()
    small = _uploaded(platform, "annual", ANNUAL)
    platform.deliver()
    platform.run_executions()
    resumed, orphan = (
        platform.request("POST", f"{API}/jobs/{parent}/retry")["body"]["job_id"] for parent in (large, small)
    )
    platform.request("DELETE", f"{API}/jobs/{small}")
    platform.run_asynchronous()
    platform.deliver()
    platform.run_executions()
    check(
        [
            End(job_id=resumed, status="completed", failed=0),
            End(job_id=orphan, status="failed", error_code="retry_not_prepared"),
        ]
    )


def objects_are_gone_when_they_are_read(platform: Platform, check: Check) -> None:
    """The input of a job to plan, and the input and then the plan of chunks that run after their job was deleted.

    The input of a job that was cancelled is not gone: its rows are copied.
    """
    platform.system.put("drop/acme/annual/gone.csv", ANNUAL)
    _delete_uploads(platform)
    platform.deliver()
    platform.run_executions()
    (entry,) = platform.request("GET", f"{API}/jobs")["body"]["jobs"]
    platform.request("DELETE", f"{API}/jobs/{entry['id']}")
    for submit in (_dropped, _uploaded):
        unplanned = submit(platform, "annual", ANNUAL)
        _delete_uploads(platform)
        platform.deliver()
        platform.run_executions()
        # Checked here: without its input the job cannot have the files of other ends.
        job = platform.request("GET", f"{API}/jobs/{unplanned}/status")["body"]["job"]
        assert (job["status"], job["error_details"]) == ("failed", {"error_code": "input_missing"})
        platform.request("DELETE", f"{API}/jobs/{unplanned}")
        for keeps_plan in (True, False):
            job_id = submit(platform, "annual", ANNUAL)
            platform.before_chunk[1] = partial(_delete_running_job, platform, job_id, keeps_plan=keeps_plan)
            platform.deliver()
            platform.run_executions()
        cancelled = submit(platform, "annual", ANNUAL)
        platform.before_chunk[1] = partial(platform.request, "POST", f"{API}/jobs/{cancelled}/cancel")
        platform.deliver()
        platform.run_executions()
        check([End(job_id=cancelled, status="failed", cancelled=True)])
        platform.request("DELETE", f"{API}/jobs/{cancelled}")


def _delete_uploads(platform: Platform) -> None:
    for version in clients.s3().list_object_versions(Bucket=platform.system.uploads_bucket)["Versions"]:
        clients.s3().delete_object(
            Bucket=platform.system.uploads_bucket, Key=version["Key"], VersionId=version["VersionId"]
        )


def _dropped(platform: Platform, job_type: str, body: bytes) -> str:
    """Drops a file and returns the id of its job, which is queued."""
    platform.system.put(f"drop/acme/{job_type}/a.csv", body)
    platform.deliver()
    (entry,) = platform.request("GET", f"{API}/jobs")["body"]["jobs"]
    return str(entry["id"])


def _delete_running_job(platform: Platform, job_id: str, *, keeps_plan: bool) -> None:
    """Cancels and deletes a job while its chunks run. A new process does not have its plan."""
    platform.request("POST", f"{API}/jobs/{job_id}/cancel")
    platform.request("DELETE", f"{API}/jobs/{job_id}")
    if not keeps_plan:
        platform.forget_processes()


# Further calls that the roles must allow; too slow or too rare to be run with every fault.
RARE_SCENARIOS: tuple[Scenario, ...] = (
    a_large_file_is_scored_though_parts_of_it_are_lost,
    late_and_repeated_objects_are_removed,
    a_large_retry_loses_a_part_and_another_its_parent,
    objects_are_gone_when_they_are_read,
)


def _uploaded(platform: Platform, job_type: str, body: bytes, options: str = "") -> str:
    response: Any = platform.request(
        "POST", f"{API}/{job_type}/bulk-upload-async?{options}", files={"file": ("a.csv", body)}
    )
    return str(response["body"]["job_id"])


def _exported(platform: Platform, path: str) -> None:
    """Requests an export until it exists or is refused; waits long enough for a lost export to be retried."""
    for _ in range(3 * CLIENT_ATTEMPTS):
        if platform.request("GET", path)["status"] != 202:
            return
        platform.run_asynchronous()
        platform.pass_time(minutes=16)


def _for_each(platform: Platform, action: str, job_id: str) -> None:
    """Requests a bulk action, again while the job's result is `unavailable`."""
    for _ in range(CLIENT_ATTEMPTS):
        response = platform.request("POST", f"{API}/jobs/bulk/{action}", json={"job_ids": [job_id]})
        (outcome,) = response["body"]["results"]
        if outcome["success"] or outcome["code"] != "unavailable":
            return
