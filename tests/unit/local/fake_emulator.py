"""A server that responds like a healthy emulator, with a function process that never ends by itself."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from infra.local.process_group import end_with_parent

FUNCTION_PID = "function.pid"


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


def main() -> None:
    end_with_parent()
    function = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["TMPDIR"], FUNCTION_PID).write_text(str(function.pid))
    HTTPServer(("127.0.0.1", int(os.environ["GATEWAY_PORT"])), _Healthy).serve_forever()


if __name__ == "__main__":
    main()
