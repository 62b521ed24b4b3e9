import subprocess
import sys
from pathlib import Path


def test_what_refuses_a_file_at_the_door_needs_no_numpy() -> None:
    # The api function's bundle has none.
    modules = "shared.inputs.formats, shared.inputs.header, shared.inputs.workbooks"
    code = f"import sys, {modules}; sys.exit('numpy' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == 0  # noqa: S603
