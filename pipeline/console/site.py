"""The console as a web application: every request is let in or not, answered, and given the headers that keep it safe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.access.roles import Action
from pipeline.console import html, land
from pipeline.console.api import problem
from pipeline.console.ask import AskError, asked
from pipeline.console.endpoint import ENDPOINTS, Endpoint, subject
from pipeline.console.faults import fault
from pipeline.console.guard import COOKIE, Guard, TooManyError, Visit
from pipeline.console.live import Pulse
from pipeline.console.room import Room
from pipeline.console.rows import Show
from pipeline.console.texts import LANGUAGES, texts
from pipeline.errors import AccessError, AuditError, FjarilError, LoginError, QueryError

log = structlog.get_logger()
API = "/api/v1"
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
#: A form that people fill in.
_MOST_BODY = 200_000
_YEAR = 31_536_000


class Site:
    """The application over one room."""

    def __init__(self, room: Room) -> None:
        self.room, self.pulse = room, Pulse(room)
        self.guard = Guard(room.access, room.clock)
        self._templates = html.environment()

    def app(self) -> ASGIApp:
        """What a server runs."""
        routes: list[Any] = [Mount("/static", _Kept(directory=html.STATIC))]
        routes += [Route("/karta.svg", self._map), Route("/live", self._live), Route("/halsa", self._health)]
        for endpoint in ENDPOINTS:
            routes.append(Route(endpoint.page, self._page(endpoint), name=endpoint.name))
            routes.append(Route(API + endpoint.api, self._api(endpoint), name=f"api-{endpoint.name}"))
        application = Starlette(routes=routes, exception_handlers={HTTPException: self._not_found})
        return _Safe(application)

    # --- pages and their JSON ----------------------------------------------------------------------------------------

    def _page(self, endpoint: Endpoint) -> Callable[[Request], Any]:
        def answer(request: Request) -> Response:
            language = language_of(request)
            try:
                visit = self.guard.visit(request)
            except (LoginError, TooManyError) as error:
                return self._refused(request, None, error)
            try:
                self.guard.allow(visit, endpoint.action)
                question = _asked(endpoint, request)
                self._note(endpoint, visit, question)
                shown = endpoint.make(Show(self.room, visit.who, language), question)
            except (AskError, QueryError, AccessError, AuditError) as error:
                return self._refused(request, visit, error, endpoint)
            body = self.render(request, visit, endpoint.name, shown=shown, asked=question)
            return self._answer(request, visit, body, "text/html; charset=utf-8")

        return _in_thread(answer)

    def _api(self, endpoint: Endpoint) -> Callable[[Request], Any]:
        def answer(request: Request) -> Response:
            try:
                visit = self.guard.visit(request)
                self.guard.allow(visit, endpoint.action)
                question = _asked(endpoint, request)
                self._note(endpoint, visit, question)
                shown = endpoint.make(Show(self.room, visit.who, language_of(request)), question)
            except (AskError, FjarilError) as error:
                return problem(error, request.url.path, texts(language_of(request)))
            return self._answer(request, visit, msgspec.json.encode(shown), "application/json")

        return _in_thread(answer)

    def _note(self, endpoint: Endpoint, visit: Visit, question: msgspec.Struct) -> None:
        again = endpoint.action in {Action.READ_OVERVIEW, Action.READ_SOURCES, Action.READ_ALERTS}
        self.guard.note(visit, endpoint.action, subject(question), again=again)

    def render(self, request: Request, visit: Visit | None, template: str, **values: object) -> bytes:
        """A page in the reader's language."""
        t = texts(language_of(request))
        menu = [endpoint for endpoint in ENDPOINTS if endpoint.menu and (visit is None or visit.who.may(endpoint.action))]
        page = self._templates.get_template(f"{template}.html").render(
            t=t, address=html.Address(request.url.path, request.url.query), visit=visit, menu=menu if visit else [], name=template,
            wall=request.query_params.get("vagg") == "1", languages=LANGUAGES, room=self.room, now=self.room.clock.now(), **values,
        )  # fmt: skip
        return page.encode()

    def _refused(self, request: Request, visit: Visit | None, error: Exception, endpoint: Endpoint | None = None) -> Response:
        """A page that says what is wrong, with what was typed still there."""
        if isinstance(error, LoginError):
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?{urlencode({'next': back})}", 303)
        t = texts(language_of(request))
        status, message = fault(error, t)
        body = self.render(
            request, visit, "fault", message=message, status=status, endpoint=endpoint, given=dict(request.query_params.multi_items())
        )
        return self._answer(request, visit, body, "text/html; charset=utf-8", status)

    def _answer(self, request: Request, visit: Visit | None, body: bytes, kind: str, status: int = 200) -> Response:
        tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "Cookie, Authorization, Accept-Language"}
        if status == 200 and tag in request.headers.get("if-none-match", ""):
            response = Response(status_code=304, headers=headers)
        else:
            response = Response(body, status, headers | {"content-type": kind})
        if visit and visit.fresh:
            response.set_cookie(COOKIE, visit.key, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        if (language := request.query_params.get("lang")) in LANGUAGES:
            response.set_cookie("lang", language, max_age=_YEAR, samesite="lax")
        return response

    # --- beside the pages --------------------------------------------------------------------------------------------

    def _map(self, request: Request) -> Response:  # noqa: ARG002  (a route takes one)
        body = land.picture(self.room.settings.cache).read_bytes()
        return Response(body, headers={"content-type": "image/svg+xml", "cache-control": f"public, max-age={_YEAR}, immutable"})

    async def _live(self, request: Request) -> Response:
        try:
            visit = await run_in_threadpool(self.guard.visit, request)
            self.guard.allow(visit, Action.READ_OVERVIEW)
        except FjarilError as error:
            return problem(error, "/live", texts(language_of(request)))
        return StreamingResponse(self.pulse.changes(), headers={"content-type": "text/event-stream", "cache-control": "no-store"})

    def _health(self, request: Request) -> Response:  # noqa: ARG002
        return Response(b"ok\n", headers={"content-type": "text/plain", "cache-control": "no-store"})

    async def _not_found(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith("/api/"):
            return problem(
                AskError("address" if status == 404 else "method", status=status, found=request.url.path),
                request.url.path,
                texts(language_of(request)),
            )
        return await run_in_threadpool(self._lost, request, status)

    def _lost(self, request: Request, status: int) -> Response:
        try:
            visit: Visit | None = self.guard.visit(request)
        except AccessError:
            visit = None
        return self._refused(request, visit, AskError("address" if status == 404 else "method", status=status, found=request.url.path))


def language_of(request: Request) -> str:
    """The reader's language: as the address says, else as they chose before, else Swedish."""
    for wanted in (request.query_params.get("lang"), request.cookies.get("lang")):
        if wanted in LANGUAGES:
            return str(wanted)
    return LANGUAGES[0]


def _asked(endpoint: Endpoint, request: Request) -> msgspec.Struct:
    return asked(endpoint.asked, [*request.path_params.items(), *request.query_params.multi_items()])


def _in_thread(answer: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def run(request: Request) -> Response:
        return await run_in_threadpool(answer, request)

    return run


class _Kept(StaticFiles):
    """Static files whose address changes with their content."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = f"public, max-age={_YEAR}, immutable"
        return response


class _Safe:
    """Gives every answer the headers that keep a browser from doing what no page of ours asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, safely)


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form.

    :raises AskError: if it is larger than any that people fill in.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY:
            raise AskError("large", status=413, most=_MOST_BODY)
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            read = json.loads(body)
        except ValueError as error:
            raise AskError("json", found=str(error)) from error
        return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
