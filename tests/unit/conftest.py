from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("the sample files are not part of the repository")
    return folder
