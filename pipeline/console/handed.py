"""What is handed out beside pages: a situation picture as a file, and the page that a link in a message leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.access.roles import Action
from pipeline.alerts.live import desk
from pipeline.console.ask import AskError, Form, asked
from pipeline.console.endpoint import subject
from pipeline.console.faults import fault
from pipeline.console.pages.municipality import AreaAsked, situation
from pipeline.console.rows import Show
from pipeline.console.texts import language_of, texts
from pipeline.errors import AccessError, AuditError, TokenError
from pipeline.situation.feeds import atom, geojson
from pipeline.situation.html import page
from pipeline.situation.model import Situation
from pipeline.situation.pdf import pdf
from pipeline.situation.words import Words

if TYPE_CHECKING:
    from pipeline.console.site import Site


class _Kind(Struct, frozen=True):
    """A form of the picture."""

    type: str
    make: Callable[[Situation, Words], bytes]


_KINDS = {
    "pdf": _Kind("application/pdf", pdf),
    "html": _Kind("text/html; charset=utf-8", lambda made, words: page(made, words).encode()),
    "atom": _Kind("application/atom+xml; charset=utf-8", atom),
    "geojson": _Kind("application/geo+json", lambda made, _: geojson(made)),
}


#: Saved, not shown: a page that stands by itself brings its own style, which the console's pages may not.
_SAVED = frozenset({"html", "geojson"})


class Handed:
    """Files and links."""

    def __init__(self, site: Site) -> None:
        self._site, self._room = site, site.room

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/kommun/{area}/lagesbild.{form}", self._site.handler(self._file), methods=["GET"]),
            Route("/kvittera/{token}", self._site.handler(self._link), methods=["GET", "POST"]),
        ]

    def _file(self, request: Request, form: Form) -> Response:  # noqa: ARG002  (as all handlers)
        visit = None
        try:
            visit = self._site.guard.visit(request)
            kind = _KINDS.get(request.path_params["form"])
            if kind is None:
                raise AskError("address", status=404, found=request.url.path)  # noqa: TRY301  (told with the others)
            self._site.guard.allow(visit, Action.READ_SITUATION)
            question = asked(AreaAsked, [("area", request.path_params["area"]), *request.query_params.multi_items()])
            self._site.guard.note(visit, Action.READ_SITUATION, f"{request.path_params['form']} {subject(question)}")
            made = situation(Show(self._room, visit.who, language_of(request)), question)
        except (AskError, AccessError, AuditError) as error:
            return self._site.refused(request, visit, error)
        response = self._site.answer(request, visit, kind.make(made, Words(language_of(request))), kind.type)
        if request.path_params["form"] in _SAVED:
            name = made.area.code.encode("ascii", "replace").decode().replace('"', "_")
            file = f"lagesbild-{name}.{request.path_params['form']}"
            response.headers["content-disposition"] = f'attachment; filename="{file}"'
        return response

    def _link(self, request: Request, form: Form) -> Response:  # noqa: ARG002
        """Whoever has the link may acknowledge, once: it came to them alone. Looking at it does nothing, as programs look at links, too."""
        token, now = request.path_params["token"], self._room.clock.now()
        secrets, done = self._room.settings.secrets, request.method == "POST"
        try:
            if request.headers.get("sec-fetch-site", "same-origin") == "cross-site" and done:
                raise AskError("token", status=403, said="")  # noqa: TRY301
            acknowledge = desk.acknowledge_by_link if done else None
            found = acknowledge(self._room.bus, secrets, token, now) if acknowledge else desk.read_link(secrets, token, now)
        except (TokenError, AskError) as error:
            told = error if isinstance(error, AskError) else AskError("token", status=410, said=str(error))
            status, message = fault(told, texts(language_of(request)))
            body = self._site.render(request, None, "fault", message=message, status=status, of=None, given=[], error=told)
            return self._site.answer(request, None, body, status=status)
        body = self._site.render(request, None, "acknowledge", found=found, done=done)
        return self._site.answer(request, None, body)
