"""The console's door to a login provider: the whole way of a browser, over a real server and a real provider."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from pipeline.access.roles import Principal, Role
from pipeline.console.room import opened
from pipeline.settings import Access, Oidc, OidcGroup, Settings
from tests.console.serving import served

LOCAL_ADMIN = Principal(name="bo", role=Role.ADMIN)


@pytest.fixture
def console(issuer, tmp_path, cache):
    """A console whose settings name the provider: (its room, its address)."""
    oidc = Oidc(
        issuer=issuer,
        client_id="fjaril",
        client_secret=SecretStr("hemlig"),
        groups={"fjaril-analys": OidcGroup(role="analyst", agency="polisen")},
    )
    settings = Settings(data_dir=tmp_path, access=Access(oidc=oidc))
    shutil.copytree(cache, tmp_path / "cache")
    with opened(settings) as room, served(room) as made:
        room.access.accounts.add(LOCAL_ADMIN, "fyra egna ord räcker", datetime.now(UTC))  # without any account this machine is let in
        yield room, str(made.base_url).rstrip("/")


def provider_of(browser: httpx.Client, console: str, name: str) -> httpx.Response:
    """Go to the provider, log in there, and come back."""
    off = browser.get(f"{console}/login/oidc")
    assert off.status_code == 303
    back = browser.post(off.headers["location"], data={"sub": name})
    assert back.status_code in {302, 303}
    assert urlsplit(back.headers["location"]).path == "/login/oidc/svar"
    return browser.get(back.headers["location"])


def test_somebody_of_a_group_logs_in_at_the_provider(console):
    """From the login page there and back; then they are in, with their role, and it is logged; the cookie is for our pages alone."""
    room, address = console
    with httpx.Client(follow_redirects=False, timeout=30) as browser:
        assert 'href="/login/oidc"' in browser.get(f"{address}/login").text
        back = provider_of(browser, address, "anna")
        assert back.status_code == 200
        cookie = next(value for value in back.headers.get_list("set-cookie") if value.startswith("fjaril="))
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert "oidc:anna" in back.text
        inside = browser.get(f"{address}/")
        assert (inside.status_code, urlsplit(inside.headers["location"]).path) == (303, "/syfte")  # in, and asked why
    assert room.access.accounts.find("oidc:anna").role is Role.ANALYST
    (line,) = room.access.audit.latest(9)
    assert (line.who, line.action, line.subject) == ("oidc:anna", "login", "oidc")


def test_somebody_of_no_group_stays_at_the_door(console):
    """The login page says so; there is no account and no session."""
    room, address = console
    with httpx.Client(follow_redirects=False, timeout=30) as browser:
        back = provider_of(browser, address, "olle")
        assert back.status_code == 403
        assert "/login" in back.text
        assert not [value for value in back.headers.get_list("set-cookie") if value.startswith("fjaril=")]
    assert [account.principal for account in room.access.accounts.list()] == [LOCAL_ADMIN]


def test_another_browser_cannot_finish_the_login(console):
    """Who sends somebody the end of a login of their own does not log them in."""
    _, address = console
    with httpx.Client(follow_redirects=False, timeout=30) as attacker, httpx.Client(follow_redirects=False, timeout=30) as victim:
        off = attacker.get(f"{address}/login/oidc")
        back = attacker.post(off.headers["location"], data={"sub": "anna"}).headers["location"]
        assert victim.get(back).status_code == 401


def test_without_a_provider_there_is_no_such_door(tmp_path, cache):
    """Neither link nor address."""
    shutil.copytree(cache, tmp_path / "cache")
    with (
        opened(Settings(data_dir=tmp_path)) as room,
        served(room) as made,
        httpx.Client(base_url=str(made.base_url), timeout=30) as browser,
    ):
        assert "oidc" not in browser.get("/login", follow_redirects=False).text
        assert browser.get("/login/oidc").status_code == 404
