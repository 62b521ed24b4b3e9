import pytest

from infra.stages import stage_from_context


def test_an_unknown_stage_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown stage 'staging': choose one of dev, prod, local"):
        stage_from_context({"stage": "staging"})


def test_an_issuer_given_in_part_is_refused_naming_what_lacks() -> None:
    with pytest.raises(ValueError, match="audience, jwks_url"):
        stage_from_context({"stage": "dev", "issuer": "https://login.example.com"})


def test_the_default_is_a_development_stage_that_keeps_no_data() -> None:
    stage = stage_from_context({})
    assert (stage.name, stage.keep_data, stage.is_local) == ("dev", False, False)
