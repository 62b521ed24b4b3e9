import pytest

from shared.inputs.header import Layout
from shared.vocabulary import JobType


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
