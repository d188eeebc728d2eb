"""The console's login page says what did not fit, and how long to wait."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import httpx

from pipeline.access.roles import Principal, Role
from pipeline.console.room import opened
from pipeline.settings import Settings
from tests.console.serving import served

PASSWORD = "fyra egna ord räcker"  # noqa: S105  (of the tests)


def test_a_wrong_password_and_too_many_of_them(tmp_path, cache):
    """401 in the reader's language with the name still there; the sixth time 429 with the minutes, also for the right one; no cookie is given."""
    shutil.copytree(cache, tmp_path / "cache")
    with (
        opened(Settings(data_dir=tmp_path)) as room,
        served(room) as made,
        httpx.Client(base_url=str(made.base_url), timeout=30) as browser,
    ):
        room.access.accounts.add(Principal(name="anna", role=Role.ANALYST), PASSWORD, datetime.now(UTC))
        for language, said in (("sv", "Det gick inte att logga in"), ("en", "That did not log you in")):
            answer = browser.post(f"/login?lang={language}", data={"name": "anna", "password": "fel lösenord helt"})
            assert answer.status_code == 401
            assert said in answer.text
            assert 'value="anna"' in answer.text
        for _ in range(3):
            browser.post("/login", data={"name": "anna", "password": "fel lösenord helt"})
        answer = browser.post("/login?lang=sv", data={"name": "anna", "password": PASSWORD})
        assert answer.status_code == 429
        assert "Vänta 15 min" in answer.text
        assert "fjaril" not in browser.cookies
