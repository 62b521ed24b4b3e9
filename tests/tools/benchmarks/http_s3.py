"""An S3 of one object over HTTP on loopback, in its own process, so that its work does not count as the client's.

It supports GET only, and ends at the end of its standard input.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from unittest.mock import patch

from shared.aws import clients
from tests.aws_clients import forget_clients

_ROOT: Final = Path(__file__).resolve().parents[3]


@contextmanager
def served(path: Path) -> Iterator[Any]:
    """Yields the S3 client of a deployed function; every object is this file."""
    command = [sys.executable, "-m", __name__, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)  # noqa: S603 - our own
    with process as server:
        endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"  # type: ignore[union-attr]
        with patch.dict(os.environ, {"AWS_ENDPOINT_URL_S3": endpoint}):
            forget_clients()
            yield clients.s3()
        forget_clients()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with Path(sys.argv[1]).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.flush()
            self.connection.sendfile(file)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - as the base class names it
        """Does not log requests."""


def main() -> None:
    """Prints the port, then serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    # A daemon thread, since a client may keep its connection open.
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
