"""The JSON representations of jobs, field by field as in the base document."""

import json
import re
from datetime import timedelta
from enum import StrEnum
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import api_types
from shared.jobs.job import Job, JobStatus, JobType, Note, Phase, Source, UploadOptions, timestamp
from shared.jobs.progress import Progress
from shared.jobs.representations import duration_text, job_details, job_progress, job_summary, progress_percentage
from shared.jobs.row_errors import RowErrorPage
from tests.builders import NOON, a_completed_job, a_job, a_processing_job, a_progress, a_shard

JOB_ID = UUID("550e8400-e29b-41d4-a716-446655440000")

# The field names of the base document's example, and their order.
DETAILS = ["id", "status", "job_type", "file_info", "progress", "performance", "timestamps", "context", "errors"]
OBJECTS = {
    "file_info": ["original_filename", "file_size", "file_size_mb"],
    "progress": [
        "total_rows",
        "processed_rows",
        "successful_rows",
        "failed_rows",
        "progress_percentage",
        "remaining_rows",
    ],
    "performance": ["processing_time_seconds", "rows_per_second", "estimated_completion_time"],
    "timestamps": ["created_at", "started_at", "completed_at", "updated_at"],
    "context": ["user_id", "organization_id", "created_by"],
    "celery_info": ["task_id", "celery_status", "celery_meta"],
}
STATUS = [
    "id",
    "status",
    "phase",
    "job_type",
    "original_filename",
    "total_rows",
    "processed_rows",
    "successful_rows",
    "failed_rows",
    "progress_percentage",
    "created_at",
    "started_at",
    "completed_at",
    "error_message",
    "error_details",
    "celery_task_id",
    "celery_status",
    "celery_meta",
    "cancelled",
    "notes_count",
]


def details(job: Job, progress: Progress | None = None, *, row_errors: RowErrorPage | None = None) -> dict[str, Any]:
    shown = job_details(job, progress or Progress(), now=NOON + timedelta(seconds=45.2), row_errors=row_errors)
    json.dumps(shown, allow_nan=False)
    return {**shown}


def row_errors(number: int) -> RowErrorPage:
    shown = tuple({"row": row, "company_symbol": "X", "error": "Invalid market cap value"} for row in range(number))
    return RowErrorPage(errors=shown, following=None)


class TestDetails:
    @pytest.mark.parametrize("job", [a_job(), a_processing_job(), a_completed_job(), a_job(status=JobStatus.FAILED)])
    def test_details_include_all_base_fields_in_every_status(self, job: Job) -> None:
        view = details(job)
        assert {*DETAILS, "celery_info"} <= view.keys()
        for name, fields in OBJECTS.items():
            assert set(fields) <= view[name].keys(), name

    def test_details_match_the_example_of_the_base_document(self) -> None:
        job = a_completed_job(
            id=JOB_ID,
            original_filename="annual_predictions_1000_rows.csv",
            file_size=2_048_576,
            total_rows=1000,
            final_successful_rows=985,
            final_failed_rows=15,
            created_at=NOON - timedelta(seconds=5),
            completed_at=NOON + timedelta(seconds=125.5),
            updated_at=NOON + timedelta(seconds=125.5),
        )
        view = details(job)
        assert view["id"] == str(JOB_ID)
        assert (view["status"], view["job_type"]) == ("completed", "annual")
        assert view["file_info"] == {
            "original_filename": "annual_predictions_1000_rows.csv",
            "file_size": 2_048_576,
            "file_size_mb": 1.95,
        }
        assert view["progress"] == {
            "total_rows": 1000,
            "processed_rows": 1000,
            "successful_rows": 985,
            "failed_rows": 15,
            "progress_percentage": 100.0,
            "remaining_rows": 0,
        }
        assert view["performance"] == {
            "processing_time_seconds": 125.5,
            "rows_per_second": 7.97,
            "estimated_completion_time": None,
        }
        assert view["timestamps"] == {
            "created_at": "2026-03-02T11:59:55.000Z",
            "started_at": "2026-03-02T12:00:00.000Z",
            "completed_at": "2026-03-02T12:02:05.500Z",
            "updated_at": "2026-03-02T12:02:05.500Z",
        }
        assert view["context"] == {"user_id": "user-1", "organization_id": "acme", "created_by": "jane.doe"}
        assert view["errors"] == {"has_errors": True, "error_message": None, "error_count": 15}
        assert view["celery_info"] == {
            "task_id": f"arn:execution:{JOB_ID}",
            "celery_status": "SUCCESS",
            "celery_meta": None,
        }

    def test_estimate_in_seconds_is_included_only_while_processing(self) -> None:
        progress = a_progress((timedelta(seconds=5), 2), (timedelta(seconds=10), 2))
        assert details(a_processing_job(total_rows=8), progress)["performance"] == {
            "processing_time_seconds": 45.2,
            "rows_per_second": 0.09,
            "estimated_completion_seconds": 57,
            "estimated_completion_time": "57s",
        }
        waiting = details(a_processing_job())["performance"]
        assert waiting["estimated_completion_seconds"] is None
        assert waiting["estimated_completion_time"] is None
        for job in (a_job(), a_completed_job()):
            assert "estimated_completion_seconds" not in details(job)["performance"]

    def test_chunk_commit_moves_updated_at(self) -> None:
        progress = a_progress((timedelta(seconds=5), 5))
        assert details(a_processing_job(), progress)["timestamps"]["updated_at"] == "2026-03-02T12:00:05.000Z"

    def test_unknown_fields_are_null_and_unknown_counts_are_zero(self) -> None:
        view = details(a_job(organization_id=None))
        assert view["file_info"] == {"original_filename": "figures.csv", "file_size": None, "file_size_mb": None}
        assert view["progress"] == dict.fromkeys(OBJECTS["progress"], 0)
        assert (view["parent_job_id"], view["expires_at"], view["cancelled_at"]) == (None, None, None)
        assert view["celery_info"] == {"task_id": None, "celery_status": "PENDING", "celery_meta": None}
        assert (view["phase"], view["source"], view["cancelled"]) == ("awaiting_upload", "api", False)

    def test_retention_ends_thirty_days_after_the_job(self) -> None:
        assert details(a_completed_job())["expires_at"] == "2026-04-01T12:01:00.000Z"

    def test_details_include_options_and_notes(self) -> None:
        options = UploadOptions(
            validate_only=True,
            max_failed_percent=2.5,
            encoding="cp1252",
            sheet="Data",
            decimal=",",
            labels={"team": "risk"},
        )
        view = details(
            a_completed_job(
                options=options,
                notes=(
                    Note(code="both_profiles", message="Both."),
                    Note(code="decimal_comma", message="Comma.", rows=(2, 5)),
                ),
                job_type=JobType.QUARTERLY,
            )
        )
        assert view["options"] == {
            "validate_only": True,
            "max_failed_percent": 2.5,
            "encoding": "cp1252",
            "sheet": "Data",
            "decimal": ",",
            "labels": {"team": "risk"},
        }
        assert (view["profile"], view["job_type"]) == ("statements", "quarterly")
        assert view["notes"] == [
            {"code": "both_profiles", "message": "Both."},
            {"code": "decimal_comma", "message": "Comma.", "rows": [2, 5]},
        ]
        assert view["notes_count"] == 2

    def test_status_has_the_number_of_notes(self) -> None:
        job = a_completed_job(notes=(Note(code="both_profiles", message="Both."),))
        assert job_summary(job, Progress())["notes_count"] == 1

    def test_links_lead_to_the_job(self) -> None:
        base = f"/api/v1/predictions/jobs/{JOB_ID}"
        links = details(a_job(id=JOB_ID))["links"]
        assert links["self"] == base
        assert {links[name] for name in ("status", "cancel", "errors", "download")} == {
            f"{base}/{name}" for name in ("status", "cancel", "errors", "download")
        }


class TestErrors:
    def test_details_include_all_of_a_few_row_errors(self) -> None:
        view = details(a_completed_job(), row_errors=row_errors(2))["errors"]
        assert view["error_count"] == 2
        assert view["error_details"]["truncated"] is False
        assert len(view["error_details"]["errors"]) == 2

    def test_details_link_to_row_errors_that_are_not_included(self) -> None:
        job = a_completed_job(id=JOB_ID, total_rows=500, final_successful_rows=0, final_failed_rows=500)
        view = details(job, row_errors=row_errors(100))["errors"]
        assert view["error_count"] == 500
        assert view["error_details"]["truncated"] is True
        assert f"/api/v1/predictions/jobs/{JOB_ID}/errors" in view["error_details"].values()

    def test_failure_of_the_job_is_an_error_with_its_code(self) -> None:
        job = a_job(status=JobStatus.FAILED, error_code="empty_file", error_message="The file has no data rows")
        assert details(job)["errors"] == {
            "has_errors": True,
            "error_message": "The file has no data rows",
            "error_count": 0,
            "error_code": "empty_file",
        }

    def test_job_without_failed_rows_has_no_errors(self) -> None:
        job = a_completed_job(final_successful_rows=10, final_failed_rows=0)
        assert details(job)["errors"] == {"has_errors": False, "error_message": None, "error_count": 0}


class TestStatus:
    def test_summary_has_all_fields_in_order(self) -> None:
        for job in (a_job(), a_processing_job(), a_completed_job()):
            assert list(job_summary(job, Progress())) == STATUS

    def test_summary_of_a_processing_job_has_celery_progress(self) -> None:
        progress = Progress((a_shard(successful_rows=3, failed_rows=1, done=frozenset({0})),))
        view = job_summary(a_processing_job(id=JOB_ID), progress)
        assert (view["celery_task_id"], view["celery_status"]) == (f"arn:execution:{JOB_ID}", "PROGRESS")
        assert view["celery_meta"] == {
            "current": 4,
            "total": 10,
            "status": "scoring",
            "successful": 3,
            "failed": 1,
            "job_id": str(JOB_ID),
        }

    @pytest.mark.parametrize(
        ("job", "celery_status"),
        [
            (a_job(), "PENDING"),
            (a_job(status=JobStatus.QUEUED), "PENDING"),
            (a_processing_job(phase=Phase.PLANNING), "STARTED"),
            (a_processing_job(), "PROGRESS"),
            (a_processing_job(phase=Phase.FINALIZING), "PROGRESS"),
            (a_completed_job(), "SUCCESS"),
            (a_job(status=JobStatus.FAILED), "FAILURE"),
            (a_job(status=JobStatus.FAILED, cancelled_at=NOON), "REVOKED"),
        ],
    )
    def test_every_state_has_its_celery_status(self, job: Job, celery_status: str) -> None:
        view = job_summary(job, Progress())
        assert view["celery_status"] == celery_status
        assert (view["celery_meta"] is None) is (job.status is not JobStatus.PROCESSING)
        assert view["cancelled"] is (celery_status == "REVOKED")

    def test_summary_of_a_failed_job_has_its_error_code_and_message(self) -> None:
        job = a_job(status=JobStatus.FAILED, error_code="stalled", error_message="It stopped.")
        view = job_summary(job, Progress())
        assert view["error_message"] == "It stopped."
        assert view["error_details"] == {"error_code": "stalled"}
        assert job_summary(a_job(), Progress())["error_details"] is None


class TestProgress:
    @given(total=st.integers(0, 20_000_000), part=st.fractions(0, 1), downloadable=st.booleans())
    def test_percentage_is_floored_and_100_only_when_all_is_downloadable(
        self, total: int, part: Any, *, downloadable: bool
    ) -> None:
        processed = int(total * part)
        percentage = progress_percentage(processed=processed, total=total, downloadable=downloadable)
        assert 0 <= percentage <= 100
        assert round(percentage, 1) == percentage
        assert percentage * total <= 100 * processed + total * 1e-9
        assert (percentage == 100) is (downloadable and total > 0 and processed == total)

    @given(total=st.integers(1, 5_000), downloadable=st.booleans())
    def test_percentage_never_decreases(self, total: int, *, downloadable: bool) -> None:
        percentages = [
            progress_percentage(processed=processed, total=total, downloadable=downloadable)
            for processed in range(0, total + 1, max(1, total // 50))
        ]
        assert percentages == sorted(percentages)

    def test_percentage_is_not_rounded_up_when_one_row_is_missing(self) -> None:
        assert progress_percentage(processed=999_999, total=1_000_000, downloadable=True) == 99.9
        assert progress_percentage(processed=1000, total=1000, downloadable=False) == 99.9

    def test_final_counts_replace_those_of_the_shards(self) -> None:
        progress = Progress((a_shard(successful_rows=1),))
        numbers = job_progress(a_completed_job(), progress)
        assert (numbers["successful_rows"], numbers["failed_rows"], numbers["processed_rows"]) == (8, 2, 10)

    def test_workflow_of_a_failed_job_has_the_number_of_done_chunks(self) -> None:
        ended = a_processing_job(
            status=JobStatus.FAILED,
            completed_at=NOON,
            error_code="chunks_failed",
            final_successful_rows=5,
            final_failed_rows=0,
            results_ready=True,
        )
        view = details(ended, Progress((a_shard(done=frozenset({1}), closed=True),)))
        assert (view["workflow"]["chunks"], view["workflow"]["chunks_done"]) == (2, 1)


def test_timestamps_are_in_utc_with_z() -> None:
    assert timestamp(NOON) == "2026-03-02T12:00:00.000Z"
    assert timestamp(None) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (45, "45s"),
        (60, "1m 0s"),
        (85, "1m 25s"),
        (3599, "59m 59s"),
        (3600, "1h 0m 0s"),
        (7510, "2h 5m 10s"),
        (90_061, "25h 1m 1s"),
    ],
)
def test_duration_text_has_hours_minutes_and_seconds(seconds: int, words: str) -> None:
    assert duration_text(seconds) == words


@given(seconds=st.integers(0, 10**7))
def test_parts_of_a_duration_text_add_up_to_its_seconds(seconds: int) -> None:
    sizes = {"h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"(\d+)([hms])", duration_text(seconds))
    assert sum(int(number) * sizes[unit] for number, unit in parts) == seconds


@pytest.mark.parametrize(
    ("names", "enum"),
    [
        (api_types.StatusName, JobStatus),
        (api_types.PhaseName, Phase),
        (api_types.JobTypeName, JobType),
        (api_types.SourceName, Source),
    ],
)
def test_names_of_json_bodies_are_the_values_of_the_enum(names: Any, enum: type[StrEnum]) -> None:
    assert get_args(names) == tuple(member.value for member in enum)
