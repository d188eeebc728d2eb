"""Login by an organisation's own provider: OpenID Connect, authorization code with PKCE (RFC 7636), state, nonce and issuer (RFC 9207).

Who they are comes from the ID token alone, whose signature, issuer, audience, time and nonce are checked; what they may do comes from its
groups, as the settings name them. Somebody in none of these is not let in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from pipeline.access.fetch import Fetch
from pipeline.access.roles import Principal, Role
from pipeline.errors import AccessError, LoginError
from pipeline.settings import Oidc

#: Signatures that are taken: asymmetric ones. ``none`` and those by the client's secret are not.
_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
#: The highest last.
_RANKS = list(Role)
#: A login takes no longer than so; no more are begun at a time.
_PATIENCE, _MOST = timedelta(minutes=10), 10_000
#: Clocks may differ by so many seconds; what a provider says of itself holds so long.
_SKEW, _HOLDS = 60, timedelta(hours=1)
#: Names of people who come so; no account of ours can have a colon.
PREFIX = "oidc:"


class Begun(Struct, frozen=True, kw_only=True):
    """A login that has been begun: where to send the browser, and what its cookie must hold when it comes back."""

    url: str
    state: str


class _Waiting(Struct, frozen=True):
    nonce: str
    verifier: str
    redirect: str
    began: datetime


class Provider:
    """The provider of the settings. Safe to use from several threads."""

    def __init__(self, settings: Oidc) -> None:
        self._settings, self._fetch = settings, Fetch(settings.ca)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._known: tuple[datetime, dict[str, Any], KeySet] | None = None

    def begin(self, redirect: str, now: datetime) -> Begun:
        """Begin a login.

        :param redirect: our own address that the provider sends the browser back to.
        :raises AccessError: if the provider does not answer, or is another one than the settings name.
        """
        about, _ = self._about(now)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._lock:
            while self._waiting and (len(self._waiting) >= _MOST or next(iter(self._waiting.values())).began <= now - _PATIENCE):
                self._waiting.popitem(last=False)
            self._waiting[state] = _Waiting(nonce, verifier, redirect, now)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code", "client_id": self._settings.client_id, "redirect_uri": redirect, "scope": self._settings.scope,
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return Begun(
            url=f"{about['authorization_endpoint']}{'&' if '?' in about['authorization_endpoint'] else '?'}{urlencode(asked)}", state=state
        )

    def finish(self, query: Mapping[str, str], cookie: str, now: datetime) -> Principal:
        """Who came back.

        :param query: what the provider added to our address.
        :param cookie: what the browser's cookie holds: it must be the browser in which the login was begun.
        :raises LoginError: if it is not the answer to a login begun here, or the provider's word is not sound.
        :raises AccessError: if they are in no group that may come in, or the provider does not answer.
        """
        state = query.get("state", "")
        with self._lock:
            waiting = self._waiting.pop(state, None)
        if waiting is None or waiting.began <= now - _PATIENCE or not hmac.compare_digest(state.encode(), cookie.encode()):
            raise LoginError("this login was not begun here, took too long, or was finished already; begin again")
        if "error" in query:
            raise LoginError(f"the provider did not log you in: {query['error'][:100]}; begin again, or ask who runs it")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:
            raise LoginError("the answer is from another provider than the one that was asked; begin again")
        return self._principal(self._claims(self._token(query.get("code", ""), waiting, now), waiting.nonce, now))

    def _token(self, code: str, waiting: _Waiting, now: datetime) -> str:
        about, _ = self._about(now)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": waiting.redirect, "code_verifier": waiting.verifier}
        secret = self._settings.client_secret.get_secret_value()
        answer = self._fetch.post(about["token_endpoint"], form, (self._settings.client_id, secret))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise LoginError(
                f"the provider gave no ID token; does the client's scope hold openid? Found {', '.join(sorted(answer)) or 'nothing'}"
            )
        return token

    def _claims(self, token: str, nonce: str, now: datetime) -> dict[str, Any]:
        try:
            claims = dict(self._decoded(token, now).claims)
            at = int(now.timestamp())
            jwt.JWTClaimsRegistry(
                now=at,
                leeway=_SKEW,
                iss={"essential": True, "value": self._settings.issuer},
                aud={"essential": True, "value": self._settings.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise LoginError(f"the provider's ID token is not sound ({type(error).__name__}); begin again, or ask who runs it") from error
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise LoginError("the provider's ID token was made for another client; begin again, or ask who runs it")
        return claims

    def _decoded(self, token: str, now: datetime) -> jwt.Token:
        """With keys fetched anew where none fits: providers change them."""
        _, keys = self._about(now)
        try:
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            _, keys = self._about(now, anew=True)
            return jwt.decode(token, keys, algorithms=_ALGORITHMS)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        name = claims.get(self._settings.name) or claims["sub"]
        given = claims.get(self._settings.claim, ())
        groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        found = [group for name_, group in self._settings.groups.items() if name_ in groups]
        if not found:
            raise AccessError(
                f"{name}: in none of the groups that may come in ({self._settings.claim}: {', '.join(self._settings.groups)})"
            )
        best = max(found, key=lambda group: _RANKS.index(Role(group.role)))
        areas = tuple(dict.fromkeys(area for group in found if group.role == best.role for area in group.areas))
        if best.role == "viewer" and not (best.agency and areas):
            raise AccessError(
                f"access.oidc.groups: a viewer belongs to an agency and sees its areas only; {name}'s group names neither or one"
            )
        return Principal(name=f"{PREFIX}{str(name)[:64]}", role=Role(best.role), agency=best.agency, areas=areas)

    def _about(self, now: datetime, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """What the provider says of itself, and its keys."""
        with self._lock:
            known = self._known
        if known and not anew and now - known[0] < _HOLDS:
            return known[1], known[2]
        about = self._fetch.get(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        needed: Sequence[str] = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if about.get("issuer") != self._settings.issuer or not all(isinstance(about.get(name), str) for name in needed):
            found = str(about.get("issuer"))[:200]
            raise AccessError(
                f"access.oidc.issuer: found {self._settings.issuer!r}, but the provider there calls itself {found!r}; they must be alike"
            )
        try:
            keys = KeySet.import_key_set(json.loads(json.dumps(self._fetch.get(about["jwks_uri"]))))
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise AccessError(
                f"{about['jwks_uri']}: its keys cannot be read ({type(error).__name__}); ask who runs the provider"
            ) from error
        with self._lock:
            self._known = (now, about, keys)
        return about, keys
