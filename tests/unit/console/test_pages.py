"""The pages as the gateway gets them: the right files and no other, sent so that browsers keep and guard them."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.console import handler as function
from functions.console.files import FOLDER
from infra.npm.vendor import SUMS, VENDOR, sums

ENVIRONMENT = {
    "TOKEN_ISSUER": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool",
    "CONSOLE_CLIENT_ID": "client",
    "SIGN_IN_URL": "https://jobs.auth.eu-central-1.amazoncognito.com",
    "CONNECT_ORIGINS": "https://uploads.s3.eu-central-1.amazonaws.com https://jobs.auth.eu-central-1.amazoncognito.com",
    "MULTIPART_MAX_BYTES": "4194304",
}
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
RESPONSE_LIMIT_BYTES = 6_291_556

Answer = dict[str, Any]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    function._site.cache_clear()
    yield
    function._site.cache_clear()


def ask(path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    event = {"rawPath": path, "headers": headers or {}, "requestContext": {"http": {"method": method}}}
    return function.handler(event, None)


def body_of(answer: Answer) -> bytes:
    assert answer["isBase64Encoded"] is True
    return base64.b64decode(answer["body"])


def assets_of(page: str) -> list[str]:
    """The paths that a page's links and scripts lead to, from its own."""
    text = body_of(ask(page)).decode()
    folder = page.rpartition("/")[0].split("/")
    found = []
    for link in re.findall(r'(?:src|href)="([^"]+)"', text) + re.findall(r'"\./([^"]+)"', text):
        if not link.startswith("api/"):
            up = link.count("../")
            found.append("/".join([*folder[: len(folder) - up], link.removeprefix("../" * up)]))
    return [path for path in found if path != "/api/v1/openapi.json"]


@pytest.mark.parametrize("page", ["/console", "/api/v1/docs"])
def test_a_page_is_there_with_everything_it_names(page: str) -> None:
    answer = ask(page)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"{{" not in body_of(answer)
    assets = assets_of(page)
    assert len(assets) >= 5
    for path in assets:
        assert ask(path)["statusCode"] == 200, path


def test_modules_import_what_is_there() -> None:
    (main,) = [path for path in assets_of("/console") if path.endswith("/main.js")]
    seen, left = set(), [main]
    while left:
        path = left.pop()
        answer = ask(path)
        assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "text/javascript; charset=utf-8"), (
            path
        )
        seen.add(path)
        for name in re.findall(r'^import [^"]*"(\.[^"]+)";$', body_of(answer).decode(), re.MULTILINE):
            folder = path.split("/")[:-1]
            target = "/".join([*folder[: len(folder) - name.count("../")], name.replace("../", "").removeprefix("./")])
            left += [target] if target not in seen else []
    own = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.js") if VENDOR not in file.parents}
    assert {path.split("/", 3)[3] for path in seen if "/vendor/" not in path} == own - {"docs.js"}


def test_pages_may_do_only_what_they_need() -> None:
    policies = {
        page: dict(part.split(" ", 1) for part in ask(page)["headers"]["Content-Security-Policy"].split("; "))
        for page in ("/console", "/api/v1/docs", "/console/nothing")
    }
    for policy in policies.values():
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert not any("unsafe" in value for value in policy.values())
    assert policies["/console"]["connect-src"] == f"'self' {ENVIRONMENT['CONNECT_ORIGINS']}"
    assert policies["/console"]["require-trusted-types-for"] == "'script'"
    assert policies["/api/v1/docs"]["connect-src"] == policies["/api/v1/docs"]["script-src"] == "'self'"


def test_no_script_or_style_stands_in_a_page_but_the_named_map_of_modules() -> None:
    for page in ("/console", "/api/v1/docs", "/console/nothing"):
        text = body_of(ask(page)).decode()
        assert not re.search(r"<style| style=| on[a-z]+=|//[a-z]", text.replace("<!doctype html>", ""))
        inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", text, re.DOTALL)
        policy = ask(page)["headers"]["Content-Security-Policy"]
        for script in inline:
            assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
        assert len(inline) == (1 if page == "/console" else 0)


def test_every_answer_is_guarded() -> None:
    for answer in (ask("/console"), ask("/console/nothing"), ask("/console/config.json"), ask("/console", "POST")):
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
        assert answer["headers"]["Referrer-Policy"] == "no-referrer"
        assert answer["headers"]["Cross-Origin-Opener-Policy"] == "same-origin"


def test_assets_are_kept_for_good_and_pages_are_asked_for_again() -> None:
    for page in ("/console", "/api/v1/docs", "/console/config.json"):
        assert ask(page)["headers"]["Cache-Control"] == "no-cache"
    for path in assets_of("/console"):
        assert ask(path)["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert ask("/console/nothing")["headers"]["Cache-Control"] == "no-store"


def test_assets_of_another_version_are_not_there() -> None:
    path = assets_of("/console")[0]
    version = path.split("/")[2]
    assert ask(path.replace(version, "0" * 16))["statusCode"] == 404


@pytest.mark.parametrize("form", ["{0}", '"x", {0}', "*", "{1}"])
def test_what_a_browser_has_is_not_sent_again(form: str) -> None:
    sent = ask("/console")
    tag = sent["headers"]["ETag"]
    again = ask("/console", headers={"if-none-match": form.format(tag, tag.removeprefix("W/"))})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == tag
    assert "Content-Security-Policy" in again["headers"]
    assert ask("/console", headers={"if-none-match": '"another"'})["statusCode"] == 200


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.2", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, br", False),
        ("x-gzip-like", False),
        ("", False),
    ],
)
def test_a_body_is_compressed_for_those_who_take_it(accepted: str, *, is_compressed: bool) -> None:
    plain = body_of(ask("/console"))
    answer = ask("/console", headers={"accept-encoding": accepted})
    assert (answer["headers"].get("Content-Encoding") == "gzip") == is_compressed
    assert answer["headers"]["Vary"] == "Accept-Encoding"
    body = body_of(answer)
    assert (gzip.decompress(body) if is_compressed else body) == plain


def test_every_file_fits_into_an_answer_of_lambda() -> None:
    for path in function._site().files:
        assert len(json.dumps(ask(path))) < RESPONSE_LIMIT_BYTES, path


def test_head_is_answered_as_get_without_its_body() -> None:
    head = ask("/console", "HEAD")
    assert (head["statusCode"], head["body"]) == (200, "")
    assert head["headers"] == ask("/console")["headers"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_taken_in(method: str) -> None:
    answer = ask("/console", method)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, HEAD")


def test_a_path_that_has_nothing_leads_back_from_any_depth() -> None:
    for path, back in (
        ("/console/a", "../console"),
        ("/console/a/b/c", "../../../console"),
    ):
        answer = ask(path)
        assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert f'href="{back}"' in body_of(answer).decode()


def test_a_slash_too_many_leads_to_the_page() -> None:
    for path, page in (("/console/", "/console"), ("/console//", "/console"), ("/api/v1/docs/", "/api/v1/docs")):
        answer = ask(path)
        assert answer["statusCode"] == 308
        assert urljoin(f"https://jobs.example{path}", answer["headers"]["Location"]) == f"https://jobs.example{page}"
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


PARTS = st.sampled_from(
    ["..", ".", "", "%2e%2e", "handler.py", "site", "vendor", "SHA256SUMS", "console.html", "\0", "~"]
)


@given(st.lists(PARTS | st.text(max_size=8), max_size=6).map("/".join))
def test_no_path_leads_to_anything_but_the_files_of_the_site(tail: str) -> None:
    version = assets_of("/console")[0].split("/")[2]
    for path in (f"/console/{tail}", f"/console/{version}/{tail}", f"/{tail}"):
        answer = ask(path)
        known = function._site().files
        assert answer["statusCode"] == (200 if path in known else 308 if path.rstrip("/") in known else 404)
        assert path.encode() not in body_of(answer) or answer["statusCode"] == 200 or not tail


def test_the_console_is_told_how_its_users_sign_in() -> None:
    config = json.loads(body_of(ask("/console/config.json")))
    assert config == {
        "sign_in": {
            "authority": ENVIRONMENT["TOKEN_ISSUER"],
            "client_id": "client",
            "scope": "openid",
            "metadata": {
                "issuer": ENVIRONMENT["TOKEN_ISSUER"],
                "authorization_endpoint": f"{ENVIRONMENT['SIGN_IN_URL']}/oauth2/authorize",
                "token_endpoint": f"{ENVIRONMENT['SIGN_IN_URL']}/oauth2/token",
                "end_session_endpoint": f"{ENVIRONMENT['SIGN_IN_URL']}/logout",
            },
        },
        "multipart_max_bytes": 4194304,
    }


def test_an_issuer_of_the_deployers_own_says_itself_where_its_users_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGN_IN_URL")
    settings = json.loads(body_of(ask("/console/config.json")))["sign_in"]
    assert settings == {"authority": ENVIRONMENT["TOKEN_ISSUER"], "client_id": "client", "scope": "openid"}


def test_without_a_client_nobody_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSOLE_CLIENT_ID")
    assert json.loads(body_of(ask("/console/config.json")))["sign_in"] is None


def test_libraries_are_as_they_were_recorded_and_have_their_licences() -> None:
    assert sums(VENDOR) == SUMS.read_text()
    for package in VENDOR.iterdir():
        assert package == SUMS or (package / "LICENSE").is_file()
