"""Cold starts: seconds from the first import to the first response, after the runtime has started.

Every round is a process, with a warm page cache and bytecode compiled by the warm-up round. The start of the
interpreter is not counted. Lambda also fetches and unpacks the bundle, in a time that depends on its size.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.synthesized import template
from tests.tools.benchmarks.measurements import Measurement, Series
from tests.tools.benchmarks.timing import in_turns

_ROOT: Final = Path(__file__).resolve().parents[3]
_ROUNDS: Final = 9

_HEALTH_CHECK: Final[dict[str, Any]] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/api/v1/health",
    "rawQueryString": "",
    "headers": {"accept": "*/*", "host": "api.example"},
    "requestContext": {
        "http": {"method": "GET", "path": "/api/v1/health", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.17"},
        "requestId": "1",
        "routeKey": "$default",
        "stage": "$default",
    },
    "isBase64Encoded": False,
}
API: Final = """
from functions.api.handler import handler
from shared.aws import clients
class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "1"
assert handler(EVENT, Context())["statusCode"] == 200
clients.dynamodb()
"""
_BARE_API: Final = """
import boto3
from fastapi import FastAPI
from mangum import Mangum
app = FastAPI()
@app.get("/api/v1/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
assert Mangum(app, lifespan="off")(EVENT, None)["statusCode"] == 200
boto3.client("dynamodb")
"""
SCORE: Final = """
import functions.score.handler
from shared.aws import clients
from shared.scoring.model import model_for
model_for("annual", "statements")
clients.dynamodb(), clients.s3()
"""
_PANDAS: Final = """
import boto3, pandas
boto3.client("dynamodb"), boto3.client("s3")
"""
_PANDAS_SKLEARN: Final = f"""{_PANDAS}
from sklearn.ensemble import HistGradientBoostingClassifier
"""


def measure() -> tuple[Measurement, ...]:
    """Returns seconds per start of the api function and of the score function."""
    return (
        _compared(
            "Start the api function",
            {
                "`functions.api.handler`": API,
                "FastAPI, Mangum and boto3 with one route": _BARE_API,
            },
            "both respond to a health check and create a DynamoDB client",
        ),
        _compared(
            "Start the score function",
            {
                "`functions.score.handler`, with its model": SCORE,
                "pandas and boto3": _PANDAS,
                "pandas, scikit-learn and boto3, without a model": _PANDAS_SKLEARN,
            },
            "all create a DynamoDB and an S3 client",
        ),
    )


def start_seconds(program: str, *, bytecode: Path | None = None) -> float:
    """Returns the seconds from a program's first import to its last line, in its own process.

    Bytecode is read from and written to the folder `bytecode`, or where Python has it anyway. Raises CalledProcessError
    when the program fails.
    """
    timed = (
        f"import sys; from time import perf_counter; EVENT = {_HEALTH_CHECK!r}; start = perf_counter()\n{program}\n"
        "print(perf_counter() - start, file=sys.__stderr__)"
    )
    # Without bytecode, mostly compiling would be measured.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if bytecode is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "ignore", "-c", timed],
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={**environment, **template().environment()},
    )
    seconds: float = json.loads(ran.stderr.splitlines()[-1])
    return seconds


def _seconds_uncompiled(program: str) -> float:
    with tempfile.TemporaryDirectory() as nothing:
        return start_seconds(program, bytecode=Path(nothing))


def _compared(title: str, programs: dict[str, str], note: str) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        starts = {name: partial(start_seconds, program, bytecode=Path(folder)) for name, program in programs.items()}
        ours = next(iter(programs.values()))
        starts["the same without bytecode compiled ahead"] = partial(_seconds_uncompiled, ours)
        seconds = in_turns(starts, rounds=_ROUNDS)
    subject, *baselines = (Series(name=name, values=values) for name, values in seconds.items())
    return Measurement(
        title=title,
        quantity="seconds",
        unit="start",
        subject=subject,
        baselines=tuple(baselines),
        notes=(f"a process a round, bytecode compiled before; {note}",),
    )
