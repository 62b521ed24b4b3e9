"""The console's responses to the gateway: only the files of the site, with headers for caching and security."""

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

Response = dict[str, Any]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    function._site.cache_clear()
    yield
    function._site.cache_clear()


def request(path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Response:
    event = {"rawPath": path, "headers": headers or {}, "requestContext": {"http": {"method": method}}}
    return function.handler(event, None)


def body_of(response: Response) -> bytes:
    assert response["isBase64Encoded"] is True
    return base64.b64decode(response["body"])


def assets_of(page: str) -> list[str]:
    """Returns the paths to which the links and scripts of a page lead."""
    text = body_of(request(page)).decode()
    folder = page.rpartition("/")[0].split("/")
    found = []
    for link in re.findall(r'(?:src|href)="([^"]+)"', text) + re.findall(r'"\./([^"]+)"', text):
        if not link.startswith("api/"):
            up = link.count("../")
            found.append("/".join([*folder[: len(folder) - up], link.removeprefix("../" * up)]))
    return [path for path in found if path != "/api/v1/openapi.json"]


@pytest.mark.parametrize("page", ["/console", "/api/v1/docs"])
def test_page_is_served_with_every_asset_that_it_names(page: str) -> None:
    response = request(page)
    assert (response["statusCode"], response["headers"]["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"{{" not in body_of(response)
    assets = assets_of(page)
    assert len(assets) >= 5
    for path in assets:
        assert request(path)["statusCode"] == 200, path


def test_javascript_modules_import_only_existing_modules() -> None:
    (main,) = [path for path in assets_of("/console") if path.endswith("/main.js")]
    seen, left = set(), [main]
    while left:
        path = left.pop()
        response = request(path)
        assert (response["statusCode"], response["headers"]["Content-Type"]) == (
            200,
            "text/javascript; charset=utf-8",
        ), path
        seen.add(path)
        for name in re.findall(r'^import [^"]*"(\.[^"]+)";$', body_of(response).decode(), re.MULTILINE):
            folder = path.split("/")[:-1]
            target = "/".join([*folder[: len(folder) - name.count("../")], name.replace("../", "").removeprefix("./")])
            left += [target] if target not in seen else []
    own = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.js") if VENDOR not in file.parents}
    assert {path.split("/", 3)[3] for path in seen if "/vendor/" not in path} == own - {"docs.js"}


def test_content_security_policy_allows_only_what_pages_need() -> None:
    policies = {
        page: dict(part.split(" ", 1) for part in request(page)["headers"]["Content-Security-Policy"].split("; "))
        for page in ("/console", "/api/v1/docs", "/console/nothing")
    }
    for policy in policies.values():
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert not any("unsafe" in value for value in policy.values())
    assert policies["/console"]["connect-src"] == f"'self' {ENVIRONMENT['CONNECT_ORIGINS']}"
    assert policies["/console"]["require-trusted-types-for"] == "'script'"
    assert policies["/api/v1/docs"]["connect-src"] == policies["/api/v1/docs"]["script-src"] == "'self'"


def test_pages_have_no_inline_script_or_style_except_the_import_map() -> None:
    for page in ("/console", "/api/v1/docs", "/console/nothing"):
        text = body_of(request(page)).decode()
        assert not re.search(r"<style| style=| on[a-z]+=|//[a-z]", text.replace("<!doctype html>", ""))
        inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", text, re.DOTALL)
        policy = request(page)["headers"]["Content-Security-Policy"]
        for script in inline:
            assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
        assert len(inline) == (1 if page == "/console" else 0)


def test_every_response_has_security_headers() -> None:
    for response in (
        request("/console"),
        request("/console/nothing"),
        request("/console/config.json"),
        request("/console", "POST"),
    ):
        assert response["headers"]["X-Content-Type-Options"] == "nosniff"
        assert response["headers"]["Referrer-Policy"] == "no-referrer"
        assert response["headers"]["Cross-Origin-Opener-Policy"] == "same-origin"


def test_assets_are_cached_as_immutable_and_pages_are_revalidated() -> None:
    for page in ("/console", "/api/v1/docs", "/console/config.json"):
        assert request(page)["headers"]["Cache-Control"] == "no-cache"
    for path in assets_of("/console"):
        assert request(path)["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert request("/console/nothing")["headers"]["Cache-Control"] == "no-store"


def test_assets_of_another_version_are_not_found() -> None:
    path = assets_of("/console")[0]
    version = path.split("/")[2]
    assert request(path.replace(version, "0" * 16))["statusCode"] == 404


@pytest.mark.parametrize("form", ["{0}", '"x", {0}', "*", "{1}"])
def test_page_with_a_matching_etag_is_not_sent_again(form: str) -> None:
    sent = request("/console")
    tag = sent["headers"]["ETag"]
    again = request("/console", headers={"if-none-match": form.format(tag, tag.removeprefix("W/"))})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == tag
    assert "Content-Security-Policy" in again["headers"]
    assert request("/console", headers={"if-none-match": '"another"'})["statusCode"] == 200


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
def test_body_is_compressed_if_the_browser_accepts_gzip(accepted: str, *, is_compressed: bool) -> None:
    plain = body_of(request("/console"))
    response = request("/console", headers={"accept-encoding": accepted})
    assert (response["headers"].get("Content-Encoding") == "gzip") == is_compressed
    assert response["headers"]["Vary"] == "Accept-Encoding"
    body = body_of(response)
    assert (gzip.decompress(body) if is_compressed else body) == plain


def test_every_file_fits_into_a_lambda_response() -> None:
    for path in function._site().files:
        assert len(json.dumps(request(path))) < RESPONSE_LIMIT_BYTES, path


def test_head_response_is_that_of_get_without_its_body() -> None:
    head = request("/console", "HEAD")
    assert (head["statusCode"], head["body"]) == (200, "")
    assert head["headers"] == request("/console")["headers"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_methods_other_than_get_and_head_are_not_allowed(method: str) -> None:
    response = request("/console", method)
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "GET, HEAD")


def test_not_found_page_links_back_to_the_console_from_any_depth() -> None:
    for path, back in (
        ("/console/a", "../console"),
        ("/console/a/b/c", "../../../console"),
    ):
        response = request(path)
        assert (response["statusCode"], response["headers"]["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert f'href="{back}"' in body_of(response).decode()


def test_path_with_extra_slashes_redirects_to_the_page() -> None:
    for path, page in (("/console/", "/console"), ("/console//", "/console"), ("/api/v1/docs/", "/api/v1/docs")):
        response = request(path)
        assert response["statusCode"] == 308
        assert urljoin(f"https://jobs.example{path}", response["headers"]["Location"]) == f"https://jobs.example{page}"
        assert response["headers"]["X-Content-Type-Options"] == "nosniff"


PARTS = st.sampled_from(
    ["..", ".", "", "%2e%2e", "handler.py", "site", "vendor", "SHA256SUMS", "console.html", "\0", "~"]
)


@given(st.lists(PARTS | st.text(max_size=8), max_size=6).map("/".join))
def test_no_path_leads_outside_the_files_of_the_site(tail: str) -> None:
    version = assets_of("/console")[0].split("/")[2]
    for path in (f"/console/{tail}", f"/console/{version}/{tail}", f"/{tail}"):
        response = request(path)
        known = function._site().files
        assert response["statusCode"] == (200 if path in known else 308 if path.rstrip("/") in known else 404)
        if response["statusCode"] == 404:
            # The page repeats nothing of the path: only its depth is in the links.
            assert response["body"] == request(re.sub("[^/]+", "nowhere", path))["body"]


def test_console_configuration_says_how_users_sign_in() -> None:
    config = json.loads(body_of(request("/console/config.json")))
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


def test_console_configuration_of_another_issuer_has_no_sign_in_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGN_IN_URL")
    settings = json.loads(body_of(request("/console/config.json")))["sign_in"]
    assert settings == {"authority": ENVIRONMENT["TOKEN_ISSUER"], "client_id": "client", "scope": "openid"}


def test_console_configuration_without_a_client_has_no_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSOLE_CLIENT_ID")
    assert json.loads(body_of(request("/console/config.json")))["sign_in"] is None


def test_vendored_libraries_match_their_checksums_and_have_licenses() -> None:
    assert sums(VENDOR) == SUMS.read_text()
    for package in VENDOR.iterdir():
        assert package == SUMS or (package / "LICENSE").is_file()
