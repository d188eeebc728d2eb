"""Redirects, hop by hop (RFC 9110, 15.4): each host on the way is asked as politely as the first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urljoin

from msgspec import Struct

from collectors.engine import Answer, refuse_url
from collectors.failures import Blocked, Unreachable

#: As many as RFC 9309, 2.3.1.2 asks of those who read a robots.txt.
MAX_HOPS = 5
_PERMANENT = frozenset({301, 308})
_REDIRECTS = _PERMANENT | {302, 303, 307}


class End(Struct, frozen=True):
    """Where redirects ended."""

    answer: Answer
    #: Where the source has moved for good: the target of the leading 301s and 308s, if what they led to was there.
    moved: str | None


async def follow(url: str, ask: Callable[[str], Awaitable[Answer]]) -> End:
    """What the last of at most five hops answers, of whatever status.

    :param ask: makes one call, with all the politeness that it takes; its failures are passed on.
    :raises Blocked: if a hop leads to what is no address that may be called.
    :raises Unreachable: if there is no end to it.
    """
    moved, permanent = None, True
    for hop in range(MAX_HOPS + 1):
        answer = await ask(url)
        if hop and permanent:
            moved = answer.url
        following = target_of(answer)
        if following is None:
            return End(answer, moved if answer.status < 300 or answer.status == 304 else None)
        url, permanent = following, permanent and answer.status in _PERMANENT
    raise Unreachable(f"more than {MAX_HOPS} redirects")


def target_of(answer: Answer) -> str | None:
    """The next hop, None if the answer is no redirect.

    :raises Blocked: if it leads to what is no address that may be called.
    """
    location = answer.headers.get("location", "")
    if answer.status not in _REDIRECTS or not location:
        return None
    try:
        target = urljoin(answer.url, location.encode("latin-1").decode("utf-8", "replace"))  # some servers write UTF-8
    except ValueError as error:
        raise Blocked(f"a redirect to {location!r}, which is not an address: {error}") from error
    refuse_url(target)
    return target
