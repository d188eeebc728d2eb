"""The door of an organisation's own login provider: off to it, and back."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pipeline.access.oidc import Provider
from pipeline.access.roles import Action
from pipeline.console.ask import Form
from pipeline.console.guard import COOKIE, is_secure
from pipeline.errors import FjarilError

if TYPE_CHECKING:
    from pipeline.console.site import Site

_START, _BACK = "/login/oidc", "/login/oidc/svar"
#: Holds what ties the login to the browser. Lax, since the provider's page is another site's.
_COOKIE, _SECONDS = "fjaril-login", 600


class ProviderDoor:
    """Addresses of the login; none where the settings name no provider."""

    def __init__(self, site: Site, again: Callable[[Request, Exception], Response]) -> None:
        """:param again: the page to log in at, saying what is wrong."""
        self._site, self._room, self._again = site, site.room, again
        self._provider = Provider(site.room.settings.access.oidc)

    def routes(self) -> list[Route]:
        """Their addresses."""
        if not self._room.settings.access.oidc.issuer:
            return []
        return [
            Route(_START, self._site.handler(self._leave), methods=["GET"]),
            Route(_BACK, self._site.handler(self._return), methods=["GET"]),
        ]

    def _leave(self, request: Request, form: Form) -> Response:  # noqa: ARG002  (as all handlers)
        home = self._room.settings.alerts.link.rstrip("/") or str(request.base_url).rstrip("/")
        try:
            begun = self._provider.begin(home + _BACK, self._room.clock.now())
        except FjarilError as error:
            return self._again(request, error)
        response = RedirectResponse(begun.url, 303)
        response.set_cookie(_COOKIE, begun.state, max_age=_SECONDS, path=_START, httponly=True, samesite="lax", secure=is_secure(request))
        return response

    def _return(self, request: Request, form: Form) -> Response:  # noqa: ARG002  (as all handlers)
        now, access = self._room.clock.now(), self._room.access
        try:
            who = self._provider.finish(dict(request.query_params), request.cookies.get(_COOKIE, ""), now)
            access.audit.append(who, "", Action.LOG_IN, "oidc", now)
            access.accounts.admit(who, now)
        except FjarilError as error:
            return self._again(request, error)
        # no redirect: a browser that comes from another site keeps the session's cookie (SameSite=Strict) from where it is sent on to
        page = f'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Fjäril</title><a href="/">{escape(who.name)}</a>'
        response = HTMLResponse(page, headers={"cache-control": "no-store"})
        response.set_cookie(COOKIE, access.sessions.begin(who, now), httponly=True, samesite="strict", secure=is_secure(request))
        response.delete_cookie(_COOKIE, path=_START)
        return response
