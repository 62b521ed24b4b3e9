import pytest

from shared.inputs.columns import (
    ProfileName,
    duplicates,
    fits_both,
    missing_columns,
    normalized_name,
    profile_of,
    required_columns,
)
from shared.vocabulary import JobType


def names_of(job_type: JobType, profile: ProfileName) -> list[str]:
    return [column.name for column in required_columns(job_type, profile)]


@pytest.mark.parametrize(
    "header", ["Market Cap", " market-cap ", "MARKET_CAP", "market cap", "Market \nCap", "Market  -  Cap"]
)
def test_column_names_match_regardless_of_case_spaces_and_hyphens(header: str) -> None:
    assert normalized_name(header) == "market_cap"


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
@pytest.mark.parametrize("profile", ["statements", "ratios"])
def test_header_with_the_required_columns_has_that_profile(job_type: JobType, profile: ProfileName) -> None:
    assert profile_of(names_of(job_type, profile), job_type) == (profile, ())


def test_header_with_both_profiles_is_scored_on_statements() -> None:
    both = [*names_of(JobType.ANNUAL, "ratios"), *names_of(JobType.ANNUAL, "statements")]
    assert profile_of(both, JobType.ANNUAL) == ("statements", ())
    assert fits_both(both, JobType.ANNUAL)
    assert not fits_both(names_of(JobType.ANNUAL, "ratios"), JobType.ANNUAL)


def test_header_that_fits_no_profile_gets_the_missing_columns_of_the_nearest() -> None:
    ratios = [name for name in names_of(JobType.ANNUAL, "ratios") if name not in ("sector", "net_income_margin")]
    assert profile_of(ratios, JobType.ANNUAL) == ("ratios", ("sector", "net_income_margin"))


def test_ebit_and_depreciation_columns_replace_ebitda() -> None:
    names = [name for name in names_of(JobType.ANNUAL, "statements") if name != "ebitda"]
    assert missing_columns(names, JobType.ANNUAL, "statements") == ("ebitda",)
    assert missing_columns([*names, "ebit"], JobType.ANNUAL, "statements") == ("depreciation_amortization",)
    assert missing_columns([*names, "ebit", "depreciation_amortization"], JobType.ANNUAL, "statements") == ()


def test_quarter_is_required_only_in_quarterly_files() -> None:
    assert "reporting_quarter" in names_of(JobType.QUARTERLY, "ratios")
    assert "reporting_quarter" not in names_of(JobType.ANNUAL, "ratios")


def test_duplicate_names_are_listed_once_and_in_order() -> None:
    assert duplicates(["b", "a", "b", "a", "b"]) == ("b", "a")
