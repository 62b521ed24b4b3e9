"""Signing in, and where the token goes."""

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


def pool_that_gives(access_token: str, asked: list[httpx.Request]) -> object:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"AuthenticationResult": {"AccessToken": access_token}})

    return answer


def test_a_name_and_a_password_sign_in_and_are_not_kept(
    newcomer: CommandLine, service: InProcess, settings: Settings, token: Token, tmp_path: Path
) -> None:
    access_token, asked = token(), list[httpx.Request]()
    service.instead = [pool_that_gives(access_token, asked)]  # type: ignore[list-item]
    ran = newcomer(*NEW, "--user", "jane", "--password-stdin", given="correct horse\n")

    assert ran.code == 0, ran.err
    assert "Signed in to default as jane.doe until" in ran.out
    assert json.loads(asked[0].content)["AuthParameters"] == {"USERNAME": "jane", "PASSWORD": "correct horse"}
    assert settings.token("default") == access_token
    assert settings.default == "default"
    kept = "".join(path.read_text() for path in (tmp_path / "home").iterdir())
    assert "correct horse" not in kept + ran.out + ran.err
    assert access_token not in ran.out + ran.err


def test_the_token_is_readable_by_its_owner_alone(newcomer: CommandLine, token: Token, tmp_path: Path) -> None:
    tokens = tmp_path / "home" / "tokens.json"
    tokens.parent.mkdir()
    tokens.write_text("{}")
    tokens.chmod(0o644)
    assert newcomer(*NEW, "--token", "-", given=f"{token()}\n").code == 0
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    assert [path.name for path in tokens.parent.iterdir() if path.suffix != ".json"] == []


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_token_that_the_service_refuses_is_not_kept(
    newcomer: CommandLine, settings: Settings, options: list[str]
) -> None:
    ran = newcomer(*NEW, "--token", "a.b.c", *options)
    assert (ran.code, ran.out) == (3, "")
    assert settings.token("default") is None
    assert settings.deployments() == {}


def test_a_wrong_password_is_said_to_be_wrong(newcomer: CommandLine, service: InProcess) -> None:
    service.instead = [httpx.Response(400, json={"__type": "NotAuthorizedException"})]
    ran = newcomer(*NEW, "--user", "jane", "--password-stdin", given="wrong\n")
    assert (ran.code, ran.err) == (3, "The name or the password is wrong.\n")


def test_an_expired_token_is_told_before_anything_is_sent(
    run: CommandLine, service: InProcess, settings: Settings, token: Token
) -> None:
    settings.keep_token("prod", token(exp=int(time.time()) - 60))
    ran = run("jobs")
    assert ran.code == 3
    assert "Your sign-in to prod ended at 20" in ran.err
    assert "default-risk login" in ran.err
    assert service.requests == []


def test_a_token_and_an_address_may_come_from_the_environment(
    newcomer: CommandLine, token: Token, tmp_path: Path
) -> None:
    newcomer.variables = {"DEFAULT_RISK_API": "https://api.example", "DEFAULT_RISK_TOKEN": token()}
    assert newcomer("jobs", "--json").json == {"jobs": []}
    assert not (tmp_path / "home").exists()


def test_who_never_signed_in_is_told_how(newcomer: CommandLine, settings: Settings) -> None:
    ran = newcomer("jobs")
    assert ran.code == 2
    assert "default-risk login --api" in ran.err
    settings.keep(DEPLOYMENT)
    ran = newcomer("jobs")
    assert ran.code == 3
    assert "You are not signed in to prod." in ran.err


def test_logout_forgets_the_token(run: CommandLine, settings: Settings) -> None:
    assert run("logout").out == "Signed out of prod.\n"
    assert settings.token("prod") is None
    assert run("jobs").code == 3


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://api.example", "is not encrypted"),
        ("ftp://api.example", "has to start with https"),
        ("api.example", "has to start with https"),
        ("https://api.example\x00", "is not an address"),
    ],
)
def test_a_token_is_not_sent_where_others_could_read_it(
    newcomer: CommandLine, token: Token, service: InProcess, address: str, sentence: str
) -> None:
    ran = newcomer("login", "--api", address, "--token", token())
    assert ran.code == 2
    assert sentence in ran.err
    assert service.requests == []


class TestDeployments:
    def test_are_added_chosen_and_removed(self, run: CommandLine, settings: Settings) -> None:
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
        assert run("deployments", "use", "test").err == "No deployment is called test. Known: prod.\n"

    def test_keep_their_token_only_while_their_address_stays(self, run: CommandLine, settings: Settings) -> None:
        run("deployments", "add", "prod", "--api", DEPLOYMENT.api_url)
        assert settings.token("prod") is not None
        run("deployments", "add", "prod", "--api", "https://elsewhere.example")
        assert settings.token("prod") is None

    @pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
    def test_that_cannot_be_read_are_said_to_be_damaged(self, run: CommandLine, tmp_path: Path, content: str) -> None:
        path = tmp_path / "home" / "config.json"
        path.write_bytes(content.encode(errors="surrogateescape"))
        ran = run("jobs")
        assert ran.code == 2
        assert str(path) in ran.err
