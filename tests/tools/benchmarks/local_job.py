"""A job of 1,000 rows on the warm local cloud, from the first byte of the upload to the downloaded result.

The gateway, the queue and the state machine are emulated; every function is a process with its role.
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
# The example in the specification of the API: 1,000 rows in 125.5 seconds.
DOCUMENTED_ROWS_PER_SECOND: Final = 7.97
_WARM_UPS: Final = 2
_ROUNDS: Final = 5
_POLL_SECONDS: Final = 0.1


def measure() -> tuple[Measurement, ...]:
    """Returns seconds per row. Raises DifferentWorkError unless every row is in the result."""
    file = company_csv(company_rows(ROWS))
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cloud(Path(folder)) as (cloud, _),
        JobsClient(cloud.api_url, token=cloud.token(SHOWN_USER)) as client,
    ):
        # The first jobs start the functions, and Score as many times as there are concurrent chunks.
        seconds = [run(client, file) for _ in range(_WARM_UPS + _ROUNDS)][_WARM_UPS:]
    return (
        Measurement(
            title="A job on the warm local cloud",
            quantity="seconds",
            unit="row",
            subject=Series(name="upload to download", values=tuple(seconds), units=ROWS),
            baselines=(
                Series(
                    name="the example in the API specification",
                    values=(ROWS / DOCUMENTED_ROWS_PER_SECOND,) * _ROUNDS,
                    units=ROWS,
                ),
            ),
            notes=(f"{ROWS:,} rows of 20 columns through the API; the status is polled every {_POLL_SECONDS} s",),
        ),
    )


def run(client: JobsClient, file: bytes) -> float:
    """Returns the seconds of one job."""
    start = perf_counter()
    job_id = str(client.upload("annual", "companies.csv", file)["job_id"])
    *_, last = client.watch(job_id, every_seconds=_POLL_SECONDS)
    result = client.download(job_id, "all")
    taken = perf_counter() - start
    check_same_work("rows", ours=last["processed_rows"], theirs=ROWS)
    assert result.startswith(file[: file.index(b"\n")])
    return taken
