"""The emulator: stores objects on disk and ends with its parent process."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.cloud import root_session
from infra.local.emulator import Emulator
from infra.project import ROOT
from tests.tools.stress.processes import EMULATOR, processes_of

_MIB = 2**20
_LIMIT_SECONDS = 60.0

# Starts an emulator, prints its endpoint and session, and waits.
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


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    running = Emulator(folder=tmp_path, enforces_roles=False)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def memory_of(emulator: Emulator) -> int:
    ((now, _),) = processes_of(emulator.session)[EMULATOR]
    return now


@pytest.mark.xdist_group("emulator")
def test_objects_and_their_versions_are_stored_on_disk(emulator: Emulator) -> None:
    with closing(root_session().client("s3", endpoint_url=emulator.endpoint_url)) as s3:
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        bodies = [bytes([number]) * 8 * _MIB for number in range(20)]
        s3.put_object(Bucket="bucket", Key="key", Body=bodies[0])
        before = memory_of(emulator)
        versions = [s3.put_object(Bucket="bucket", Key="key", Body=body)["VersionId"] for body in bodies]
        others = [
            s3.put_object(Bucket="bucket", Key=f"other/{number}", Body=body) for number, body in enumerate(bodies)
        ]
        grown = memory_of(emulator) - before
        assert grown < 100 * _MIB, f"320 MiB of objects took {grown / _MIB:.0f} MiB"

        assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == bodies[-1]
        s3.delete_object(Bucket="bucket", Key="key")
        for number in (0, len(bodies) // 2, len(bodies) - 1):
            found = s3.get_object(Bucket="bucket", Key="key", VersionId=versions[number])
            assert found["Body"].read() == bodies[number]
            other = s3.get_object(Bucket="bucket", Key=f"other/{number}", VersionId=others[number]["VersionId"])
            assert other["Body"].read() == bodies[number]


@pytest.mark.xdist_group("emulator")
@pytest.mark.parametrize("is_emulator_killed", [False, True])
def test_emulator_and_functions_end_with_their_killed_parent(tmp_path: Path, *, is_emulator_killed: bool) -> None:
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        endpoint_url, session = parent.stdout.readline().split()
    invoke_a_function(endpoint_url)
    assert count(int(session)) == 2

    if is_emulator_killed:
        os.kill(int(session), signal.SIGKILL)
    parent.kill()
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
    """Returns the number of running processes of a session."""
    return sum(map(len, processes_of(session).values()))
