"""The emulator alone: it ends with what started it."""

import io
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from infra.layout import ROOT
from infra.local.cloud import root_session
from tests.tools.stress.processes import processes_of

_LIMIT_SECONDS = 60.0

# Starts an emulator, says where it is and in which session, and waits.
_PARENT = """
import sys, time
from pathlib import Path
from infra.local.emulator import Emulator
emulator = Emulator(folder=Path(sys.argv[1]), enforces_roles=False)
emulator.start()
print(emulator.endpoint_url, emulator.session, flush=True)
time.sleep(600)
"""
_FUNCTION = b"def handler(event, context):\n    return event\n"


@pytest.mark.xdist_group("emulator")
def test_killed_parent_takes_emulator_and_functions_along(tmp_path: Path) -> None:
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        endpoint_url, session = parent.stdout.readline().split()
    invoke_a_function(endpoint_url)
    assert count(int(session)) == 2

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + _LIMIT_SECONDS
    while alive := count(int(session)):
        assert time.monotonic() < deadline, f"{alive} processes live on"
        time.sleep(0.1)


def invoke_a_function(endpoint_url: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", _FUNCTION)
    with closing(root_session().client("lambda", endpoint_url=endpoint_url)) as functions:
        functions.create_function(
            FunctionName="echo",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/echo",
            Handler="index.handler",
            Code={"ZipFile": code.getvalue()},
        )
        functions.get_waiter("function_active_v2").wait(FunctionName="echo")
        assert functions.invoke(FunctionName="echo", Payload=b"1")["Payload"].read() == b"1"


def count(session: int) -> int:
    """The processes of a session that have not ended."""
    return sum(map(len, processes_of(session).values()))
