"""Progress of running jobs: bars in a terminal, lines elsewhere, JSON with --json."""

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
# Narrower terminals leave no room for the bar: first the words are dropped, then the numbers.
_WORDS_FROM_WIDTH = 110
_NUMBERS_FROM_WIDTH = 72
_PERCENT_PER_LINE = 10

_STATES = {
    "awaiting_upload": "awaiting upload",
    "queued": "queued",
    "planning": "counting rows",
    "scoring": "scoring",
    "finalizing": "finalizing",
    "done": "done",
}


class View(Protocol):
    """Displays jobs while they change."""

    def show(self, job: JobSummary) -> None:
        """Displays the current state of a job."""


@contextmanager
def view_for(environment: Environment, client: JobsClient) -> Iterator[View]:
    """Yields the view for the kind of output."""
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
    """Prints each change as a line of JSON."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def show(self, job: JobSummary) -> None:
        """Prints the status as the API returns it."""
        self._environment.print_json(job)


class Lines:
    """Prints a line for each phase and for each tenth of the rows."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._printed: dict[str, tuple[str, int]] = {}

    def show(self, job: JobSummary) -> None:
        """Prints a line if the phase or the tenth of the rows has changed."""
        state = (job["phase"], int(job["progress_percentage"]) // _PERCENT_PER_LINE)
        if self._printed.get(job["id"]) != state:
            self._printed[job["id"]] = state
            progress = f", {_rows(job)}" if job["total_rows"] else ""
            self._environment.say(f"{job['original_filename']}: {_STATES[job['phase']]}{progress}")


class Bars:
    """Draws one bar per job, with the rate and time left that the API returns."""

    def __init__(self, progress: Progress, client: JobsClient) -> None:
        self._progress = progress
        self._client = client
        self._tasks: dict[str, TaskID] = {}

    def show(self, job: JobSummary) -> None:
        """Updates the bar of a job."""
        if job["id"] not in self._tasks:
            name = plain(job["original_filename"])
            room = min(_NAME_WIDTH, self._width // 5)
            short = name if len(name) <= room else f"{name[: room - 1]}\N{HORIZONTAL ELLIPSIS}"
            self._tasks[job["id"]] = self._progress.add_task(short, total=None, numbers="", state="")
        self._progress.update(
            self._tasks[job["id"]],
            # A job that ended before its rows were counted gets a full bar.
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
    parts = [f"{rate:,.0f} rows/s"] if rate is not None else []
    if job["status"] in TERMINAL:
        return ", ".join([*parts, "done"])
    time_left = speed["estimated_completion_time"]
    return ", ".join([*parts, f"{time_left} left" if time_left else _STATES[job["phase"]]])
