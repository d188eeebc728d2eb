"""The API beside the pages: its description (OpenAPI 3.1), errors as problem+json (RFC 9457), export line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, get_type_hints

import msgspec
from starlette.responses import Response

from pipeline.console.ask import AskError
from pipeline.console.deeds import Deed
from pipeline.console.endpoint import Endpoint
from pipeline.console.faults import fault
from pipeline.console.pages.search import SearchAsked, narrowed
from pipeline.console.rows import Show
from pipeline.console.texts import Texts
from pipeline.desk.merged import with_merged
from pipeline.model import Document
from pipeline.ports import Search

#: Documents that an export reads at a time.
_PAGE = 500
_REF = "#/components/schemas/{name}"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was wrong with a request (RFC 9457)."""

    #: ``about:blank``: the status says what kind it is.
    type: str
    title: str
    status: int
    detail: str
    instance: str
    #: The parameter at fault.
    parameter: str = ""


def problem(error: Exception, path: str, t: Texts, more: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that cannot be answered.

    :param more: headers that the status asks for.
    """
    status, message = fault(error, t)
    found = Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=message, instance=path,
        parameter=error.field if isinstance(error, AskError) else "",
    )  # fmt: skip
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"} | dict(more or {})
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(found), status, headers)


def documents(show: Show, asked: SearchAsked) -> Iterator[bytes]:
    """Every document that a question finds, newest first, one a line; as many as there are.

    :raises AskError: if a parameter cannot be meant.
    :raises QueryError: if the words cannot be understood.
    """
    filters, text = narrowed(show, asked), with_merged(asked.q, show.room.state)
    first = show.room.index.search(Search(text=text, filters=filters, size=_PAGE, order="newest"))

    def lines() -> Iterator[bytes]:
        page = first
        while True:
            yield b"".join(msgspec.json.encode(hit.document) + b"\n" for hit in page.hits)
            if page.after is None:
                return
            page = show.room.index.search(Search(text=text, filters=filters, size=_PAGE, order="newest", after=page.after))

    return lines()


def openapi(base: str, endpoints: Sequence[Endpoint], deeds: Sequence[Deed]) -> bytes:
    """The description of the API, made of the types that pages take and give."""
    shown = [endpoint.shown for endpoint in endpoints]
    posted = [*(deed.asked for deed in deeds), *(endpoint.asked for endpoint in endpoints if endpoint.method == "POST")]
    kinds: list[type] = list(dict.fromkeys([*shown, *posted, Problem, Document]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    of = dict(zip(kinds, schemas, strict=True))
    bodies = {kind: components.pop(kind.__name__) for kind in dict.fromkeys(posted)}
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        answers = _answers({"200": ("application/json", of[endpoint.shown])}, of[Problem])
        paths[base + endpoint.api] = {endpoint.method.lower(): _operation(endpoint, answers, bodies)}
    for deed in deeds:
        gone_on = {"type": "object", "properties": {"page": {"type": "string"}}, "required": ["page"]}
        answers = _answers({"202": ("application/json", gone_on)}, of[Problem])
        paths[base + deed.api] = {"post": _operation(deed, answers, bodies)}
    said = {"type": "string", "minLength": 1, "pattern": r"\S"}
    purpose = {"name": "purpose", "in": "query", "required": True, "description": "why it is exported", "schema": said}
    paths[f"{base}/documents.ndjson"] = {
        "get": {
            "operationId": "export",
            "summary": "Every document that a question finds, one a line.",
            "parameters": [*_parameters(SearchAsked, ()), purpose],
            "responses": _answers({"200": ("application/x-ndjson", of[Document])}, of[Problem]),
        }
    }
    found = {
        "openapi": "3.1.0",
        "info": {"title": "Fjäril", "version": version("fjaril"), "description": "What the console shows, as JSON."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }
    return msgspec.json.encode(found)


def _operation(one: Endpoint | Deed, answers: dict[str, Any], bodies: dict[type, Any]) -> dict[str, Any]:
    inside = re.findall(r"{(\w+)}", one.api)
    is_post = isinstance(one, Deed) or one.method == "POST"
    said = (one.asked if isinstance(one, Deed) else one.shown).__doc__ or ""
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": said.strip().splitlines()[0],
        "description": f"Action: {one.action.value}.",
        "parameters": [parameter for parameter in _parameters(one.asked, inside) if not is_post or parameter["in"] == "path"],
        "responses": answers,
    }
    if is_post:
        body = _body(bodies[one.asked], inside)
        made["requestBody"] = {"required": bool(body["required"]), "content": {"application/json": {"schema": body}}}
    return made


def _body(whole: dict[str, Any], inside: Sequence[str]) -> dict[str, Any]:
    """The schema of what is sent: without what stands in the path, and nothing else; an empty text counts as not given."""
    properties = {name: schema for name, schema in whole["properties"].items() if name not in inside}
    required = [name for name in whole["required"] if name not in inside]
    for name in required:
        if properties[name].get("type") == "string":
            properties[name] = {"minLength": 1, "pattern": r"\S"} | properties[name]
    return whole | {"properties": properties, "required": required, "additionalProperties": False}


def _parameters(asked: type[msgspec.Struct], inside: Sequence[str]) -> list[dict[str, Any]]:
    """The fields of what is asked; those of the path first."""
    hints = get_type_hints(asked, include_extras=True)
    usual = dict(zip(reversed(asked.__struct_fields__), reversed(asked.__struct_defaults__), strict=False))
    made = []
    for name in sorted(asked.__struct_fields__, key=lambda one: one not in inside):
        schema = msgspec.json.schema(hints[name])
        one: dict[str, Any] = {"name": name, "in": "path" if name in inside else "query", "required": name in inside, "schema": schema}
        if name in usual and usual[name] not in {None, (), ""}:
            one["schema"] = schema | {"default": usual[name]}
        made.append(one)
    return made


def _answers(right: dict[str, tuple[str, Any]], problem: Any) -> dict[str, Any]:
    made = {
        status: {"description": HTTPStatus(int(status)).phrase, "content": {kind: {"schema": schema}}}
        for status, (kind, schema) in right.items()
    }
    made["default"] = {"description": "what was wrong", "content": {"application/problem+json": {"schema": problem}}}
    return made
