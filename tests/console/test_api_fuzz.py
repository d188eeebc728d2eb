"""Schemathesis asks the API for whatever its description allows, and forbids: no answer is a fault of ours, each is as described."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pipeline.access.roles import Role
from pipeline.console.deeds import DEEDS
from pipeline.console.endpoint import ENDPOINTS
from pipeline.console.room import Room
from pipeline.console.site import API
from tests.console import ids
from tests.console.alerting import alerting
from tests.console.people import admit, tokens_of
from tests.console.serving import copy_of, served

#: Requests of an operation: as many that are allowed as ones that are not, each as often with an id that there is as without.
ASKED = 400 if os.environ.get("TESTS_LONG") else 6
#: A rule is tried on thousands of documents: one in three of the requests.
DEAR, SHARE = f"POST {API}/rules/test", 3
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = {
    f"{'POST' if one in DEEDS else one.method} {API}{one.api}": one for one in (*ENDPOINTS, *DEEDS)
} | {f"GET {API}/documents.ndjson": None}  # fmt: skip


@pytest.fixture(scope="module")
def room(demo, tmp_path_factory) -> Iterator[Room]:
    """The demo with alerts that stand, which is changed, and an account of each role."""
    folder = tmp_path_factory.mktemp("fuzz") / "data"
    copy_of(demo, folder)
    with alerting(folder) as made:
        admit(made)
        yield made


@pytest.fixture(scope="module")
def url(room) -> Iterator[str]:
    with served(room) as made:
        yield str(made.base_url)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Which keeps its connection."""
    with requests.Session() as made:
        yield made


@pytest.fixture(scope="module")
def tokens(room) -> dict[Role, str]:
    return tokens_of(room)


@pytest.fixture(scope="module")
def schema(url) -> schemathesis.BaseSchema:
    """The description as the server gives it."""
    return schemathesis.openapi.from_dict(httpx.get(f"{url}api/v1/openapi.json").json())


@pytest.fixture(scope="module")
def there(room) -> dict[str, str]:
    """Parts of addresses → what there is; of searches a number that no file can hold."""
    alert = next(iter(room.state.folded["alerts"]))
    return {"story": ids.story(room), "finding": ids.finding(room), "area": "0780", "alert": alert, "search": str(2**64)}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_described(label, mode, schema, url, session, tokens, there):
    """Whoever asks, for what there is or is not, in the form that is described or in another: no 5xx, and the answer is as described."""
    operation = schema.find_operation_by_label(label)
    known = {name: value for name, value in there.items() if f"{{{name}}}" in label}

    def ask(path: dict[str, str]) -> None:
        @settings(
            max_examples=ASKED // SHARE if label == DEAR else ASKED, derandomize=True, database=None, deadline=None, phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=path or None), role=st.sampled_from(list(tokens)))
        def asked(case: schemathesis.Case, role: Role) -> None:
            answer = case.call(base_url=url, session=session, headers={"authorization": f"Bearer {tokens[role]}"})
            case.validate_response(answer, checks=CHECKS)

        asked()

    ask({})
    if known:
        ask(known)


def test_all_that_is_described_is_asked(schema):
    """No operation is left out."""
    assert {found.ok().label for found in schema.get_all_operations()} == set(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_without_a_token_nothing_is_answered(label, url, there):
    """401, as RFC 9457 and RFC 9110 have it; 405 where it cannot be asked so, with what can."""
    method, path = label.split()
    for name, value in there.items():
        path = path.replace(f"{{{name}}}", value)
    answer = httpx.request(method, url + path[1:], json={} if method == "POST" else None)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    other = httpx.request("DELETE", url + path[1:])
    assert (other.status_code, method in other.headers["allow"].split(", ")) == (405, True)
