"""The door: logging in and out, and the question why somebody looks, asked once a session."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pipeline.access.roles import Action
from pipeline.console.ask import AskError, Form
from pipeline.console.faults import fault
from pipeline.console.guard import COOKIE, Visit, is_secure
from pipeline.console.provider import ProviderDoor
from pipeline.console.texts import Texts, language_of, texts
from pipeline.errors import AccessError, FjarilError, LoginError, LoginLimitError

if TYPE_CHECKING:
    from pipeline.console.site import Site

#: Characters of a purpose: the fewest that say anything, and the most.
_SHORTEST, _LONGEST = 3, 300


class Door:
    """The pages that somebody sees who is not in yet, or goes."""

    def __init__(self, site: Site) -> None:
        self._site, self._room = site, site.room

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/login", self._site.handler(self._log_in), methods=["GET", "POST"]),
            Route("/syfte", self._site.handler(self._say_why), methods=["GET", "POST"]),
            Route("/logout", self._site.handler(self._log_out), methods=["POST"]),
            *ProviderDoor(self._site, lambda request, error: self._ask(request, "login", "/", error)).routes(),
        ]

    def _log_in(self, request: Request, form: Form) -> Response:
        given, now = dict(form), self._room.clock.now()
        onward = _own(given.get("next") or request.query_params.get("next", "/"))
        if request.method == "GET":
            try:
                self._site.guard.visit(request)
            except AccessError:
                return self._ask(request, "login", onward)
            return RedirectResponse(onward, 303)
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return self._site.refused(request, None, AccessError("the form is from elsewhere"))
        address = request.client.host if request.client else ""
        try:
            who = self._room.access.accounts.log_in(given.get("name", ""), given.get("password", ""), address, now)
            self._room.access.audit.append(who, "", Action.LOG_IN, "", now)
        except FjarilError as error:
            return self._ask(request, "login", onward, error, name_given=given.get("name", ""))
        response = RedirectResponse(onward, 303)
        _set(response, request, self._room.access.sessions.begin(who, now))
        return response

    def _say_why(self, request: Request, form: Form) -> Response:
        given = dict(form)
        onward = _own(given.get("next") or request.query_params.get("next", "/"))
        try:
            visit = self._site.guard.visit(request)
        except AccessError as error:
            return self._site.refused(request, None, error)
        if request.method == "GET":
            return self._ask(request, "purpose", onward, visit=visit)
        purpose = given.get("purpose", "").strip()
        try:
            self._site.guard.check_form(visit, request, given.get("csrf", ""))
            _check(purpose)
        except (AskError, AccessError) as error:
            return self._ask(request, "purpose", onward, error, visit=visit, purpose=purpose)
        self._room.access.sessions.state_purpose(visit.key, purpose)
        return RedirectResponse(onward, 303)

    def _log_out(self, request: Request, form: Form) -> Response:
        try:
            visit = self._site.guard.visit(request)
            self._site.guard.check_form(visit, request, dict(form).get("csrf", ""))
            self._room.access.audit.append(visit.who, visit.purpose, Action.LOG_OUT, "", self._room.clock.now())
        except FjarilError as error:
            return self._site.refused(request, None, error)
        self._room.access.sessions.end(visit.key)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    def _ask(
        self, request: Request, template: str, onward: str, error: Exception | None = None, visit: Visit | None = None, **values: object
    ) -> Response:
        status, message = _wrong(error, template, texts(language_of(request))) if error else (200, "")
        given = {"name_given": "", "purpose": ""} | values
        body = self._site.render(request, visit, template, onward=onward, message=message, **given)
        return self._site.answer(request, visit, body, status=status)


def _wrong(error: Exception, template: str, t: Texts) -> tuple[int, str]:
    """At the door itself nobody has to be told to log in first, but what did not fit, or how long to wait."""
    if isinstance(error, LoginLimitError):
        return 429, t("login.wait", minutes=ceil(error.after / 60))
    if isinstance(error, LoginError) and template == "login":
        return 401, t("login.wrong")
    return fault(error, t)


def _check(purpose: str) -> None:
    if not _SHORTEST <= len(purpose) <= _LONGEST:
        raise AskError("why", shortest=_SHORTEST, longest=_LONGEST)


def _own(address: str) -> str:
    """An address of ours to go on with; the first page for any other."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_own else "/"


def _set(response: Response, request: Request, session: str) -> None:
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=is_secure(request))
