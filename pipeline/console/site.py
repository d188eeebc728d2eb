"""The console as a web application: every request is let in or not, answered, and given the headers that keep it safe."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from pipeline.access.roles import Action, Principal
from pipeline.console import html, land
from pipeline.console.api import documents, openapi, problem
from pipeline.console.ask import AskError, Form, asked, form_of
from pipeline.console.deeds import DEEDS, Deed
from pipeline.console.door import Door
from pipeline.console.endpoint import ENDPOINTS, Endpoint, subject
from pipeline.console.faults import fault_of_page
from pipeline.console.guard import COOKIE, Guard, Visit, is_secure
from pipeline.console.handed import Handed
from pipeline.console.live import Pulse
from pipeline.console.pages.search import SearchAsked
from pipeline.console.room import Room
from pipeline.console.rows import Show
from pipeline.console.safe import YEAR, Kept, Safe
from pipeline.console.shared import Shared
from pipeline.console.texts import LANGUAGES, language_of, texts
from pipeline.errors import AccessError, FjarilError, LoginError

log = structlog.get_logger()
API = "/api/v1"
EXPORT = "/documents.ndjson"
Handler = Callable[[Request], Any]
#: Seconds for which what many look at stays the same, unless there is news.
_SAME = 10


class Site:
    """The application over one room."""

    def __init__(self, room: Room) -> None:
        self.handler = handler
        self.room, self.pulse = room, Pulse(room)
        self.guard = Guard(room.access, room.clock, room.settings.console.rate)
        self._templates = html.environment()
        self._shared = Shared()

    def app(self) -> ASGIApp:
        """What a server runs."""
        routes: list[Any] = [Mount("/static", Kept(directory=html.STATIC))]
        routes += [Route("/karta.svg", self._map), Route("/live", self._live), Route("/halsa", self._health)]
        routes += [Route(API + "/openapi.json", self._description), Route(API + EXPORT, self._export, name="export")]
        routes += [*Door(self).routes(), *Handed(self).routes()]
        for deed in DEEDS:
            routes.append(Route(deed.page, self._deed(deed), methods=["POST"]))
            routes.append(Route(API + deed.api, self._deed_api(deed), methods=["POST"]))
        for endpoint in ENDPOINTS:
            routes.append(Route(endpoint.page, self._page(endpoint), methods=[endpoint.method]))
            routes.append(Route(API + endpoint.api, self._api(endpoint), methods=[endpoint.method]))
        return Safe(Starlette(routes=routes, exception_handlers={HTTPException: self._not_found, Exception: self._broken}))

    # --- pages and their JSON ----------------------------------------------------------------------------------------

    def _page(self, endpoint: Endpoint) -> Handler:
        def answer(request: Request, form: Form) -> Response:
            try:
                visit = self.guard.visit(request)
            except AccessError as error:
                return self.refused(request, None, error)
            if not visit.purpose:
                return to_purpose(request)
            try:
                if endpoint.method == "POST":
                    self.guard.check_form(visit, request, dict(form).get("csrf", ""))
                question, shown = self._made(endpoint, visit, request, form)
            except (AskError, FjarilError) as error:
                return self.refused(request, visit, error, endpoint, form)
            return self.answer(request, visit, self.render(request, visit, endpoint.name, shown=shown, asked=question))

        return handler(answer)

    def _api(self, endpoint: Endpoint) -> Handler:
        def answer(request: Request, form: Form) -> Response:
            visit = self._api_visit(request)
            _, shown = self._made(endpoint, visit, request, form)
            return self.answer(request, visit, msgspec.json.encode(shown), "application/json")

        return handler(_told(answer))

    def _made(self, endpoint: Endpoint, visit: Visit, request: Request, form: Form) -> tuple[msgspec.Struct, msgspec.Struct]:
        """What was asked, and what is shown; noted before it is made."""
        self.guard.allow(visit, endpoint.action)
        given = [*request.path_params.items(), *(form if endpoint.method == "POST" else request.query_params.multi_items())]
        question = asked(endpoint.asked, given)
        self.guard.note(visit, endpoint.action, f"{endpoint.name} {subject(question)}".strip(), again=not endpoint.each)
        return question, self._shown(endpoint, visit.who, language_of(request), question)

    def _shown(self, endpoint: Endpoint, who: Principal, language: str, question: msgspec.Struct) -> msgspec.Struct:
        show = Show(self.room, who, language)
        if not endpoint.shared:
            return endpoint.make(show, question)
        areas = who.areas if who.is_bounded else None
        moment = int(self.room.clock.now().timestamp() // _SAME)
        key = (endpoint.name, msgspec.json.encode(question), areas, language, self.pulse.version, moment)
        return self._shared.get(key, lambda: endpoint.make(show, question))

    def _api_visit(self, request: Request) -> Visit:
        visit = self.guard.visit(request)
        if not visit.purpose:
            raise AskError("purpose", status=403)
        return visit

    # --- what people do ----------------------------------------------------------------------------------------------

    def _deed(self, deed: Deed) -> Handler:
        def answer(request: Request, form: Form) -> Response:
            try:
                visit = self.guard.visit(request)
            except AccessError as error:
                return self.refused(request, None, error)
            try:
                self.guard.check_form(visit, request, dict(form).get("csrf", ""))
                return RedirectResponse(self._done(deed, visit, request, form), 303)
            except (AskError, FjarilError) as error:
                return self.refused(request, visit, error, deed, form)

        return handler(answer)

    def _deed_api(self, deed: Deed) -> Handler:
        def answer(request: Request, form: Form) -> Response:
            visit = self._api_visit(request)
            if visit.key:
                self.guard.check_form(visit, request, request.headers.get("x-csrf-token", ""))
            page = self._done(deed, visit, request, form)
            return Response(msgspec.json.encode({"page": page}), 202, {"content-type": "application/json", "cache-control": "no-store"})

        return handler(_told(answer))

    def _done(self, deed: Deed, visit: Visit, request: Request, form: Form) -> str:
        self.guard.allow(visit, deed.action)
        question = asked(deed.asked, [*request.path_params.items(), *form])
        first = deed.asked.__struct_fields__[0]
        self.guard.note(visit, deed.action, f"{deed.name} {first}={getattr(question, first)}")
        return deed.do(self.room, visit.who, question)

    # --- beside the pages --------------------------------------------------------------------------------------------

    def _export(self, request: Request) -> Response:
        def answer(request: Request, form: Form) -> Response:  # noqa: ARG001  (as all handlers)
            visit = self._api_visit(request)
            self.guard.allow(visit, Action.EXPORT)
            given = request.query_params.multi_items()
            purpose = dict(given).get("purpose", "").strip()
            if not purpose:
                raise AskError("export", field="purpose")
            question = asked(SearchAsked, [(name, value) for name, value in given if name != "purpose"])
            lines = documents(Show(self.room, visit.who, language_of(request)), question)
            self.guard.note(visit, Action.EXPORT, f"documents {subject(question)}".strip(), purpose=purpose)
            headers = {"content-type": "application/x-ndjson", "content-disposition": 'attachment; filename="documents.ndjson"'}
            return StreamingResponse(lines, headers=headers | {"cache-control": "no-store"})

        return _told(answer)(request, ())

    def _description(self, request: Request) -> Response:
        return self.answer(request, None, openapi(API, ENDPOINTS, DEEDS), "application/json")

    def _map(self, request: Request) -> Response:  # noqa: ARG002  (a route takes one)
        body = land.picture(self.room.settings.cache).read_bytes()
        return Response(body, headers={"content-type": "image/svg+xml", "cache-control": f"public, max-age={YEAR}"})

    async def _live(self, request: Request) -> Response:
        try:
            visit = await run_in_threadpool(self.guard.visit, request)
            self.guard.allow(visit, Action.READ_OVERVIEW)
        except FjarilError as error:
            return problem(error, "/live", texts(language_of(request)))
        return StreamingResponse(self.pulse.changes(), headers={"content-type": "text/event-stream", "cache-control": "no-store"})

    def _health(self, request: Request) -> Response:  # noqa: ARG002
        return Response(b"ok\n", headers={"content-type": "text/plain", "cache-control": "no-store"})

    # --- answers -----------------------------------------------------------------------------------------------------

    def render(self, request: Request, visit: Visit | None, template: str, **values: object) -> bytes:
        """A page in the reader's language."""
        menu = [endpoint for endpoint in ENDPOINTS if endpoint.menu and visit and visit.who.may(endpoint.action)]
        page = self._templates.get_template(f"{template}.html").render(
            t=texts(language_of(request)), address=html.Address(request.url.path, request.url.query), visit=visit, menu=menu, name=template,
            wall=request.query_params.get("vagg") == "1", languages=LANGUAGES, room=self.room, Action=Action, **values,
        )  # fmt: skip
        return page.encode()

    def refused(
        self, request: Request, visit: Visit | None, error: Exception, of: Endpoint | Deed | None = None, form: Form = ()
    ) -> Response:
        """A page that says what is wrong, with what was typed still there."""
        if isinstance(error, LoginError):
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "") if request.method == "GET" else "/"
            return RedirectResponse(f"/login?{urlencode({'next': back})}", 303)
        status, message = fault_of_page(error, texts(language_of(request)))
        if status >= 500:
            log.error("console", path=request.url.path, error=str(error))
        given = [one for one in (*request.query_params.multi_items(), *form) if one[0] != "csrf"]
        body = self.render(request, visit, "fault", message=message, status=status, of=of, given=given, error=error)
        return self.answer(request, visit, body, status=status)

    def answer(
        self, request: Request, visit: Visit | None, body: bytes, kind: str = "text/html; charset=utf-8", status: int = 200
    ) -> Response:
        """The answer, or that what the browser has is still right."""
        tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "Cookie, Authorization"}
        if status == 200 and tag in request.headers.get("if-none-match", ""):
            response = Response(status_code=304, headers=headers)
        else:
            response = Response(body, status, headers | {"content-type": kind})
        if visit and visit.fresh:
            response.set_cookie(COOKIE, visit.key, httponly=True, samesite="strict", secure=is_secure(request))
        if (language := request.query_params.get("lang")) in LANGUAGES:
            response.set_cookie("lang", language, max_age=YEAR, samesite="lax")
        return response

    async def _not_found(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        said = AskError("address" if status == 404 else "method", status=status, found=request.url.path)
        if request.url.path.startswith("/api/"):
            return problem(said, request.url.path, texts(language_of(request)), getattr(error, "headers", None))
        return await run_in_threadpool(self._lost, request, said)

    async def _broken(self, request: Request, error: Exception) -> Response:
        """A fault of ours: the server writes it to its log, the reader is told that there was one."""
        told = AskError("broken", status=500, kind=type(error).__name__)
        if request.url.path.startswith("/api/"):
            return problem(told, request.url.path, texts(language_of(request)))
        return await run_in_threadpool(self._lost, request, told)

    def _lost(self, request: Request, error: AskError) -> Response:
        try:
            visit: Visit | None = self.guard.visit(request)
        except AccessError:
            visit = None
        return self.refused(request, visit, error)


def to_purpose(request: Request) -> Response:
    """Asks first why they look."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/syfte?{urlencode({'next': back})}", 303)


def handler(answer: Callable[[Request, Form], Response]) -> Handler:
    """Reads the form, if one is sent, and answers in a thread."""

    async def run(request: Request) -> Response:
        try:
            form = await form_of(request) if request.method == "POST" else ()
        except AskError as error:
            return problem(error, request.url.path, texts(language_of(request)))
        return await run_in_threadpool(answer, request, form)

    return run


def _told(answer: Callable[[Request, Form], Response]) -> Callable[[Request, Form], Response]:
    """Says what is wrong as programs read it."""

    def run(request: Request, form: Form) -> Response:
        try:
            return answer(request, form)
        except (AskError, FjarilError) as error:
            return problem(error, request.url.path, texts(language_of(request)))

    return run
