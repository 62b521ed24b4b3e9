import re
from dataclasses import replace

import pytest

from infra.stages import Limits, stage_from_context


def test_unknown_stage_is_refused_by_name() -> None:
    with pytest.raises(
        ValueError, match="unknown stage 'staging': choose one of dev, prod, local, or add one with like="
    ):
        stage_from_context({"stage": "staging"})


def test_new_stage_has_the_settings_of_the_one_it_is_like_and_a_name_of_its_own() -> None:
    stage = stage_from_context({"stage": "staging", "like": "prod", "kms": "true"})
    assert stage == replace(stage_from_context({"stage": "prod", "kms": "true"}), name="staging")
    assert stage.stack_name == "default-risk-jobs-staging"
    kept = {"staging": {"like": "prod", "kms": True}}
    assert stage_from_context({"stage": "staging", "stages": kept}) == stage


def test_chunks_of_one_job_never_exceed_the_reservation_for_all() -> None:
    stage = stage_from_context({"stage": "prod", "score_concurrency": "200"})
    assert (stage.map_concurrency, stage.score_concurrency) == (200, 200)
    unreserved = stage_from_context({"stage": "prod", "score_concurrency": "0", "map_concurrency": "900"})
    assert (unreserved.map_concurrency, unreserved.score_concurrency) == (900, 0)


def test_incomplete_issuer_is_refused_with_the_missing_contexts() -> None:
    with pytest.raises(ValueError, match="audience, jwks_url"):
        stage_from_context({"stage": "dev", "issuer": "https://login.example.com"})


def test_default_stage_is_dev_and_keeps_no_data() -> None:
    stage = stage_from_context({})
    assert (stage.name, stage.keep_data, stage.is_local) == ("dev", False, False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"map_concurrency": "0"}, "map_concurrency is '0': it has to be a whole number from 1 to 10,000"),
        ({"map_concurrency": "many"}, "map_concurrency is 'many'"),
        ({"log_retention_days": "15"}, "log_retention_days is 15: choose one of 1, 3, 5, 7, 14"),
        ({"csv_max_bytes": "99999999999"}, "csv_max_bytes is '99999999999': it has to be a whole number from 1 to"),
        ({"kms": "yes"}, "kms is 'yes': it has to be true or false"),
        ({"alarm_email": "oncall"}, "alarm_email is 'oncall': it has to be an e-mail address"),
        ({"domain_name": "jobs.example.com"}, "a custom domain needs the context values certificate_arn too"),
        ({"domain_name": "Jobs.example.com", "certificate_arn": "x"}, "a domain name in lower case"),
        ({"domain_name": "jobs.example.com", "certificate_arn": "x"}, "the ARN of a certificate in ACM"),
        ({"cors_origins": "https://a.example.com/path"}, "it has to be origins like"),
        ({"cors_origins": "*"}, "it has to be origins like"),
        ({"issuer": "http://a.example.com", "audience": "a", "jwks_url": "https://a.example.com"}, "an https address"),
        ({"alarm_emial": "a@b.example"}, "unknown context 'alarm_emial': choose one of"),
        ({"stages": {"staging": {}}}, "settings for unknown stages: staging"),
        ({"stage": "Staging", "like": "prod"}, "the stage 'Staging' has to be 2 to 20 lower-case letters"),
        ({"stage": "prod", "like": "dev"}, "`like` is for new stages"),
        ({"stage": "staging", "like": "local"}, "unknown stage 'staging'"),
        ({"qualifier": "a b"}, "up to ten letters and digits"),
        ({"programs": "nightly=acme:owner"}, "programs like nightly=acme:org_member"),
        ({"programs": "a=acme:user,a=acme:user"}, "names a program twice"),
        ({"stages": {"dev": {"color": "red"}}}, "`stages` sets 'color' for dev"),
    ],
)
def test_invalid_context_is_refused_with_the_expected_value(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        stage_from_context(given)


def test_context_changes_only_its_own_setting() -> None:
    changed = stage_from_context(
        {
            "stage": "prod",
            "map_concurrency": "50",
            "kms": "true",
            "alarm_email": "oncall@example.com",
            "cors_origins": "https://a.example.com, http://localhost:3000",
            "xlsx_max_bytes": "1000",
        }
    )
    assert changed == replace(
        stage_from_context({"stage": "prod"}),
        map_concurrency=50,
        kms=True,
        alarm_email="oncall@example.com",
        cors_origins=("https://a.example.com", "http://localhost:3000"),
        limits=Limits(xlsx_max_bytes=1000),
    )


def test_context_of_the_command_line_overrides_that_of_the_stage() -> None:
    stages = {"prod": {"map_concurrency": 20, "kms": True}}
    assert stage_from_context({"stage": "prod", "stages": stages}).map_concurrency == 20
    stage = stage_from_context({"stage": "prod", "stages": stages, "map_concurrency": "30"})
    assert (stage.map_concurrency, stage.kms) == (30, True)
    assert stage_from_context({"stage": "dev", "stages": stages}) == stage_from_context({"stage": "dev"})


def test_contexts_of_cdk_are_ignored() -> None:
    context = {"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": []}
    assert stage_from_context(context) == stage_from_context({})
