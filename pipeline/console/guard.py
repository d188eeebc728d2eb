"""Who comes in, what they may do, and the log of it: every route passes here with its action.

Without any account there is one local administrator: whoever reaches the console on this very machine, by its own name for itself. A
request that a proxy has passed on, or that names another host (a page elsewhere whose name was turned to this machine), is not local.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from ipaddress import ip_address

from msgspec import Struct
from starlette.requests import Request

from pipeline.access.access import Access
from pipeline.access.roles import Action, Principal, Role
from pipeline.access.sessions import csrf_token, is_csrf_token
from pipeline.errors import AccessError, LoginError
from pipeline.ports import Clock

COOKIE = "fjaril"
LOCAL = Principal(name="local", role=Role.ADMIN)
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
#: A page that looks at the same again by itself is noted once in so many seconds.
_AGAIN = 600.0
#: Seconds in which requests are counted.
_STRETCH = 60.0


class TooManyError(AccessError):
    """More requests than a person makes.

    :param after: seconds until the next is heard.
    """

    def __init__(self, after: float) -> None:
        super().__init__(f"too many requests in {_STRETCH:.0f} s; wait {after:.0f} s")
        self.after = after


class Visit(Struct, frozen=True, kw_only=True):
    """Somebody who was let in."""

    who: Principal
    #: Why they look, in their own words; empty until they have said.
    purpose: str
    #: The cookie's value: forms carry a mark that is made of it. Empty with an API token.
    key: str = ""
    #: Whether the cookie is to be set.
    fresh: bool = False

    @property
    def csrf(self) -> str:
        """What a form carries."""
        return csrf_token(self.key)

    @property
    def is_local(self) -> bool:
        """Whether it is the one administrator of a machine without accounts."""
        return self.who is LOCAL


class Guard:
    """Lets in, and notes what is done.

    :param rate: requests that one visitor may make in a minute.
    """

    def __init__(self, access: Access, clock: Clock, rate: int) -> None:
        self._access, self._clock, self._rate = access, clock, rate
        self._lock = threading.Lock()
        self._noted: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def visit(self, request: Request) -> Visit:
        """Who it is.

        :raises LoginError: if they have to log in, or their token is none.
        :raises TooManyError: if they ask too often.
        """
        found = self._visit(request)
        address = request.client.host if request.client else ""
        self._count(found.key if found.key and not found.fresh else f"{found.who.name} {address}")
        return found

    def _visit(self, request: Request) -> Visit:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind:
            if kind.lower() != "bearer":
                raise LoginError(f"authorization: found {kind[:20]!r}; expected Bearer and a token, as `fjaril users token` makes one")
            return Visit(who=self._access.tokens.find(token.strip(), self._clock.now()), purpose="api")
        key = request.cookies.get(COOKIE, "")
        session = self._access.sessions.find(key, self._clock.now()) if key else None
        if session is not None:
            return Visit(who=session.principal, purpose=session.purpose, key=key)
        if is_local(request) and not self._access.accounts.list():
            return Visit(who=LOCAL, purpose="local", key=key or secrets.token_urlsafe(32), fresh=not key)
        raise LoginError("log in first")

    def allow(self, visit: Visit, action: Action) -> None:
        """Refuse what their role may not do.

        :raises AccessError: if so.
        """
        if not visit.who.may(action):
            raise AccessError(f"{visit.who.role.value} may not {action.value}")

    def note(self, visit: Visit, action: Action, subject: str, *, again: bool = False, purpose: str = "") -> None:
        """Write into the log what is going to be done.

        :param again: whether a page may have asked by itself: then the same is noted once in ten minutes.
        :raises AuditError: if it cannot be written; then it is not to be done.
        """
        if again and not self._is_new((visit.who.name, action.value, subject)):
            return
        self._access.audit.append(visit.who, purpose or visit.purpose, action, subject, self._clock.now())

    def _is_new(self, what: tuple[str, str, str]) -> bool:
        now = time.monotonic()
        with self._lock:
            while self._noted and next(iter(self._noted.values())) < now - _AGAIN:
                self._noted.popitem(last=False)
            if what in self._noted:
                return False
            self._noted[what] = now
            return True

    def _count(self, visitor: str) -> None:
        now = time.monotonic()
        with self._lock:
            began, count = self._counts.pop(visitor, (now, 0))
            if now - began >= _STRETCH:
                began, count = now, 0
            self._counts[visitor] = (began, count + 1)
            while len(self._counts) > 10_000:
                self._counts.popitem(last=False)
        if count >= self._rate:
            raise TooManyError(_STRETCH - (now - began))

    @staticmethod
    def check_form(visit: Visit, request: Request, token: str) -> None:
        """Refuse a form that did not come from one of our own pages.

        :raises AccessError: if so.
        """
        site = request.headers.get("sec-fetch-site", "same-origin")
        if not visit.key or not is_csrf_token(visit.key, token) or site not in {"same-origin", "none"}:
            raise AccessError("the form is not from a page of this session; load the page anew, and send it again")


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, with us or with the proxy before us: then the cookie is for TLS alone."""
    return "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()}


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine, straight, and by the machine's own name for itself."""
    if request.client is None or any(name in request.headers for name in _PASSED_ON):
        return False
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    try:
        return ip_address(request.client.host).is_loopback and name in _LOCAL_HOSTS
    except ValueError:
        return False
