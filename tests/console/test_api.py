"""The API gives what the pages show, as its description says, and tells what is wrong as RFC 9457 has it."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest

from pipeline.console.deeds import DEEDS
from pipeline.console.endpoint import ENDPOINTS
from pipeline.model import Document
from tests.console import ids

READ = [one for one in ENDPOINTS if one.method == "GET" and "{alert}" not in one.api]


@pytest.fixture
def description(client) -> dict:
    return client.get("/api/v1/openapi.json").json()


@pytest.mark.parametrize("endpoint", READ, ids=lambda one: one.name)
def test_each_page_is_there_as_json(client, room, endpoint):
    """The answer is of the type that is declared for the page, with nothing more in it."""
    answer = client.get("/api/v1" + ids.filled(endpoint.api, room))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    shown = msgspec.json.decode(answer.content, type=endpoint.shown)
    assert msgspec.json.decode(msgspec.json.encode(shown)) == answer.json()


@pytest.mark.parametrize("endpoint", READ, ids=lambda one: one.name)
def test_what_did_not_change_is_not_sent_again(client, room, endpoint):
    """With the mark of an answer the same one is not sent again; the mark differs where the answer does."""
    path = "/api/v1" + ids.filled(endpoint.api, room)
    if endpoint.name in {"municipality", "audit", "brush", "now", "alerts"}:  # these say what time it is, or what was just read
        path = "/api/v1/sources"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/v1/documents", params={"q": "bilbrand"}).headers["etag"] != tag


def test_pages_of_documents_give_each_once(client):
    """Following ``after`` to the end gives every document once."""
    seen, after = [], ""
    while True:
        page = client.get("/api/v1/documents", params={"size": 100, "after": after}).json()
        seen += [hit["id"] for hit in page["hits"]]
        if (after := page["after"]) is None:
            break
    assert len(seen) == len(set(seen)) == page["total"] > 800


def test_pages_of_findings_give_each_once(client):
    """So it is with findings."""
    seen, after, total = [], "", 0
    for _ in range(50):
        page = client.get("/api/v1/findings", params={"size": 1, "after": after}).json()
        seen += [one["id"] for one in page["findings"]]
        total = page["total"]
        if (after := page["after"]) is None:
            break
    assert len(seen) == len(set(seen)) == total >= 1


def test_export_gives_all_that_is_found(client, room):
    """One document a line, as many as the search finds; without a purpose there is none."""
    asked = {"q": "brand"}
    answer = client.get("/api/v1/documents.ndjson", params=asked | {"purpose": "prov av export"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    documents = [msgspec.json.decode(line, type=Document) for line in answer.content.splitlines()]
    assert len({one.id for one in documents}) == len(documents) == client.get("/api/v1/documents", params=asked).json()["total"] > 0
    refused = client.get("/api/v1/documents.ndjson", params=asked)
    assert (refused.status_code, refused.json()["parameter"]) == (400, "purpose")
    assert next(one for one in room.access.audit.latest(5) if one.action == "export").purpose == "prov av export"


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        ("/documents?q=%22x", 400, ""),
        ("/documents?size=0", 400, "size"),
        ("/documents?nope=1", 400, "nope"),
        ("/documents?after=x", 400, ""),
        ("/now?at=igår", 400, "at"),
        ("/now?theme=nope", 400, "theme"),
        ("/stories/none", 404, ""),
        ("/findings/zzz", 404, ""),
        ("/findings?after=zzz", 400, "after"),
        ("/situations/nowhere", 404, "area"),
        ("/situations/0780?period=x", 400, "period"),
        ("/alerts/none", 404, ""),
        ("/nix", 404, ""),
    ],
)
def test_what_is_wrong_is_told(client, path, status, parameter):
    """Status, title, detail and where; the parameter at fault is named; the detail is in the language asked for."""
    said = {}
    for language in ("sv", "en"):
        answer = client.get(f"/api/v1{path}{'&' if '?' in path else '?'}lang={language}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()
        assert found["status"] == status
        assert found.get("parameter", "") == parameter
        said[language] = found["detail"]
    assert said["sv"] != said["en"]


def test_the_description_is_whole(description):
    """Every endpoint and deed stands in it, every reference leads to a schema, and every part of a path is a parameter."""
    for one in (*ENDPOINTS, *DEEDS):
        operations = description["paths"]["/api/v1" + one.api]
        (operation,) = operations.values()
        assert operation["operationId"]
        inside = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert inside == {part.strip("{}") for part in one.api.split("/") if part.startswith("{")}
    text = msgspec.json.encode(description).decode()
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(description["components"]["schemas"])
    assert len(named) > 20


def test_no_answer_is_a_fault_of_ours(client, description, room):
    """Whatever a parameter holds, the answer is right or says what is wrong: never a 5xx, always what is declared."""
    values = ["", "-1", "\u0000", "å" * 300]
    for path, operations in description["paths"].items():
        operation = operations.get("get")
        if operation is None:
            continue
        for parameter in operation["parameters"]:
            for value in values:
                filled = ids.filled(path, room)
                if parameter["in"] == "path":
                    if not value or "/" in value:
                        continue
                    filled, query = path.replace(f"{{{parameter['name']}}}", quote(value, safe="")), {}
                else:
                    query = {parameter["name"]: value}
                few = {"purpose": "prov", "q": "ingenting"} if filled.endswith("ndjson") else {}
                answer = client.get(filled, params=few | query)
                assert answer.status_code < 500, (filled, query, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json", (filled, query)


@pytest.mark.parametrize(("path", "parameter"), [("/rules/test", "rule"), ("/searches", "name"), ("/alerts/none/silence", "why")])
def test_what_is_missing_is_named(client, path, parameter):
    """Nothing is sent, or nothing but an empty text; the description says that it is needed, and nothing of what stands in the path."""
    mark = client.get("/sok").text.partition('name="csrf" value="')[2].partition('"')[0]
    for body in ({}, {parameter: "  "}):
        answer = client.post(f"/api/v1{path}", json=body, headers={"x-csrf-token": mark})
        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter), answer.text


def test_what_is_sent_is_described(description):
    """Only what is sent, and what of it is needed: parts of the path stand in the path alone."""
    for path, operations in description["paths"].items():
        if "post" in operations:
            body = operations["post"]["requestBody"]
            schema = body["content"]["application/json"]["schema"]
            assert not {name for name in schema["properties"] if f"{{{name}}}" in path}
            assert (schema["additionalProperties"], body["required"]) == (False, bool(schema["required"]))
