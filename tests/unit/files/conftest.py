from pathlib import Path

import pytest

from shared.files.header import Layout
from shared.vocabulary import JobType

_REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def samples() -> Path:
    folder = _REPOSITORY.parent / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("the sample files are not part of the repository")
    return folder


@pytest.fixture
def layout() -> Layout:
    """A layout of which only the delimiter and the start of the data matter."""
    return Layout(
        delimiter=",",
        names=("a",),
        normalised=("a",),
        job_type=JobType.ANNUAL,
        profile="ratios",
        used_both=False,
        data_start=0,
    )
