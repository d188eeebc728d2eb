"""Accounts, tokens and sessions on a real file."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from pipeline.access.access import Access
from pipeline.access.accounts import Accounts
from pipeline.access.roles import Principal, Role
from pipeline.access.sessions import csrf_token, is_csrf_token
from pipeline.access.store import open_store
from pipeline.errors import FjarilError, LoginError, LoginLimitError, UsageError

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
PASSWORD = "fyra egna ord räcker"  # noqa: S105  (of the tests)
ANNA = Principal(name="anna", role=Role.ANALYST, agency="polisen")
HOME = "127.0.0.1"
#: Quick, where it is not the hash that is tested.
WEAK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


@pytest.fixture
def access(tmp_path: Path):
    """Opened over an empty directory, with one account."""
    opened = Access(tmp_path / "access", idle=timedelta(minutes=30), longest=timedelta(hours=12))
    opened.accounts.add(ANNA, PASSWORD, NOW)
    yield opened
    opened.close()


def test_who_has_name_and_password_is_let_in(access):
    """The name in any case; with another password or another name nobody is, and both are told the same."""
    assert access.accounts.log_in(" Anna", PASSWORD, HOME, NOW) == ANNA
    told = set()
    for name, password in (("anna", "fel lösenord helt"), ("ingen", PASSWORD), ("anna", ""), ("", ""), ("\udc80", "\udc80")):
        with pytest.raises(LoginError) as error:
            access.accounts.log_in(name, password, HOME, NOW)
        told.add(str(error.value))
    assert len(told) == 1


def test_no_file_holds_a_secret(access, tmp_path):
    """Password, token and session id are in no file; the password stands as argon2id; files are the owner's alone."""
    token, session = access.tokens.make("anna", "karta", 30, NOW), access.sessions.begin(ANNA, NOW)
    stored = {path: path.read_bytes() for path in (tmp_path / "access").iterdir()}
    for secret in (PASSWORD, token.split("_", 2)[2], session):
        assert not [path for path, data in stored.items() if secret.encode() in data]
    assert any(b"$argon2id$v=19$m=65536,t=3,p=4$" in data for data in stored.values())
    assert {path.stat().st_mode & 0o777 for path in stored} == {0o600}
    assert (tmp_path / "access").stat().st_mode & 0o777 == 0o700


def test_weaker_hashes_are_made_anew_at_login(tmp_path):
    """An account of weaker parameters is let in, and its hash is the stronger one then."""
    database = open_store(tmp_path / "a.db")
    Accounts(database, WEAK).add(ANNA, PASSWORD, NOW)
    accounts = Accounts(database)
    assert accounts.log_in("anna", PASSWORD, HOME, NOW) == ANNA
    assert "m=65536" in database.rows("SELECT password FROM accounts")[0][0]
    assert accounts.log_in("anna", PASSWORD, HOME, NOW) == ANNA
    database.close()


@pytest.mark.parametrize(
    ("principal", "password", "said"),
    [
        (ANNA, PASSWORD, "already"),
        (Principal(name="Bo Ek", role=Role.ADMIN), PASSWORD, "'Bo Ek'"),
        (Principal(name="local:root", role=Role.ADMIN), PASSWORD, "'local:root'"),
        (Principal(name="bo", role=Role.ADMIN), "kort", "4 characters"),
        (Principal(name="bo", role=Role.VIEWER, agency="x"), PASSWORD, "--area"),
        (Principal(name="bo", role=Role.VIEWER, areas=("12",)), PASSWORD, "--agency"),
        (Principal(name="bo", role=Role.VIEWER, agency="x", areas=("Skåne",)), PASSWORD, "'Skåne'"),
    ],
)
def test_an_account_that_cannot_be_is_refused(access, principal, password, said):
    """Naming what was found; nothing is stored."""
    with pytest.raises(UsageError, match=said):
        access.accounts.add(principal, password, NOW)
    assert [account.principal for account in access.accounts.list()] == [ANNA]


def test_too_many_failed_logins_make_wait(access):
    """Five of a name from one address: then the right password is not compared either, from there; after a quarter of an hour it is."""
    for _ in range(5):
        with pytest.raises(LoginError):
            access.accounts.log_in("anna", "fel lösenord helt", HOME, NOW)
    with pytest.raises(LoginLimitError) as error:
        access.accounts.log_in("anna", PASSWORD, HOME, NOW + timedelta(minutes=5))
    assert error.value.after == 600
    assert access.accounts.log_in("anna", PASSWORD, "192.0.2.7", NOW + timedelta(minutes=5)) == ANNA
    assert access.accounts.log_in("anna", PASSWORD, HOME, NOW + timedelta(minutes=15)) == ANNA


def test_one_address_cannot_try_many_names(tmp_path):
    """Thirty names from one address, then it waits, whatever the name; logins that succeed do not count."""
    database = open_store(tmp_path / "a.db")
    accounts = Accounts(database, WEAK)
    accounts.add(ANNA, PASSWORD, NOW)
    for number in range(30):
        accounts.log_in("anna", PASSWORD, HOME, NOW)
        with pytest.raises(LoginError):
            accounts.log_in(f"namn{number}", PASSWORD, HOME, NOW)
    with pytest.raises(LoginLimitError):
        accounts.log_in("anna", PASSWORD, HOME, NOW)
    database.close()


def test_a_token_is_its_accounts_until_it_expires_or_is_removed(access):
    """A changed one is none; what is listed tells no secret."""
    token = access.tokens.make("anna", "karta", 30, NOW)
    (listed,) = access.tokens.list()
    assert access.tokens.find(token, NOW + timedelta(days=29)) == ANNA
    assert access.tokens.list()[0].used == NOW + timedelta(days=29)
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (changed, "", "fjaril", f"fjaril_{listed.id}_", token.replace("fjaril", "annat"), token + "x", "fjaril_\udc80_x"):
        with pytest.raises(LoginError):
            access.tokens.find(wrong, NOW)
    with pytest.raises(LoginError):
        access.tokens.find(token, NOW + timedelta(days=30))
    access.tokens.remove(listed.id)
    with pytest.raises(LoginError):
        access.tokens.find(token, NOW)
    with pytest.raises(UsageError, match="no token"):
        access.tokens.remove(listed.id)


def test_a_session_ends_idle_and_after_a_working_day(access):
    """Use keeps it for half an hour more, but not beyond twelve; one that ended is not found again."""
    idle = access.sessions.begin(ANNA, NOW)
    assert access.sessions.find(idle, NOW + timedelta(minutes=29)).principal == ANNA
    assert access.sessions.find(idle, NOW + timedelta(minutes=58)) is not None
    assert access.sessions.find(idle, NOW + timedelta(minutes=89)) is None
    assert access.sessions.find(idle, NOW + timedelta(minutes=60)) is None
    busy = access.sessions.begin(ANNA, NOW)
    for minutes in range(0, 720, 20):
        assert access.sessions.find(busy, NOW + timedelta(minutes=minutes)) is not None
    assert access.sessions.find(busy, NOW + timedelta(minutes=721)) is None


def test_a_session_knows_its_purpose_and_its_form(access):
    """Purpose is asked once; a form's token is of one session alone."""
    one, other = access.sessions.begin(ANNA, NOW), access.sessions.begin(ANNA, NOW)
    assert access.sessions.find(one, NOW).purpose == ""
    access.sessions.state_purpose(one, "lägesbild inför helgen")
    assert (access.sessions.find(one, NOW).purpose, access.sessions.find(other, NOW).purpose) == ("lägesbild inför helgen", "")
    assert is_csrf_token(one, csrf_token(one))
    assert not is_csrf_token(other, csrf_token(one))
    assert not is_csrf_token(one, "\udc80")


def test_who_is_removed_is_out_at_once(access):
    """Account, sessions and tokens; a new password ends sessions, too."""
    session, token = access.sessions.begin(ANNA, NOW), access.tokens.make("anna", "", 30, NOW)
    access.accounts.set_password("anna", "ett helt annat lösenord")
    assert access.sessions.find(session, NOW) is None
    session = access.sessions.begin(ANNA, NOW)
    access.accounts.remove("anna")
    assert access.sessions.find(session, NOW) is None
    with pytest.raises(LoginError):
        access.tokens.find(token, NOW)
    with pytest.raises(LoginError):
        access.accounts.log_in("anna", "ett helt annat lösenord", HOME, NOW)
    with pytest.raises(UsageError, match="no account 'anna'"):
        access.accounts.remove("anna")


def test_another_version_of_the_file_is_refused(tmp_path):
    """It is left as it is, and the error names the file and both versions."""
    open_store(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as newer:
        newer.execute("PRAGMA user_version = 7")
    newer.close()
    with pytest.raises(FjarilError, match=r"a\.db: found version 7 .* knows 1"):
        open_store(tmp_path / "a.db")
