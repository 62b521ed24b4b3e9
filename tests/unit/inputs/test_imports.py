import subprocess
import sys
from pathlib import Path


def test_upload_checks_do_not_import_numpy() -> None:
    # The api function's bundle has none.
    modules = "shared.inputs.formats, shared.inputs.header, shared.inputs.workbooks"
    code = f"import sys, {modules}; sys.exit('numpy' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == 0  # noqa: S603
