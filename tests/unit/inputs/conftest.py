import pytest

from shared.inputs.header import Layout
from shared.vocabulary import JobType


@pytest.fixture
def layout() -> Layout:
    """Returns a layout for tests that use only its delimiter and the start of the data."""
    return Layout(
        delimiter=",",
        names=("a",),
        normalized=("a",),
        job_type=JobType.ANNUAL,
        profile="ratios",
        used_both=False,
        data_start=0,
    )
