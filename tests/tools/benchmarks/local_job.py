"""A job of a thousand rows on the warm local cloud, from the upload's first byte to the downloaded result.

Everything is there but AWS itself: the gateway, the queue, the state machine, every function a process under its role.
"""

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

from default_risk_jobs import JobsClient
from infra.local.cloud import SHOWN_USER, local_cloud
from tests.tools.benchmarks.inputs import company_csv, company_rows
from tests.tools.benchmarks.measurements import Measurement, Series, check_same_work

ROWS: Final = 1_000
# What the document that the API follows shows for such a job: 1,000 rows in 125.5 seconds.
DOCUMENTED_ROWS_PER_SECOND: Final = 7.97
_WARM_UPS: Final = 2
_ROUNDS: Final = 5
_POLL_SECONDS: Final = 0.1


def measure() -> tuple[Measurement, ...]:
    """Seconds a row. Raises DifferentWorkError unless every row comes back."""
    file = company_csv(company_rows(ROWS))
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cloud(Path(folder)) as (cloud, _),
        JobsClient(cloud.api_url, token=cloud.token(SHOWN_USER)) as client,
    ):
        # Every function starts once, and Score as often as chunks are scored at once.
        seconds = [run(client, file) for _ in range(_WARM_UPS + _ROUNDS)][_WARM_UPS:]
    return (
        Measurement(
            title="A job on the warm local cloud",
            quantity="seconds",
            unit="row",
            subject=Series(name="upload to download", values=tuple(seconds), units=ROWS),
            baselines=(
                Series(
                    name="the example of the API's document",
                    values=(ROWS / DOCUMENTED_ROWS_PER_SECOND,) * _ROUNDS,
                    units=ROWS,
                ),
            ),
            notes=(f"{ROWS:,} rows of 20 columns through the API; the status is asked every {_POLL_SECONDS} s",),
        ),
    )


def run(client: JobsClient, file: bytes) -> float:
    """The seconds of one job."""
    start = perf_counter()
    job_id = str(client.upload("annual", "companies.csv", file)["job_id"])
    *_, last = client.watch(job_id, every_seconds=_POLL_SECONDS)
    result = client.download(job_id, "all")
    taken = perf_counter() - start
    check_same_work("rows", ours=last["processed_rows"], theirs=ROWS)
    assert result.startswith(file[: file.index(b"\n")])
    return taken
