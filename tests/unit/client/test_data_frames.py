"""Scored rows as a pandas DataFrame."""

import sys
from collections.abc import Callable

import pandas as pd
import pytest

from default_risk_jobs import JobsClient, MissingPandasError
from default_risk_jobs.data_frames import GUARDED
from shared.scoring import values
from tests.builders import a_completed_job
from tests.fakes import FakeJobStore, FakeResultStore
from tests.in_process import InProcess
from tests.unit.api.conftest import store_results

SCORED = (
    "company_symbol,'=x,remarks,row,default_probability,risk_level,risk_grade,top_factors,missing_ratios,out_of_range,"
    "model_version,model_basis\n"
    'NA,007,"\'=1+1\nb\rc",2,0.00123456,low,R03,"[{""input"":""debt"",""contribution"":-0.5}]",[],"[""ni_ta""]",v1,panel\n'
    'ACME,\'a,\'-,4,0.3,high,R09,[],"[""wc_ta""]",[],v1,panel\n'
)


FrameOf = Callable[[str], pd.DataFrame]


@pytest.fixture
def frame_of(service: InProcess, jobs_client: JobsClient, store: FakeJobStore, results: FakeResultStore) -> FrameOf:
    """Returns the frame of a job whose file of successful rows has this text."""
    job = a_completed_job()
    store.add(job)
    store_results(results, job.id)

    def of(text: str) -> pd.DataFrame:
        service.result_files = {"figures_successful.csv": text.encode()}
        return jobs_client.results_frame(str(job.id))

    return of


def test_results_frame_has_numbers_and_lists(frame_of: FrameOf) -> None:
    frame = frame_of(SCORED)
    assert frame["row"].dtype == "int64"
    assert frame["default_probability"].dtype == "float64"
    scores = frame[["row", "default_probability", "top_factors", "missing_ratios", "out_of_range"]]
    assert scores.to_dict("records") == [
        {
            "row": 2,
            "default_probability": 0.00123456,
            "top_factors": [{"input": "debt", "contribution": -0.5}],
            "missing_ratios": [],
            "out_of_range": ["ni_ta"],
        },
        {"row": 4, "default_probability": 0.3, "top_factors": [], "missing_ratios": ["wc_ta"], "out_of_range": []},
    ]


def test_results_frame_has_the_columns_of_the_file_as_they_were_written(frame_of: FrameOf) -> None:
    frame = frame_of(SCORED)
    assert frame[["company_symbol", "=x", "remarks"]].to_dict("records") == [
        {"company_symbol": "NA", "=x": "007", "remarks": "=1+1\nb\rc"},
        {"company_symbol": "ACME", "=x": "'a", "remarks": "-"},
    ]


def test_results_frame_of_a_job_without_scored_rows_has_typed_columns(frame_of: FrameOf) -> None:
    frame = frame_of(SCORED.partition("\n")[0] + "\n")
    assert len(frame) == 0
    assert frame["row"].dtype == "int64"
    assert frame["default_probability"].dtype == "float64"


def test_results_frame_of_a_job_that_only_validated_has_no_score(frame_of: FrameOf) -> None:
    frame = frame_of("company_symbol,row\nACME,2\n")
    assert frame.to_dict("records") == [{"company_symbol": "ACME", "row": 2}]


def test_results_frame_without_pandas_says_how_to_install_it(
    jobs_client: JobsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.delitem(sys.modules, "default_risk_jobs.data_frames", raising=False)
    with pytest.raises(MissingPandasError, match=r"pip install 'default-risk-jobs\[pandas\]'"):
        jobs_client.results_frame("any")


def test_guards_are_taken_off_as_the_service_puts_them() -> None:
    assert values.GUARDED == GUARDED
