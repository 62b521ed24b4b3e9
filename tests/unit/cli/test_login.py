"""Signing in, and where the token is stored and sent."""

import json
import stat
import time
from pathlib import Path

import httpx
import pytest

from default_risk_jobs.cli.settings import Settings
from tests.in_process import InProcess
from tests.unit.api.conftest import Token
from tests.unit.cli.conftest import DEPLOYMENT, CommandLine

NEW = ("login", "--api", "https://api.example/api/v1", "--client-id", "client-1", "--region", "eu-central-1")


def user_pool(access_token: str, requests: list[httpx.Request]) -> object:
    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"AuthenticationResult": {"AccessToken": access_token}})

    return respond


def test_login_with_name_and_password_stores_only_the_token(
    newcomer: CommandLine, service: InProcess, settings: Settings, token: Token, tmp_path: Path
) -> None:
    access_token, requests = token(), list[httpx.Request]()
    service.instead = [user_pool(access_token, requests)]  # type: ignore[list-item]
    ran = newcomer(*NEW, "--user", "jane", "--password-stdin", given="correct horse\n")

    assert ran.code == 0, ran.err
    assert "Signed in to default as jane.doe until" in ran.out
    assert json.loads(requests[0].content)["AuthParameters"] == {"USERNAME": "jane", "PASSWORD": "correct horse"}
    assert settings.token("default") == access_token
    assert settings.default == "default"
    kept = "".join(path.read_text() for path in (tmp_path / "home").iterdir())
    assert "correct horse" not in kept + ran.out + ran.err
    assert access_token not in ran.out + ran.err


def test_token_file_is_readable_only_by_its_owner(newcomer: CommandLine, token: Token, tmp_path: Path) -> None:
    tokens = tmp_path / "home" / "tokens.json"
    tokens.parent.mkdir()
    tokens.write_text("{}")
    tokens.chmod(0o644)
    assert newcomer(*NEW, "--token", "-", given=f"{token()}\n").code == 0
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    assert [path.name for path in tokens.parent.iterdir() if path.suffix != ".json"] == []


@pytest.mark.parametrize("options", [["--json"], []])
def test_token_that_the_service_refuses_is_not_stored(
    newcomer: CommandLine, settings: Settings, options: list[str]
) -> None:
    ran = newcomer(*NEW, "--token", "a.b.c", *options)
    assert (ran.code, ran.out) == (3, "")
    assert settings.token("default") is None
    assert settings.deployments() == {}


def test_login_reports_a_wrong_password(newcomer: CommandLine, service: InProcess) -> None:
    service.instead = [httpx.Response(400, json={"__type": "NotAuthorizedException"})]
    ran = newcomer(*NEW, "--user", "jane", "--password-stdin", given="wrong\n")
    assert (ran.code, ran.err) == (3, "Wrong user name or password.\n")


def test_expired_token_is_reported_before_any_request(
    run: CommandLine, service: InProcess, settings: Settings, token: Token
) -> None:
    settings.save_token("prod", token(exp=int(time.time()) - 60))
    ran = run("jobs")
    assert ran.code == 3
    assert "Your sign-in to prod expired at 20" in ran.err
    assert "default-risk login" in ran.err
    assert service.requests == []


def test_token_and_address_may_come_from_environment_variables(
    newcomer: CommandLine, token: Token, tmp_path: Path
) -> None:
    newcomer.variables = {"DEFAULT_RISK_API": "https://api.example", "DEFAULT_RISK_TOKEN": token()}
    assert newcomer("jobs", "--json").json == {"jobs": []}
    assert not (tmp_path / "home").exists()


def test_command_without_a_sign_in_says_how_to_sign_in(newcomer: CommandLine, settings: Settings) -> None:
    ran = newcomer("jobs")
    assert ran.code == 2
    assert "default-risk login --api" in ran.err
    settings.save(DEPLOYMENT)
    ran = newcomer("jobs")
    assert ran.code == 3
    assert "You are not signed in to prod." in ran.err


def test_logout_removes_the_token(run: CommandLine, settings: Settings) -> None:
    assert run("logout").out == "Signed out of prod.\n"
    assert settings.token("prod") is None
    assert run("jobs").code == 3


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://api.example", "is not encrypted"),
        ("ftp://api.example", "must start with https"),
        ("api.example", "must start with https"),
        ("https://api.example\x00", "is not a URL"),
    ],
)
def test_token_is_not_sent_to_an_unencrypted_or_malformed_address(
    newcomer: CommandLine, token: Token, service: InProcess, address: str, sentence: str
) -> None:
    ran = newcomer("login", "--api", address, "--token", token())
    assert ran.code == 2
    assert sentence in ran.err
    assert service.requests == []


class TestDeployments:
    def test_deployments_are_added_and_selected_and_removed(self, run: CommandLine, settings: Settings) -> None:
        added = run(
            "deployments", "add", "test", "--api", "https://x1.execute-api.eu-west-1.amazonaws.com", "--client-id", "c"
        )
        assert added.code == 0, added.err
        assert settings.deployments()["test"].sign_in_url == "https://cognito-idp.eu-west-1.amazonaws.com/"
        assert run("jobs", "-d", "test").code == 3
        listed = run("deployments", "list", "--json").json
        assert listed["default"] == "prod"
        assert {entry["name"]: entry["signed_in"] for entry in listed["deployments"]} == {"prod": True, "test": False}
        assert run("deployments", "use", "test").code == 0
        assert "* " in run("deployments", "list").out
        assert run("deployments", "remove", "test").code == 0
        assert settings.default == "prod"
        assert run("deployments", "use", "test").err == "Unknown deployment: test. Available: prod.\n"

    def test_deployment_keeps_its_token_only_while_its_address_stays(
        self, run: CommandLine, settings: Settings
    ) -> None:
        run("deployments", "add", "prod", "--api", DEPLOYMENT.api_url)
        assert settings.token("prod") is not None
        run("deployments", "add", "prod", "--api", "https://elsewhere.example")
        assert settings.token("prod") is None

    @pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
    def test_damaged_configuration_file_is_named(self, run: CommandLine, tmp_path: Path, content: str) -> None:
        path = tmp_path / "home" / "config.json"
        path.write_bytes(content.encode(errors="surrogateescape"))
        ran = run("jobs")
        assert ran.code == 2
        assert str(path) in ran.err
