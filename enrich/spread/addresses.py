"""When two addresses lead to the same page, without asking anybody: redirects that carry their target, and what changes nothing."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

#: A redirect may lead to another one, as a mail filter to a search engine's.
_MAX_HOPS = 4
#: Parameters of addresses that only say who sent the reader, or how the page is laid out.
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|igshid|ref|ref_src|s|si|amp|outputType")
#: Beginnings of a host's name that say how the page is laid out, not which it is.
_LAYOUT = re.compile(r"^(?:www|m|mobile|amp)\.(?=[^.]+\.)")
#: What the path of an address ends in that sends its reader on to the one in its query.
_SENDS_ON = re.compile(r"/(?:url|l\.php|redirect|redir|away\.php|away|out|goto|go|link|click|exit|sharer\.php|sharer|tweet|share)$")
#: Mail filters that send on from the front page.
_FILTERS = (".safelinks.protection.outlook.com",)
#: Pages that were kept by others: their address ends in that of the page.
_KEPT = re.compile(
    r"^https?://(?:web\.archive\.org/web/\d+(?:\w\w_)?/(?P<kept>https?://.+)"
    r"|(?:www\.)?google\.\w+(?:\.\w+)?/amp/(?P<s1>s/)?(?P<google>.+)"
    r"|[\w-]+\.cdn\.ampproject\.org/[cv]/(?P<s2>s/)?(?P<cache>.+))$",
    re.IGNORECASE,
)
_VIDEO = re.compile(r"^/(?:shorts|live|embed)/([\w-]{6,})$")


@lru_cache(maxsize=4096)
def same_page(url: str) -> str:
    """What addresses of one page have in common: host, path and query where they lead; empty for a front page and for no address.

    Redirects are followed that carry their target (in their query, or a copy's in its path); scheme, ``www.``, tracking parameters,
    fragments and the order of parameters do not count. What a shortened address stands for cannot be read from it:
    ``http.shorteners`` of the settings has it looked up when it is collected.
    """
    try:
        parts = urlsplit(_unwrapped(url))
    except ValueError:
        return ""
    host, path = _LAYOUT.sub("", (parts.hostname or "").casefold()), parts.path.rstrip("/").removesuffix("/amp")
    if not host:
        return ""
    query = sorted((key, value) for key, value in parse_qsl(parts.query) if not _TRACKING.fullmatch(key))
    host, path, query = _video(host, path, query)
    return f"{host}{path}" + (f"?{urlencode(query)}" if query else "") if path or query else ""


def _unwrapped(url: str) -> str:
    for _ in range(_MAX_HOPS):
        target = _target(url)
        if not target:
            break
        url = target
    return url


def _target(url: str) -> str:
    """Where a redirect that says so leads to; empty if this is none."""
    kept = _KEPT.match(url)
    if kept:
        scheme = "https://" if kept["s1"] or kept["s2"] else "http://"
        return kept["kept"] or scheme + (kept["google"] or kept["cache"])
    parts = urlsplit(url)
    if not parts.query or not (_SENDS_ON.search(parts.path) or (parts.hostname or "").endswith(_FILTERS)):
        return ""
    return next((value for _, value in parse_qsl(parts.query) if _is_whole(value)), "")


def _is_whole(value: str) -> bool:
    if not value.startswith(("http://", "https://")):
        return False
    return bool(urlsplit(unquote(value)).hostname)


def _video(host: str, path: str, query: list[tuple[str, str]]) -> tuple[str, str, list[tuple[str, str]]]:
    """A video has one address, however it is shown."""
    shown = _VIDEO.match(path)
    if host == "youtu.be" and path:
        return "youtube.com", "/watch", [("v", path[1:])]
    if host == "youtube.com" and shown:
        return host, "/watch", [("v", shown[1])]
    if host == "youtube.com" and path == "/watch":
        return host, path, [pair for pair in query if pair[0] == "v"]
    return host, path, query
