"""Files of the site: their paths and response headers."""

import gzip
import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "site"

CONSOLE = "/console"
DOCS = "/api/v1/docs"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_REVALIDATE = "no-cache"
# The version of the site is part of the path.
_IMMUTABLE = "public, max-age=31536000, immutable"

# Placeholders in pages: the folder of the files, and the import map.
_ASSETS = "{{assets}}"
_IMPORTS = "{{imports}}"
_MODULES = {"htm": "htm/htm.mjs", "preact": "preact/preact.mjs", "preact/hooks": "preact/hooks.mjs"}

SAFE_HEADERS: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class File:
    """File that is served at one path."""

    body: bytes
    media_type: str
    cache_control: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Weak, since the body may be sent compressed."""
        return f'W/"{_digest(self.body)}"'


@cache
def compressed(body: bytes) -> bytes:
    """Returns the body compressed with gzip, reproducibly."""
    return gzip.compress(body, mtime=0)


@dataclass(frozen=True, slots=True)
class Site:
    """Files by path, and the version of all together."""

    files: Mapping[str, File]
    version: str

    def redirect_for(self, path: str) -> str | None:
        """Returns the relative redirect for a path with extra trailing slashes, or None."""
        known = path.rstrip("/")
        up = "../" * (len(path) - len(known))
        return f"{up}{known.rpartition('/')[2]}" if known in self.files else None

    def not_found(self, path: str) -> File:
        """Returns the page for an unknown path. Its links are relative, since the root of the site may be a folder."""
        up = "../" * max(path.count("/") - 1, 0)
        template = (FOLDER / "not-found.html").read_bytes().replace(b"{{console}}", f"{up}console".encode())
        page = _page(template, f"{up}console/{self.version}", "", trusts_no_markup=True)
        return replace(page, cache_control="no-store")


def site(config: Mapping[str, object], connect_origins: str) -> Site:
    """Returns the site. `config` is served as `config.json`; the console may connect to `connect_origins`."""
    assets = dict(_assets())
    version = _version(assets)
    files = {
        f"{CONSOLE}/{version}/{name}": File(body, _media_type(name), _IMMUTABLE)
        for name, body in assets.items()
        if not name.endswith(".html")
    }
    files[f"{CONSOLE}/config.json"] = File(json.dumps(config).encode(), _MEDIA_TYPES[".json"], _REVALIDATE)
    # The path of a page has no slash at its end: a route of the gateway may not have one.
    files[CONSOLE] = _page(assets["console.html"], f"console/{version}", connect_origins, trusts_no_markup=True)
    files[DOCS] = _page(assets["docs.html"], f"../../console/{version}", "", trusts_no_markup=False)
    return Site(files, version)


def _assets() -> Iterator[tuple[str, bytes]]:
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            yield file.relative_to(FOLDER).as_posix(), file.read_bytes()


def _version(assets: Mapping[str, bytes]) -> str:
    return _digest(b"".join(name.encode() + b"\0" + body for name, body in assets.items()))[:16]


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def _media_type(name: str) -> str:
    return _MEDIA_TYPES.get(Path(name).suffix, _MEDIA_TYPES[".txt"])


def _page(template: bytes, assets: str, connect_origins: str, *, trusts_no_markup: bool) -> File:
    imports = json.dumps({"imports": {name: f"./{assets}/vendor/{path}" for name, path in _MODULES.items()}})
    text = template.decode().replace(_ASSETS, assets)
    scripts = ["'self'"]
    if _IMPORTS in text:
        text = text.replace(_IMPORTS, imports)
        # An import map must be inline; this allows it and nothing else.
        scripts.append(f"'sha256-{b64encode(hashlib.sha256(imports.encode()).digest()).decode()}'")
    policy = {
        "script-src": " ".join(scripts),
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' {connect_origins}".strip(),
    }
    if trusts_no_markup:
        policy["require-trusted-types-for"] = "'script'"
    return File(text.encode(), _MEDIA_TYPES[".html"], _REVALIDATE, {"Content-Security-Policy": _policy(policy)})


def _policy(more: Mapping[str, str]) -> str:
    directives = {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        **more,
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())
