"""Options of dropped files from the metadata of their objects."""

import json
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.job import UploadOptions
from shared.jobs.metadata_options import InvalidOptionError, metadata_options


def test_object_without_metadata_has_the_default_options() -> None:
    assert metadata_options({}) == UploadOptions()


def test_every_option_can_be_given() -> None:
    assert metadata_options(
        {
            "validate_only": "TRUE",
            "max_failed_percent": " 2.5 ",
            "encoding": "windows-1252",
            "sheet": "Data",
            "decimal": ",",
            "labels": '{"team": "risk"}',
        }
    ) == UploadOptions(
        validate_only=True,
        max_failed_percent=2.5,
        encoding="windows-1252",
        sheet="Data",
        decimal=",",
        labels={"team": "risk"},
    )


def test_names_may_have_hyphens_and_other_names_are_ignored() -> None:
    assert metadata_options({"Validate-Only": "1", "mtime": "1700000000"}) == UploadOptions(validate_only=True)


def test_text_beyond_ascii_is_read_as_s3_returns_it() -> None:
    assert metadata_options({"sheet": Header("Übersicht 2026", "utf-8").encode()}).sheet == "Übersicht 2026"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("validate_only", "yes please"),
        ("max_failed_percent", "101"),
        ("max_failed_percent", "nan"),
        ("max_failed_percent", "many"),
        ("decimal", ";"),
        ("encoding", "x" * 41),
        ("sheet", "a\x00b"),
        ("labels", "team=risk"),
        ("labels", "[" * 100_000),
        ("labels", '{"team": 1}'),
        ("labels", '{"": "x"}'),
        ("labels", json.dumps({str(number): "x" for number in range(11)})),
        ("labels", json.dumps({"a": "x" * 257})),
    ],
)
def test_invalid_value_is_refused_naming_the_option_and_not_the_value(name: str, value: str) -> None:
    with pytest.raises(InvalidOptionError, match=f"`{name}`") as refused:
        metadata_options({name: value})
    assert len(str(refused.value)) < 200


@given(
    st.dictionaries(
        st.sampled_from(["validate_only", "max_failed_percent", "encoding", "sheet", "decimal", "labels", "other"]),
        st.text(max_size=60),
    )
)
def test_any_text_is_read_or_refused(metadata: dict[str, str]) -> None:
    try:
        options = metadata_options(metadata)
    except InvalidOptionError:
        return
    assert options.decimal in (None, ".", ",")
    assert options.max_failed_percent is None or 0 <= options.max_failed_percent <= 100
