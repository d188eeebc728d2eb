"""What a login provider answers: JSON, bounded in time and size, never redirected, over TLS unless the provider is on this machine."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from pipeline.errors import AccessError

_TIMEOUT, _MOST = 10.0, 512 * 1024


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None: a provider answers itself."""


class Fetch:
    """Asks one provider.

    :param ca: file with the certificates that the provider's is signed by; without it the system's.
    """

    def __init__(self, ca: Path | None = None) -> None:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        self._opener: OpenerDirector = build_opener(_NoRedirect, HTTPSHandler(context=context), ProxyHandler())

    def get(self, url: str) -> dict[str, Any]:
        """The object at an address.

        :raises AccessError: if there is none, naming the address and what was answered.
        """
        return self._object(Request(_checked(url), headers={"Accept": "application/json"}))  # noqa: S310  (checked)

    def post(self, url: str, form: Mapping[str, str], client: tuple[str, str]) -> dict[str, Any]:
        """The object that a form is answered with.

        :param client: name and secret of ours (RFC 6749, 2.3.1).
        :raises AccessError: as :meth:`get`.
        """
        basic = base64.b64encode(":".join(quote(part, safe="") for part in client).encode()).decode()
        headers = {"Accept": "application/json", "Authorization": f"Basic {basic}"}
        return self._object(Request(_checked(url), data=urlencode(form).encode(), headers=headers))  # noqa: S310  (checked)

    def _object(self, request: Request) -> dict[str, Any]:
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                data = answer.read(_MOST + 1)
            found = json.loads(data) if len(data) <= _MOST else None
        except HTTPError as error:
            raise AccessError(f"{request.full_url}: the login provider answered {error.code}; try again, or ask who runs it") from error
        except (OSError, HTTPException, ValueError) as error:
            raise AccessError(f"{request.full_url}: the login provider does not answer as it should: {error}; ask who runs it") from error
        if not isinstance(found, dict):
            raise AccessError(f"{request.full_url}: expected a JSON object of at most {_MOST} bytes; ask who runs the login provider")
        return found


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or "")):
        return url
    raise AccessError(f"{url}: a login provider is asked over https, or on this machine")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
