"""The page at /docs: every operation of the OpenAPI document, without a script and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code{font-family:ui-monospace,monospace}h3{margin:2rem 0 .25rem}li{margin:.25rem 0}"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid #8888}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(document: Mapping[str, Any]) -> HTMLResponse:
    """Return the reference of an OpenAPI *document* as a page."""
    title = f"{document['info']['title']} {document['info']['version']}"
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>',
        f"<h1>{escape(title)}</h1><p>{escape(document['info'].get('description', ''))}</p>",
        '<p>The whole as a document: <a href="/openapi.json">/openapi.json</a></p>',
        *_operations(document),
    ]
    return HTMLResponse("\n".join(parts), headers={"Content-Security-Policy": _POLICY})


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    schemas = document.get("components", {}).get("schemas", {})
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
            yield f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
            given = [*map(_parameter, operation.get("parameters", ())), *_body(operation, schemas)]
            if given:
                yield f"<ul>{''.join(given)}</ul>"


def _parameter(parameter: Mapping[str, Any]) -> str:
    must = "required" if parameter.get("required") else "optional"
    return _line(parameter["name"], f"{parameter['in']}, {must}", parameter.get("description", ""))


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = schemas.get(name, {})
    for field, about in schema.get("properties", {}).items():
        must = "required" if field in schema.get("required", ()) else "optional"
        yield _line(field, f"body, {must}", about.get("description", ""))


def _line(name: str, where: str, meaning: str) -> str:
    return f"<li><code>{escape(name)}</code> ({escape(where)}) {escape(meaning)}</li>"
