"""Login by a provider: against one that runs in a process of its own, and against its answers, changed."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from pipeline.access.access import Access
from pipeline.access.oidc import Provider
from pipeline.access.roles import Principal, Role
from pipeline.errors import AccessError, LoginError, UsageError
from pipeline.settings import Oidc, OidcGroup

HERE = "http://127.0.0.1:8765/login/oidc/svar"
GROUPS = {
    "fjaril-analys": OidcGroup(role="analyst", agency="polisen"),
    "fjaril-vakt": OidcGroup(role="officer", agency="polisen"),
    "raddning-umea": OidcGroup(role="viewer", agency="räddningstjänsten", areas=("2480",)),
    "raddning-skelleftea": OidcGroup(role="viewer", agency="räddningstjänsten", areas=("2482",)),
    "utan-omrade": OidcGroup(role="viewer", agency="x"),
}


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def logged_in(url: str, name: str) -> dict[str, str]:
    """Log in at the provider as its page has it; what it adds to our address."""
    request = Request(url, data=urlencode({"sub": name}).encode())  # noqa: S310  (of a provider that runs here)
    with pytest.raises(HTTPError) as error:
        build_opener(_Stay).open(request, timeout=10)
    assert error.value.code in {302, 303}
    where = error.value.headers["Location"]
    error.value.close()
    assert where.startswith(HERE)
    return dict(parse_qsl(urlsplit(where).query))


def settings(issuer: str, **changed: object) -> Oidc:
    return Oidc(**({"issuer": issuer, "client_id": "fjaril", "client_secret": SecretStr("hemlig"), "groups": GROUPS} | changed))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "principal"),
    [
        ("anna", Principal(name="oidc:anna", role=Role.ANALYST, agency="polisen")),
        ("vera", Principal(name="oidc:vera", role=Role.OFFICER, agency="polisen")),
        ("rakel", Principal(name="oidc:rakel", role=Role.VIEWER, agency="räddningstjänsten", areas=("2480", "2482"))),
    ],
)
def test_who_is_in_a_group_comes_in_with_its_role(issuer, name, principal):
    """The highest of several; a viewer with the areas of all of them. The whole flow against a provider that runs."""
    provider = Provider(settings(issuer))
    begun = provider.begin(HERE, now())
    asked = parse_qs(urlsplit(begun.url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert provider.finish(logged_in(begun.url, name), begun.state, now()) == principal


@pytest.mark.parametrize(("name", "said"), [("olle", "in none of the groups"), ("ida", "agency and sees its areas only")])
def test_who_is_in_none_stays_outside(issuer, name, said):
    """Also who is in a group that says nothing of where."""
    provider = Provider(settings(issuer))
    begun = provider.begin(HERE, now())
    with pytest.raises(AccessError, match=said):
        provider.finish(logged_in(begun.url, name), begun.state, now())


def test_a_login_is_finished_once_by_the_browser_that_began_it_in_time(issuer):
    """Another cookie, an answer given twice, one never asked for, one too late: each is refused before the provider is asked."""
    provider = Provider(settings(issuer))
    begun = provider.begin(HERE, now())
    answer = logged_in(begun.url, "anna")
    with pytest.raises(LoginError, match="was not begun here"):
        provider.finish(answer, "annan kaka", now())
    begun = provider.begin(HERE, now())
    answer = logged_in(begun.url, "anna")
    assert provider.finish(answer, begun.state, now()).name == "oidc:anna"
    for given, cookie in ((answer, begun.state), ({}, ""), ({"state": "x", "code": "y"}, "x"), ({"state": "å"}, "å")):
        with pytest.raises(LoginError, match="was not begun here"):
            provider.finish(given, cookie, now())
    begun = provider.begin(HERE, now())
    with pytest.raises(LoginError, match="took too long"):
        provider.finish(logged_in(begun.url, "anna"), begun.state, now() + timedelta(minutes=10))


def test_the_code_is_of_this_login(issuer):
    """A code that was given for another login does not fit: PKCE and nonce are others."""
    provider = Provider(settings(issuer))
    one, other = provider.begin(HERE, now()), provider.begin(HERE, now())
    stolen = logged_in(other.url, "vera")
    logged_in(one.url, "anna")
    with pytest.raises(AccessError):
        provider.finish({"state": one.state, "code": stolen["code"]}, one.state, now())


def test_what_the_provider_refuses_is_said(issuer):
    """Its error, and that of another issuer's answer."""
    provider = Provider(settings(issuer))
    begun = provider.begin(HERE, now())
    with pytest.raises(LoginError, match="access_denied"):
        provider.finish({"state": begun.state, "error": "access_denied"}, begun.state, now())
    begun = provider.begin(HERE, now())
    with pytest.raises(LoginError, match="another provider"):
        provider.finish(logged_in(begun.url, "anna") | {"iss": "https://annan.example"}, begun.state, now())


def test_an_account_of_a_provider_has_no_password_here(issuer, tmp_path):
    """It is made at the first login and follows the groups at the next; nobody logs in to it with a password, nor takes an account of ours by it."""
    access = Access(tmp_path, idle=timedelta(minutes=30), longest=timedelta(hours=12))
    access.accounts.add(Principal(name="anna", role=Role.ADMIN), "fyra egna ord räcker", now())
    provider = Provider(settings(issuer))
    begun = provider.begin(HERE, now())
    who = provider.finish(logged_in(begun.url, "anna"), begun.state, now())
    access.accounts.admit(who, now())
    access.accounts.admit(who, now())
    session = access.sessions.begin(who, now())
    assert access.sessions.find(session, now()).principal.role is Role.ANALYST
    assert access.accounts.find("anna").role is Role.ADMIN
    for password in ("", "fyra egna ord räcker"):
        with pytest.raises(LoginError):
            access.accounts.log_in("oidc:anna", password, "127.0.0.1", now())
    with pytest.raises(UsageError, match="logs in at a provider"):
        access.accounts.set_password("oidc:anna", "fyra egna ord räcker")
    access.accounts.admit(Principal(name="oidc:anna", role=Role.OFFICER, agency="polisen"), now())
    assert access.sessions.find(session, now()).principal.role is Role.OFFICER
    access.accounts.remove("oidc:anna")
    assert access.sessions.find(session, now()) is None
    access.close()


# --- a provider whose ID tokens are changed


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Forger:
    """A provider of one key that gives whatever ID token it is told to."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "en"}, private=True)
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, object]] = {}
        forger = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path = urlsplit(self.path).path
                forger.asked.append(path)
                status, found = forger.answers.get(path, (404, {}))
                data = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/other")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.about = {
            "issuer": self.url,
            **{name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")},
        }
        self.answers["/.well-known/openid-configuration"] = (200, self.about)
        self.publish(self.key)

    def publish(self, *keys: RSAKey) -> None:
        self.answers["/jwks_uri"] = (200, {"keys": [key.as_dict(private=False) for key in keys]})

    def give(self, claims: dict, key: RSAKey | None = None, hmac_key: bytes | None = None, algorithm: str = "RS256") -> None:
        used = key or self.key
        if algorithm == "RS256":
            token = jwt.encode({"alg": "RS256", "kid": used.kid}, claims, used)
        else:
            parts = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": used.kid}, claims))
            token = f"{parts}.{_base64(hmac.digest(hmac_key, parts.encode(), 'sha256')) if hmac_key else ''}"
        self.answers["/token_endpoint"] = (200, {"id_token": token})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def forger() -> Iterator[Forger]:
    made = Forger()
    yield made
    made.close()


def claims(forger: Forger, nonce: str, /, **changed: object) -> dict:
    at = int(now().timestamp())
    whole = {
        "iss": forger.url,
        "aud": "fjaril",
        "sub": "1",
        "exp": at + 300,
        "iat": at,
        "nonce": nonce,
        "groups": ["fjaril-analys"],
    } | changed
    return {name: value for name, value in whole.items() if value is not None}


def nonce_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["nonce"][0]


def finish(provider: Provider, forger: Forger, changed: dict, **how: object) -> Principal:
    begun = provider.begin(HERE, now())
    forger.give(claims(forger, nonce_of(begun.url), **changed), **how)
    return provider.finish({"state": begun.state, "code": "x"}, begun.state, now())


def test_a_sound_token_is_taken(forger):
    """Without a name the subject's id is one; a group may stand alone; a small difference of clocks is none."""
    provider = Provider(settings(forger.url))
    assert finish(provider, forger, {}).name == "oidc:1"
    assert finish(provider, forger, {"groups": "fjaril-vakt", "preferred_username": "eva"}).role is Role.OFFICER
    assert finish(provider, forger, {"exp": int(now().timestamp()) - 30}).name == "oidc:1"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://annan.example"},
        {"aud": "annan"},
        {"aud": ["annan"]},
        {"aud": ["fjaril", "annan"], "azp": "annan"},
        {"nonce": "annan"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"iss": None},
        {"aud": None},
        {"exp": "snart"},
        {"iat": 4_000_000_000},
    ],
    ids=str,
)
def test_a_token_for_something_else_is_refused(forger, changed):
    """Another issuer, client, login or time, or one that does not say."""
    with pytest.raises(LoginError):
        finish(Provider(settings(forger.url)), forger, changed)


def test_a_forged_signature_is_refused(forger):
    """Another key under the same name; the public key or our secret as one of HMAC; none at all; a token that is none."""
    provider = Provider(settings(forger.url))
    other = RSAKey.generate_key(2048, {"kid": "en"}, private=True)
    public = forger.key.as_pem(private=False)
    for how in (
        {"key": other},
        {"algorithm": "HS256", "hmac_key": public},
        {"algorithm": "HS256", "hmac_key": public.strip()},
        {"algorithm": "HS256", "hmac_key": b"hemlig"},
        {"algorithm": "none"},
        {"algorithm": "None"},
    ):
        with pytest.raises(LoginError, match="not sound"):
            finish(provider, forger, {}, **how)
    for token in ("", "a.b.c", None, 7):
        begun = provider.begin(HERE, now())
        forger.answers["/token_endpoint"] = (200, {"id_token": token})
        with pytest.raises(LoginError):
            provider.finish({"state": begun.state, "code": "x"}, begun.state, now())


def test_a_provider_may_change_its_key(forger):
    """A token by a key that is not known has the keys fetched anew, once."""
    provider = Provider(settings(forger.url))
    finish(provider, forger, {})
    new = RSAKey.generate_key(2048, {"kid": "två"}, private=True)
    forger.publish(new)
    forger.asked.clear()
    assert finish(provider, forger, {}, key=new).name == "oidc:1"
    assert forger.asked.count("/jwks_uri") == 1


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, {})),
        ("/.well-known/openid-configuration", (200, b"<html>")),
        ("/.well-known/openid-configuration", (200, [])),
        ("/.well-known/openid-configuration", (302, {})),
        ("/.well-known/openid-configuration", (200, {"issuer": "https://annan.example"})),
        ("/.well-known/openid-configuration", (200, b" " * 600_000)),
        ("/jwks_uri", (200, {"keys": "inga"})),
        ("/jwks_uri", (200, {"keys": [{"kty": "påhittad"}]})),
    ],
)
def test_a_provider_that_is_none_is_named(forger, path, answer):
    """Its address stands in the error; a redirect is not followed."""
    forger.answers[path] = answer
    with pytest.raises(AccessError, match=r"127\.0\.0\.1"):
        Provider(settings(forger.url)).begin(HERE, now())
    assert "/other" not in forger.asked


def test_a_provider_elsewhere_is_asked_over_tls():
    """Plain HTTP is for this machine alone."""
    with pytest.raises(AccessError, match="over https"):
        Provider(settings("http://idp.example")).begin(HERE, now())
