"""`python -m tests.tools.stress`: many jobs at once, a burst of dropped files and one large file, on the local cloud.

It prints its progress, checks every job against the rows sent, and prints times and memory. It ends with exit code 1 at
the first failed check or when time is up.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from default_risk_jobs import JobsClient
from infra.local.cloud import SHOWN_USER, LocalCloud, local_cloud
from infra.local.emulator import TASKS_AT_ONCE
from tests.tools.stress.loads import (
    CheckFailedError,
    Checks,
    Sent,
    drop_all,
    large_file,
    small_files,
    upload_all,
    watch,
)
from tests.tools.stress.processes import EMULATOR, Memory, watched

JOBS = 500
FILES = 200
ROWS = 1_000_000
# Time limit of each load, without sending and checking.
MOST_SECONDS = 600.0
# Memory limit of the local cloud itself at the end, in bytes, independent of the stored data.
MOST_LEFT = 512 * 2**20


@dataclass(frozen=True, kw_only=True)
class Done:
    """A finished load: seconds from the first byte sent to the end of the last job."""

    title: str
    jobs: int
    rows: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Stress:
    """The running local cloud, a client and the checks."""

    cloud: LocalCloud
    client: JobsClient
    checks: Checks
    started: float

    def say(self, text: str) -> None:
        """Prints a line of progress."""
        sys.stdout.write(f"{time.monotonic() - self.started:6.1f} s  {text}\n")
        sys.stdout.flush()

    def run(self, title: str, prefix: str, sent: Sequence[Sent], send: Callable[[], object]) -> Done:
        """Sends files, waits for their jobs, and checks them. Raises `CheckFailedError`."""
        self.say(f"{title} ...")
        began = time.monotonic()
        send()
        self.say(f"{title}: all sent")
        jobs = watch(self.client, len(sent), prefix=prefix, within_seconds=MOST_SECONDS, say=self.say)
        seconds = time.monotonic() - began
        self.checks.check(jobs, sent)
        self.say(f"{title}: every row is in the results exactly once")
        return Done(title=title, jobs=len(sent), rows=sum(file.rows for file in sent), seconds=seconds)


def run(jobs: int, files: int, rows: int) -> tuple[list[Done], Memory]:
    """Runs all three loads, one after the other. Raises `CheckFailedError`."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = large_file(folder / "large.csv", rows)
        uploads, dropped = small_files(jobs, prefix="upload"), small_files(files, prefix="dropped")
        with (
            local_cloud(folder / "cloud") as (cloud, emulator),
            watched(emulator.session) as memory,
            JobsClient(cloud.api_url, token=cloud.token(SHOWN_USER)) as client,
        ):
            stress = Stress(cloud=cloud, client=client, checks=Checks(cloud, folder), started=started)
            done = [
                stress.run(f"{jobs:,} uploads at once", "upload", [*uploads], partial(upload_all, client, uploads)),
                stress.run(
                    f"A burst of {files:,} dropped files", "dropped", [*dropped], partial(drop_all, cloud, dropped)
                ),
                stress.run(
                    f"One file of {rows:,} rows", "large", [large], partial(send_file, client, folder / large.filename)
                ),
            ]
            stress.checks.check_rest()
    check_bound(memory)
    return done, memory


def check_bound(memory: Memory) -> None:
    """Raises `CheckFailedError` when concurrency or memory exceeded its limit."""
    for task in ("plan", "score", "finalize"):
        processes = memory.at_once.get(task, 0)
        if processes > TASKS_AT_ONCE:
            raise CheckFailedError(f"{processes} processes of {task} at once, not {TASKS_AT_ONCE}")
    left = memory.last.get(EMULATOR, 0)
    if left > MOST_LEFT:
        raise CheckFailedError(f"{_mib(left)} MiB in the local cloud at the end, more than {_mib(MOST_LEFT)}")


def send_file(client: JobsClient, path: Path) -> None:
    """Uploads one file, as a form or presigned by its size."""
    client.upload_file("annual", path)


def as_markdown(done: Sequence[Done], memory: Memory) -> str:
    """Returns times and memory as Markdown."""
    lines = ["", "| Load | Jobs | Rows | Seconds | Rows a second |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.title} | {one.jobs:,} | {one.rows:,} | {one.seconds:.0f} | {one.rows / one.seconds:,.0f} |"
        for one in done
    ]
    lines += ["", "| Process | At once | Peak of the largest, MiB | All of them at the end, MiB |", "|---|---|---|---|"]
    lines += [
        f"| {kind} | {memory.at_once[kind]} | {_mib(memory.largest[kind])} | {_mib(memory.last.get(kind, 0))} |"
        for kind in sorted(memory.largest)
    ]
    lines += [
        f"| all at once, shared pages counted again | | {_mib(memory.together)} | {_mib(sum(memory.last.values()))} |"
    ]
    return "\n".join(lines) + "\n"


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f}"


def main(arguments: Sequence[str]) -> int:
    """Runs the loads and prints the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.stress", description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="uploads at once")
    parser.add_argument("--files", type=int, default=FILES, help="files dropped at once")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the large file, a multiple of 5,000")
    wanted = parser.parse_args(arguments)
    # As an exception, so that the local cloud is stopped too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        done, memory = run(wanted.jobs, wanted.files, wanted.rows)
    except CheckFailedError as failed:
        sys.stdout.write(f"Failed: {failed}\n")
        return 1
    sys.stdout.write(as_markdown(done, memory))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
