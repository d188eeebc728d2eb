"""Cursors of pages: what a page says of where the next one begins, as text that belongs to one question."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec
from msgspec import Struct

from pipeline.errors import QueryError
from pipeline.model import fingerprint
from pipeline.ports import Search

#: Most hits of a page.
MAX_SIZE = 1_000
OTHER_QUESTION = "after: found that of another question; text, filters and order must stay the same from page to page"
C = TypeVar("C", bound=Struct)


def check_size(search: Search) -> None:
    """Refuse a page that is too large, or none.

    :raises QueryError: saying what is allowed.
    """
    if not 1 <= search.size <= MAX_SIZE:
        raise QueryError(f"size: found {search.size}; a page has 1 to {MAX_SIZE} hits")


def question(search: Search) -> str:
    """Changes with everything that decides which documents are found, in which order."""
    asked = msgspec.structs.replace(search, size=0, after=None, facets=())
    return fingerprint(msgspec.json.encode(asked).decode())[:12]


def write(cursor: Struct) -> str:
    """The cursor as text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read(text: str, kind: type[C]) -> C:
    """The cursor that the text holds.

    :raises QueryError: if it holds none.
    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (binascii.Error, ValueError) as error:
        raise QueryError(f"after: found {text[:80]!r}; give what the page before has as its after") from error
