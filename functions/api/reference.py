"""The reference as one HTML page, made from the OpenAPI document: no script, nothing from another host."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from functions.api.problems import KINDS

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f4f6f8;padding:.8rem;overflow:auto}
section{border-top:1px solid #d5dae0;padding:.6rem 0}h2 code{font-size:1rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #e8ebee}
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e4e7ea}pre{background:#20252a}a{color:#8ab4f8}}
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Document = Mapping[str, Any]


def page(document: Document) -> str:
    """The whole page."""
    info = document["info"]
    operations = [
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
            '<p><a href="openapi.json">OpenAPI document</a></p>',
            *operations,
            *_errors(),
            "<section><h2>Schemas</h2>",
            *_schemas(document["components"]["schemas"]),
            "</section></body></html>",
        ]
    )


def _operation(method: str, path: str, operation: Document) -> str:
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h2><code>{method.upper()} {escape(path)}</code></h2>',
        f"<p>{escape(operation['summary'])}</p><p>{escape(operation.get('description', ''))}</p>",
    ]
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
            f"<td><code>{escape(_brief(parameter['schema']))}</code></td>"
            f"<td>{escape(parameter.get('description', ''))}</td></tr>"
            for parameter in parameters
        )
        parts.append(f"<table><tr><th>Parameter</th><th>In</th><th>Form</th><th></th></tr>{rows}</table>")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body: <code>{escape(media_type)}</code></h3>{_code(content['schema'])}{_example(content)}")
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td><td>{_bodies(response)}</td></tr>"
        for status, response in sorted(operation["responses"].items())
    )
    parts.append(f"<table><tr><th>Status</th><th>When</th><th>Body</th></tr>{rows}</table>")
    parts += [
        f"<h3>Answer: <code>{escape(status)}</code></h3>{example}"
        for status, response in sorted(operation["responses"].items())
        for content in response.get("content", {}).values()
        if (example := _example(content))
    ]
    parts.append("</section>")
    return "".join(parts)


def _bodies(response: Document) -> str:
    return ", ".join(
        _reference(content["schema"]) if "$ref" in content.get("schema", {}) else f"<code>{escape(media_type)}</code>"
        for media_type, content in response.get("content", {}).items()
    )


def _example(content: Document) -> str:
    if "example" not in content:
        return ""
    return f"<details><summary>Example</summary>{_code(content['example'])}</details>"


def _reference(schema: Document) -> str:
    name = escape(schema["$ref"].rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>'


def _brief(schema: Document) -> str:
    return json.dumps({key: value for key, value in schema.items() if key not in {"title", "description"}})


def _errors() -> Iterator[str]:
    yield "<section><h2>Errors</h2><table><tr><th>Code</th><th>Status</th><th>When</th></tr>"
    for code, kind in KINDS.items():
        yield f'<tr id="{code}"><td><code>{code}</code></td><td>{kind.status}</td><td>{escape(kind.when)}</td></tr>'
    yield "</table></section>"


def _schemas(schemas: Document) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3>{_code(schema)}'


def _code(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"
