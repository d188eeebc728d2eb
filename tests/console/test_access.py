"""Nobody sees or does more than their role and areas allow, every read is in the log, and forms come from our own pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.requests import Request

import pipeline.settings
from pipeline.access.roles import Action, Role, allows
from pipeline.console.deeds import DEEDS
from pipeline.console.endpoint import ENDPOINTS
from pipeline.console.guard import Guard, TooManyError, is_local
from pipeline.console.room import Room, opened
from tests.console import ids
from tests.console.people import PASSWORD, admit, tokens_of
from tests.console.serving import copy_of, served

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@pytest.fixture(scope="module")
def room(demo, tmp_path_factory) -> Iterator[Room]:
    """The demo, with an account of each role."""
    folder = tmp_path_factory.mktemp("access") / "data"
    copy_of(demo, folder)
    with opened(pipeline.settings.load(data=folder)) as made:
        admit(made)
        yield made


@pytest.fixture(scope="module")
def url(room) -> Iterator[str]:
    with served(room) as made:
        yield str(made.base_url)


@pytest.fixture(scope="module")
def tokens(room) -> dict[Role, str]:
    return tokens_of(room)


def logged_in(client: httpx.Client, name: str, purpose: str = "prov av konsolen") -> httpx.Client:
    """Somebody who has said why they look."""
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    token = CSRF.search(client.get("/syfte").text)[1]
    assert client.post("/syfte", data={"csrf": token, "purpose": purpose}).status_code == 303
    return client


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("one", [*ENDPOINTS, *DEEDS], ids=lambda one: one.name)
def test_role_by_endpoint(client, tokens, room, one, role):
    """Each role gets at each endpoint and deed what its rights say: 403 where it may not, anything else where it may."""
    path = "/api/v1" + ids.filled(one.api, room)
    method = "POST" if one in DEEDS else one.method
    answer = client.request(method, path, headers={"authorization": f"Bearer {tokens[role]}"}, json={} if method == "POST" else None)
    if allows(role, one.action):
        assert answer.status_code in {200, 202, 400, 403 if role is Role.VIEWER else 404, 404}, answer.text
    else:
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("role", list(Role))
def test_export_by_role(client, tokens, role):
    """Who may not export is not given a line."""
    answer = client.get("/api/v1/documents.ndjson?purpose=prov", headers={"authorization": f"Bearer {tokens[role]}"})
    assert answer.status_code == (200 if allows(role, Action.EXPORT) else 403)


@pytest.mark.parametrize("one", [*ENDPOINTS, *DEEDS], ids=lambda one: one.name)
def test_nobody_comes_in_without_a_name(client, room, one):
    """Where there are accounts, a stranger is sent to the door by pages, and refused by the API."""
    method = "POST" if one in DEEDS else one.method
    page = client.request(method, ids.filled(one.page, room))
    assert (page.status_code, page.headers["location"].partition("?")[0]) == (303, "/login")
    answer = client.request(method, "/api/v1" + ids.filled(one.api, room), json={} if method == "POST" else None)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("header", ["Bearer fjaril_0_0", "Bearer", "Basic YTpi", "Bearer å"])
def test_a_false_token_is_none(client, header):
    """A token that is none is refused, and so is any other way to say who one is."""
    assert client.get("/api/v1/now", headers={"authorization": header.encode()}).status_code == 401


def test_a_partner_sees_its_own_areas_only(client, tokens):
    """A viewer of Växjö finds documents there and no others, is not shown others' areas, and gets no figures of them."""
    auth = {"authorization": f"Bearer {tokens[Role.VIEWER]}"}
    found = client.get("/api/v1/documents", params={"size": 100}, headers=auth).json()
    everything = client.get("/api/v1/documents", headers={"authorization": f"Bearer {tokens[Role.ANALYST]}"}).json()
    assert 0 < found["total"] < everything["total"]
    assert all(any(place["id"].startswith("0780") for place in hit["places"]) or len(hit["places"]) == 4 for hit in found["hits"])
    assert client.get("/api/v1/documents", params={"place": "Gävle"}, headers=auth).status_code == 403
    assert client.get("/api/v1/situations/2180", headers=auth).status_code == 403
    assert client.get("/api/v1/situations/0780", headers=auth).status_code == 200
    now = client.get("/api/v1/now", params={"period": "7d"}, headers=auth).json()
    assert {area["code"] for area in now["areas"]} <= {"0780"}


def test_a_partner_sees_no_words_from_elsewhere(client, tokens, room):
    """The route of a finding is shown, the words of documents only for the steps in their own areas."""
    auth = {"authorization": f"Bearer {tokens[Role.VIEWER]}"}
    stops = client.get(f"/api/v1/findings/{ids.finding(room)}", headers=auth).json()["stops"]
    told = {stop["place"]["id"] for stop in stops if any(witness["passage"] for witness in stop["witnesses"])}
    assert told == {"0780"}


def test_a_session_from_login_to_logout(client, room):
    """Wrong names are refused; the purpose is asked once and stands in the log; who has logged out is out."""
    wrong = client.post("/login", data={"name": "vakt", "password": "inte rätt lösenord"})
    assert wrong.status_code == 401
    assert 'value="vakt"' in wrong.text
    assert client.post("/login", data={"name": "vakt", "password": PASSWORD, "next": "//elsewhere.example/"}).headers["location"] == "/"
    asked = client.get("/sok?q=brand")
    assert asked.headers["location"].startswith("/syfte?next=%2Fsok")
    token = CSRF.search(client.get("/syfte").text)[1]
    assert client.post("/syfte", data={"csrf": token, "purpose": "x"}).status_code == 400
    assert (
        client.post("/syfte", data={"csrf": token, "purpose": "nattens lägesbild", "next": "/sok?q=brand"}).headers["location"]
        == "/sok?q=brand"
    )
    assert client.get("/sok?q=brand").status_code == 200
    line = room.access.audit.latest(1)[0]
    assert (line.who, line.purpose, line.action, line.subject) == ("vakt", "nattens lägesbild", Action.SEARCH, "search q=brand")
    client.post("/logout", data={"csrf": token})
    assert client.get("/sok").headers["location"].startswith("/login")
    room.access.audit.verify()


def test_the_cookie_is_for_us_alone(client):
    """No script reads it, and no other site's link sends it."""
    cookie = client.post("/login", data={"name": "analys", "password": PASSWORD}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize(
    "forged",
    [{"data": {"text": "Påhittat"}}, {"data": {"text": "Påhittat", "csrf": "0" * 64}}, {"cross": True}],
    ids=["no mark", "false mark", "cross-site"],
)
def test_a_form_from_elsewhere_does_nothing(client, room, forged):
    """Without the mark of the session's own pages nothing is done, nor where the browser says that another site sent it."""
    someone = logged_in(client, "vakt")
    headers, data = {}, forged.get("data")
    if data is None:
        data = {"text": "Påhittat", "csrf": CSRF.search(someone.get("/kommun/0780").text)[1]}
        headers = {"sec-fetch-site": "cross-site"}
    assert someone.post("/kommun/0780/bedomning", data=data, headers=headers).status_code == 403
    assert "Påhittat" not in someone.get("/api/v1/situations/0780").text
    assert someone.post("/api/v1/situations/0780/assessments", json={"text": "Påhittat"}).status_code == 403


def test_every_read_is_logged(client, tokens, room):
    """Each search, page of a document, export and deed leaves a line with who, what and what it was about; content leaves none."""
    auth = {"authorization": f"Bearer {tokens[Role.OFFICER]}"}
    story = room.state.open_stories[7].id  # that no other test reads
    client.get("/api/v1/documents", params={"q": "bilbrand", "place": "Växjö"}, headers=auth)
    client.get(f"/api/v1/stories/{story}", headers=auth)
    client.get("/api/v1/documents.ndjson", params={"q": "rån", "purpose": "till nämnden"}, headers=auth)
    client.post("/api/v1/situations/0780/assessments", json={"text": "Hemlig mening"}, headers=auth)
    lines = [(one.action, one.subject, one.purpose) for one in reversed(room.access.audit.latest(4))]
    assert lines == [
        (Action.SEARCH, "search q=bilbrand place=Växjö", "api"),
        (Action.READ_DOCUMENT, f"story story={story}", "api"),
        (Action.EXPORT, "documents q=rån", "till nämnden"),
        (Action.ASSESS, "assess area=0780", "api"),
    ]
    assert all("Hemlig" not in one.subject for one in room.access.audit.latest(50))


def test_a_page_that_loads_itself_is_noted_once(client, tokens, room):
    """What a page may ask for by itself is one line in ten minutes; each search is a line of its own."""
    auth = {"authorization": f"Bearer {tokens[Role.ADMIN]}"}
    before = room.access.audit.latest(1)[0].seq
    for _ in range(3):
        client.get("/api/v1/now", params={"period": "6h"}, headers=auth)
        client.get("/api/v1/documents", params={"q": "en gång"}, headers=auth)
    actions = [one.action for one in room.access.audit.latest(room.access.audit.latest(1)[0].seq - before)]
    assert (actions.count(Action.READ_OVERVIEW), actions.count(Action.SEARCH)) == (1, 3)


def request(host: str, client: str = "127.0.0.1", **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": host, **headers}.items()]
    return Request({"type": "http", "client": (client, 1), "headers": pairs, "method": "GET", "path": "/"})


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        (request("127.0.0.1:8765"), True),
        (request("localhost"), True),
        (request("[::1]:8765", "::1"), True),
        (request("fjaril.example:8765"), False),  # a name that was turned to this machine
        (request("127.0.0.1:8765", "192.0.2.7"), False),
        (request("127.0.0.1:8765", x_forwarded_for="192.0.2.7"), False),
        (request("127.0.0.1:8765", forwarded="for=192.0.2.7"), False),
        (request("127.0.0.1:8765", via="1.1 proxy"), False),
        (request("", "127.0.0.1"), False),
    ],
)
def test_who_is_at_this_machine(asked, right):
    """Only a straight request from this machine, by its own name for itself, is the local administrator's."""
    assert is_local(asked) is right


def test_without_accounts_a_stranger_is_sent_to_the_door(demo):
    """Also where there are no accounts, who does not sit at the machine must log in, which nobody can."""
    with opened(pipeline.settings.load(data=demo)) as open_room, served(open_room) as one:
        assert one.get("/sok").status_code == 200
        assert one.get("/sok", headers={"x-forwarded-for": "192.0.2.7"}).headers["location"].startswith("/login")
        assert one.get("/api/v1/now", headers={"host": "fjaril.example"}).status_code == 401


def test_who_asks_too_often_waits(room):
    """Beyond so many requests a minute the answer says how long to wait; others are not held up."""
    guard = Guard(room.access, room.clock, 30)
    token = room.access.tokens.make("analys", "ofta", 1, room.clock.now())
    asked = request("x", authorization=f"Bearer {token}")
    for _ in range(30):
        guard.visit(asked)
    with pytest.raises(TooManyError) as error:
        guard.visit(asked)
    assert 0 < error.value.after <= 60
    guard.visit(request("x", authorization=f"Bearer {room.access.tokens.make('vakt', 'sällan', 1, room.clock.now())}"))


def test_behind_tls_the_cookie_is_for_tls_alone(client):
    """Where a proxy says that the browser speaks TLS, the session's cookie does not go out without it."""
    given = {"name": "analys", "password": PASSWORD}
    assert "Secure" in client.post("/login", data=given, headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "Secure" not in client.post("/login", data=given).headers["set-cookie"]


@pytest.mark.parametrize("form", ["pdf", "html", "atom", "geojson"])
def test_files_of_other_areas_are_not_handed_out(client, tokens, form):
    """A partner gets the picture of its own area as a file, and of no other."""
    auth = {"authorization": f"Bearer {tokens[Role.VIEWER]}"}
    assert client.get(f"/kommun/0780/lagesbild.{form}", headers=auth).status_code == 200
    assert client.get(f"/kommun/2180/lagesbild.{form}", headers=auth).status_code == 403
    assert client.get(f"/kommun/0780/lagesbild.{form}").headers["location"].startswith("/login")
