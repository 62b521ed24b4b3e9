"""Commands: what they do and print, as text and as JSON."""

import json
from pathlib import Path

import httpx
import pytest
import typer.main
from typer.core import TyperGroup

from default_risk_jobs.cli.main import app as command_line
from infra.local import panel
from tests.builders import NOON, NOTE, a_completed_job, a_count, a_job, a_processing_job
from tests.fakes import FakeJobStore
from tests.in_process import InProcess
from tests.unit.api.conftest import annual_csv, only_job
from tests.unit.cli.conftest import CommandLine, Ran


class TestUpload:
    def test_upload_takes_several_files_and_detects_their_job_type(
        self, run: CommandLine, service: InProcess, tmp_path: Path
    ) -> None:
        files = {
            "annual.csv": annual_csv(),
            "quarterly.xlsx": panel.as_xlsx(panel.quarterly_ratio_rows(3, seed=1), panel.QUARTERLY_RATIO_COLUMNS),
        }
        for name, body in files.items():
            (tmp_path / name).write_bytes(body)
        ran = run("upload", *(str(tmp_path / name) for name in files), "--json")
        assert ran.code == 0, ran.err
        assert [line["job_type"] for line in ran.lines] == ["annual", "quarterly"]
        assert {run("show", line["job_id"], "--json").json["job_type"] for line in ran.lines} == {"annual", "quarterly"}
        keys = [request.headers["Idempotency-Key"] for request in service.sent("POST")]
        assert len(set(keys)) == 2

    def test_upload_continues_after_a_refused_file(self, run: CommandLine, store: FakeJobStore, tmp_path: Path) -> None:
        (tmp_path / "bad.csv").write_text("company_symbol\nA\n")
        (tmp_path / "good.csv").write_bytes(annual_csv())
        ran = run("upload", str(tmp_path / "bad.csv"), str(tmp_path / "good.csv"), "--annual")
        assert ran.code == 7
        assert "company_name" in ran.err
        assert f"job {only_job(store).id}" in ran.out

    def test_upload_sends_its_options(self, run: CommandLine, store: FakeJobStore, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(annual_csv())
        options = [
            "--validate-only",
            "--max-failed-percent",
            "5",
            "-l",
            "run=7",
            "-l",
            "by=jane=x",
            "--encoding",
            "utf-8",
            "--sheet",
            "Data",
            "--decimal",
            ",",
        ]
        assert run("upload", str(tmp_path / "a.csv"), *options).code == 0
        kept = only_job(store).options
        assert (kept.validate_only, kept.max_failed_percent, kept.encoding) == (True, 5, "utf-8")
        assert (kept.sheet, kept.decimal) == ("Data", ",")
        assert kept.labels == {"run": "7", "by": "jane=x"}

    def test_upload_does_not_print_the_presigned_form(
        self, run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("default_risk_jobs.client._MULTIPART_BYTES", 10)
        (tmp_path / "a.csv").write_bytes(annual_csv())
        ran = run("upload", str(tmp_path / "a.csv"), "--json")
        assert ran.code == 0
        assert "upload" not in ran.json
        assert "policy" not in ran.out

    def test_upload_with_watch_follows_the_job_to_its_end(
        self, run: CommandLine, service: InProcess, store: FakeJobStore, tmp_path: Path
    ) -> None:
        (tmp_path / "a.csv").write_bytes(annual_csv())

        def end(request: httpx.Request) -> None:
            if request.url.path.endswith("/status"):
                store.add(a_completed_job(id=only_job(store).id, original_filename="a.csv"))

        service.after = end
        ran = run("upload", str(tmp_path / "a.csv"), "--watch")
        assert ran.code == 0, ran.err
        assert "a.csv: awaiting upload" in ran.out
        assert "a.csv: completed" in ran.out


class TestWatch:
    def test_watch_prints_the_notes_of_an_ended_job(self, run: CommandLine, store: FakeJobStore) -> None:
        job = a_completed_job(original_filename="a.csv", notes=(NOTE,))
        store.add(job)
        ran = run("watch", str(job.id))
        assert f"  Note: {NOTE.message}" in ran.out.splitlines()
        assert NOTE.message in run("show", str(job.id)).out

    def test_watch_prints_every_change_as_json(self, run: CommandLine, service: InProcess, store: FakeJobStore) -> None:
        job = a_processing_job()
        store.add(job)

        def go_on(_request: httpx.Request) -> None:
            if len(service.requests) == 1:
                store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
            else:
                store.add(a_completed_job(id=job.id))

        service.after = go_on
        lines = run("watch", str(job.id), "--json").lines
        assert [line["status"] for line in lines] == ["processing", "processing", "completed"]

    def test_interrupted_watch_without_a_terminal_says_how_to_continue(
        self, run: CommandLine, service: InProcess, store: FakeJobStore
    ) -> None:
        job = a_processing_job()
        store.add(job)

        def interrupt(_request: httpx.Request) -> None:
            raise KeyboardInterrupt

        service.after = interrupt
        ran = run("watch", str(job.id))
        assert ran.code == 130
        assert f"Still running. Watch again: default-risk watch {job.id}" in ran.out
        assert service.sent("POST") == []


class TestManaging:
    def test_cancel_and_delete_print_an_outcome_for_each_job(self, run: CommandLine, store: FakeJobStore) -> None:
        live, ended = a_processing_job(), a_completed_job()
        store.add(live)
        store.add(ended)
        ran = run("cancel", str(live.id), str(ended.id))
        assert ran.code == 6
        assert f"{live.id}: Cancelled" in ran.out
        assert f"{ended.id}: Cannot cancel" in ran.out
        deleted = run("delete", "--yes", "--json", str(live.id), str(ended.id)).json
        assert [outcome["success"] for outcome in deleted["results"]] == [True, True]
        assert run("jobs").out == "No jobs.\n"

    def test_retry_requests_failed_and_unprocessed_rows_by_default(self, run: CommandLine, service: InProcess) -> None:
        accepted = {"success": True, "job_id": "new-job", "message": "Retry accepted."}
        service.instead = [httpx.Response(202, json=accepted), httpx.Response(202, json=accepted)]
        assert run("retry", "some-job").out == "Created job new-job\n"
        assert run("retry", "some-job", "--outcome", "unprocessed", "--json").json == accepted
        bodies = [json.loads(request.content) for request in service.sent("POST", "/jobs/some-job/retry")]
        assert bodies == [{"outcomes": ["failed", "unprocessed"]}, {"outcomes": ["unprocessed"]}]


class TestListing:
    def test_jobs_are_filtered_and_paged(self, run: CommandLine, store: FakeJobStore, service: InProcess) -> None:
        for number in range(3):
            store.add(a_completed_job(original_filename=f"mine_{number}.csv"))
        store.add(a_job(original_filename="other.csv"))
        listed = run("jobs", "--status", "completed", "--name", "mine", "--annual", "-n", "2", "--json").json["jobs"]
        assert len(listed) == 2
        assert all(job["original_filename"].startswith("mine") for job in listed)
        query = service.requests[-1].url.params
        assert (query["status"], query["filename_contains"], query["job_type"]) == ("completed", "mine", "annual")
        table = run("jobs").out
        assert all(name in table for name in ("mine_0.csv", "other.csv", "completed", "pending"))

    def test_terminal_control_codes_in_file_names_are_not_printed(self, run: CommandLine, store: FakeJobStore) -> None:
        job = a_completed_job(original_filename="\x1b]0;owned\x07[red]x\u202e.csv")
        store.add(job)
        for ran in (run("jobs"), run("show", str(job.id)), run("watch", str(job.id))):
            assert ran.code == 0
            assert not {"\x1b", "\x07", "\u202e"} & set(ran.out)
            assert "[red]x" in ran.out


class TestReference:
    def test_template_is_that_of_the_service(self, run: CommandLine, tmp_path: Path) -> None:
        assert run("template").out.encode() == annual_csv()
        path = tmp_path / "start.csv"
        assert run("template", "--quarterly", "-o", str(path)).out == f"Wrote {path}\n"
        assert "reporting_quarter" in path.read_text()
        assert run("template", "-o", str(path)).code == 2
        assert run("template", "--json").json["csv"].encode() == annual_csv()

    def test_schema_and_models_are_printed_as_tables(self, run: CommandLine) -> None:
        columns = run("schema", "--quarterly").out
        assert "reporting_quarter" in columns
        assert run("schema", "--json").json["job_type"] == "annual"
        models = run("models").out
        assert "ratios-quarterly" in models
        assert "Not for: " in models
        assert len(run("models", "--json").json["models"]) == 4


def test_errors_are_json_when_the_output_is(run: CommandLine) -> None:
    ran: Ran = run("show", "no-job", "--json")
    assert (ran.code, ran.out) == (5, "")
    printed = json.loads(ran.err)["error"]
    assert (printed["code"], printed["status"], printed["exit_code"]) == ("job_not_found", 404, 5)
    assert printed["detail"] == "Job not found or access denied"
    assert printed["request_id"]


def test_help_of_commands_has_no_line_breaks_within_paragraphs() -> None:
    group = typer.main.get_command(command_line)
    assert isinstance(group, TyperGroup)
    paragraphs = [text for command in group.commands.values() for text in (command.help or "").split("\n\n")]
    assert [text for text in paragraphs if "\n" in text] == []
