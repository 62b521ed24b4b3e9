"""Jobs while they run: bars in a terminal, lines elsewhere, JSON where it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from default_risk_jobs.cli.environment import Environment
from default_risk_jobs.cli.text import plain, rows
from default_risk_jobs.client import JobsClient
from default_risk_jobs.polling import TERMINAL
from default_risk_jobs.types import JobDetails, JobSummary

_NAME_WIDTH = 28
# In a narrower terminal a bar would have no room: first words go, then the numbers, which are there as a percentage.
_WORDS_FROM_WIDTH = 110
_NUMBERS_FROM_WIDTH = 72
_PERCENT_A_LINE = 10

_STATES = {
    "awaiting_upload": "waiting for its file",
    "queued": "queued",
    "planning": "counting rows",
    "scoring": "scoring",
    "finalizing": "putting files together",
    "done": "done",
}


class View(Protocol):
    """Shows jobs as they change."""

    def show(self, job: JobSummary) -> None:
        """The job as it is now."""


@contextmanager
def view_for(environment: Environment, client: JobsClient) -> Iterator[View]:
    """The view that fits where the output goes."""
    if environment.as_json:
        yield JsonLines(environment)
    elif not environment.is_interactive:
        yield Lines(environment)
    else:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            TextColumn("{task.fields[state]}", markup=False),
        )
        with Progress(*columns, console=environment.out, expand=True) as progress:
            yield Bars(progress, client)


class JsonLines:
    """Every change is a line."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def show(self, job: JobSummary) -> None:
        """The status as the API has it."""
        self._environment.print_json(job)


class Lines:
    """A line for every phase, and for every tenth of the rows."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._told: dict[str, tuple[str, int]] = {}

    def show(self, job: JobSummary) -> None:
        """A line, if there is something to say."""
        news = (job["phase"], int(job["progress_percentage"]) // _PERCENT_A_LINE)
        if self._told.get(job["id"]) != news:
            self._told[job["id"]] = news
            counted = f", {_rows(job)}" if job["total_rows"] else ""
            self._environment.say(f"{job['original_filename']}: {_STATES[job['phase']]}{counted}")


class Bars:
    """A bar a job, with rate and time left as the service knows them."""

    def __init__(self, progress: Progress, client: JobsClient) -> None:
        self._progress = progress
        self._client = client
        self._tasks: dict[str, TaskID] = {}

    def show(self, job: JobSummary) -> None:
        """Move the job's bar."""
        if job["id"] not in self._tasks:
            name = plain(job["original_filename"])
            room = min(_NAME_WIDTH, self._width // 5)
            short = name if len(name) <= room else f"{name[: room - 1]}\N{HORIZONTAL ELLIPSIS}"
            self._tasks[job["id"]] = self._progress.add_task(short, total=None, numbers="", state="")
        self._progress.update(
            self._tasks[job["id"]],
            # A job that ended before its rows were counted has an end all the same.
            total=job["total_rows"] or (1 if job["status"] in TERMINAL else None),
            completed=job["processed_rows"] or (1 if job["status"] in TERMINAL and not job["total_rows"] else 0),
            numbers=self._numbers(job) if job["total_rows"] else "",
            state=self._state(job),
        )

    @property
    def _width(self) -> int:
        return self._progress.console.width

    def _numbers(self, job: JobSummary) -> str:
        if self._width >= _WORDS_FROM_WIDTH:
            return _rows(job)
        return f"{rows(job['processed_rows'])} rows" if self._width >= _NUMBERS_FROM_WIDTH else ""

    def _state(self, job: JobSummary) -> str:
        if job["cancelled"]:
            return "cancelled"
        if job["status"] == "failed":
            return "failed"
        if job["phase"] not in {"scoring", "done"}:
            return _STATES[job["phase"]]
        return _speed(self._client.details(job["id"]))


def _rows(job: JobSummary) -> str:
    failed = f", {rows(job['failed_rows'])} failed" if job["failed_rows"] else ""
    return f"{rows(job['processed_rows'])} of {rows(job['total_rows'])} rows{failed}"


def _speed(job: JobDetails) -> str:
    speed = job["performance"]
    rate = speed["rows_per_second"]
    told = [f"{rate:,.0f} rows/s"] if rate is not None else []
    if job["status"] in TERMINAL:
        return ", ".join([*told, "done"])
    left = speed["estimated_completion_time"]
    return ", ".join([*told, f"{left} left" if left else _STATES[job["phase"]]])
