"""``fjaril users`` and ``fjaril audit`` as a person runs them."""

from __future__ import annotations

import io
import json
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from pipeline import app
from pipeline.cli import main
from pipeline.settings import Settings


@pytest.fixture
def fjaril(monkeypatch, capsys, tmp_path):
    """Run the command line: (exit code, standard output, standard error); ``typed`` is what stands on standard input."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fjaril", "--data", str(tmp_path), *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


VIEWER = ("users", "add", "rakel", "--role", "viewer", "--agency", "räddningstjänsten", "--area", "2480")
PASSWORD = "fyra egna ord räcker\n"  # noqa: S105  (of the tests)


def test_an_account_with_a_token(fjaril, tmp_path):
    """It is listed without secrets; the token that was printed works; removed, neither does; each step stands in the log."""
    assert fjaril(*VIEWER, typed=PASSWORD) == (0, "account rakel: viewer of räddningstjänsten\n", "")
    token = fjaril("users", "token", "rakel", "--for", "karta", "--days", "30")[1].strip()
    listed = fjaril("users", "list", "--json")[1]
    assert token.split("_", 2)[2] not in listed
    assert PASSWORD.strip() not in listed
    accounts = json.loads(listed)
    assert accounts["accounts"][0]["principal"] == {"name": "rakel", "role": "viewer", "agency": "räddningstjänsten", "areas": ["2480"]}
    assert (accounts["tokens"][0]["label"], accounts["tokens"][0]["account"]) == ("karta", "rakel")
    with closing(app.open_access(Settings(data_dir=tmp_path))) as access:
        assert access.tokens.find(token, datetime.now(UTC)).name == "rakel"
    assert fjaril("users", "password", "rakel", typed="ett helt annat lösenord\n")[0] == 0
    assert fjaril("users", "remove", accounts["tokens"][0]["id"])[1].startswith("token ")
    assert fjaril("users", "remove", "rakel")[1] == "account rakel: removed\n"
    assert json.loads(fjaril("users", "list", "--json")[1]) == {"accounts": [], "tokens": []}
    lines = json.loads(fjaril("audit", "list", "--json")[1])
    assert [line["subject"].split()[0] for line in lines] == ["remove", "remove", "password", "token", "add"]
    assert {line["action"] for line in lines} == {"users.manage"}
    assert all(line["who"].startswith("local:") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("users", "add", "bo", "--role", "chef"), PASSWORD, "--role: found 'chef'; expected one of viewer, analyst, officer, admin"),
        (("users", "add", "bo", "--role", "viewer"), PASSWORD, "--agency and at least one --area"),
        (("users", "add", "bo"), "kort\n", "found 4 characters"),
        (("users", "remove", "ingen"), "", "there is no account 'ingen'"),
        (("users", "token", "ingen"), "", "there is no account 'ingen'"),
        (("users", "password", "ingen"), PASSWORD, "there is no account 'ingen'"),
    ],
)
def test_what_cannot_be_is_named(fjaril, arguments, typed, said):
    """In one line, with how to go on; exit code 2."""
    code, _, told = fjaril(*arguments, typed=typed)
    assert code == 2
    assert said in told


def test_a_log_that_was_changed_is_said_to_be(fjaril, tmp_path):
    """Sound, with its head; an earlier head is still in it; changed by one letter it is not, exit code 1."""
    fjaril(*VIEWER, typed=PASSWORD)
    head = json.loads(fjaril("audit", "verify", "--json")[1])["head"]
    fjaril("users", "remove", "rakel")
    assert fjaril("audit", "verify", "--kept", head)[1].startswith("2 lines, each as it was written; head 2:")
    assert "is not in it" in fjaril("audit", "verify", "--kept", "1:00")[2]
    path = tmp_path / "access" / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"remove rakel", b"remove rakeI"))
    code, _, told = fjaril("audit", "verify")
    assert code == 1
    assert "line 2" in told


def test_a_key_of_ones_own(fjaril, tmp_path):
    """The log is made with it, and without it no line fits; one that is too short is refused without being shown."""
    settings = tmp_path / "fjaril.yaml"
    settings.write_text(f"secrets: {{audit: {'k' * 40}}}", encoding="utf-8")
    fjaril(*VIEWER, typed=PASSWORD)
    assert fjaril("audit", "verify")[0] == 0
    assert not (tmp_path / "access" / "audit.key").exists()
    settings.write_text("secrets: {audit: kortnyckel}", encoding="utf-8")
    code, _, told = fjaril("audit", "verify")
    assert (code, "kortnyckel" in told) == (2, False)
    assert "secrets.audit: found '10 bytes'; at least 32" in told
    settings.write_text(f"secrets: {{audit: {'x' * 40}}}", encoding="utf-8")
    assert "line 1" in fjaril("audit", "verify")[2]
