"""The API beside the pages: errors as problem+json (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from starlette.responses import Response

from pipeline.console.ask import AskError
from pipeline.console.faults import fault
from pipeline.console.texts import Texts


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was wrong with a request (RFC 9457)."""

    #: ``about:blank``: the status says what kind it is.
    type: str
    title: str
    status: int
    detail: str
    instance: str
    #: The parameter at fault.
    parameter: str = ""


def problem(error: Exception, path: str, t: Texts) -> Response:
    """The answer to a request that cannot be answered."""
    status, message = fault(error, t)
    found = Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=message, instance=path,
        parameter=error.field if isinstance(error, AskError) else "",
    )  # fmt: skip
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(found), status, headers)
