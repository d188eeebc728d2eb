"""A notification in words: what, where, since when, why it fired, how sure, how many independent sources, the evidence."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pipeline.alerts.notify import gsm7
from pipeline.alerts.notify.message import Kind, Named, Notification
from pipeline.alerts.notify.phrases import LANGUAGES, Phrases

_FIGURE = re.compile(r"\{(\w+)\}")
#: Control characters, marks of direction, halves of characters; they would end a mail's header or turn a line around.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_NAME = 80
#: Septets that each of where and what may take of an SMS: with the longest status both stand in it whatever else there is.
_SHARE = 48
_LINKS = 10


def subject(one: Notification) -> str:
    """One line; the same for all messages of an alert as long as its first place and theme are."""
    words = LANGUAGES[one.language]
    return (
        f"{_capital(words.severities[one.severity])}: {what(one)}, {area(one.places[:1], words.nowhere)} ({words.rule} {clean(one.rule)})"
    )


def lines(one: Notification) -> list[str]:
    """The whole message, a line each."""
    words = LANGUAGES[one.language]
    grouped = f", {words.grouped.replace('{0}', str(one.alerts))}" if one.alerts > 1 else ""
    said = [
        f"{words.kinds[one.kind]}, {words.severities[one.severity]}{grouped}",
        "",
        f"{words.what}: {what(one, 5)}",
        f"{words.where}: {', '.join(f'{clean(place.name)} ({clean(place.code)})' for place in one.places) or words.nowhere}",
        f"{words.since}: {_long(one, one.since)} ({words.newest} {_long(one, one.last)})",
        f"{words.why}: {reason(one)} ({words.rule} {clean(one.rule)})",
        f"{words.sure}: {certainty(one) or words.unknown}",
        f"{words.sources}: {one.sources}",
    ]
    if links := safe_links(one):
        said += ["", f"{words.evidence}:", *links]
    if one.acknowledge is not None:
        said += ["", f"{words.acknowledge}:", one.acknowledge]
    return [*said, "", f"{words.alert} {one.alert}, {words.rule} {clean(one.rule)} {clean(one.rule_hash)}"]


def sms(one: Notification) -> str:
    """At most 160 septets of the GSM alphabet. Where and what always stand in it, then as much as there is room for: the link to
    acknowledge by, or else the first evidence; since when; sources; why; how sure.
    """
    words = LANGUAGES[one.language]
    status = words.kinds[one.kind] + (f" {words.severities[one.severity]}" if one.kind in {Kind.TRIGGER, Kind.UPDATE} else "")
    place, matter = (gsm7.cut(gsm7.plain(said), _SHARE) for said in (where(one, 1), what(one)))
    text = f"{status} {place}: {matter}."
    links = [link for link in (one.acknowledge, *safe_links(one)) if link is not None and link == gsm7.plain(link)]
    link = next((" " + link for link in links if gsm7.septets(text + " " + link) <= gsm7.LIMIT), "")
    count = words.grouped.replace("{0}", str(one.alerts)) if one.alerts > 1 else ""
    for part in (count, f"{words.since} {_short(one, one.since)}", _sources(words, one.sources), reason(one), certainty(one)):
        more = f" {gsm7.plain(_capital(part))}." if part else ""
        if gsm7.septets(text + more + link) <= gsm7.LIMIT:
            text += more
    return text + link


def what(one: Notification, most: int = 1) -> str:
    """The themes, else the rule."""
    return ", ".join(clean(theme.name) for theme in one.themes[:most]) or clean(one.rule) or LANGUAGES[one.language].rule


def where(one: Notification, most: int) -> str:
    """The places, the first ``most`` of them by name."""
    words = LANGUAGES[one.language]
    named = area(one.places[:most], words.nowhere)
    return f"{named} {words.more}" if len(one.places) > most else named


def reason(one: Notification) -> str:
    """Why it fired."""
    words = LANGUAGES[one.language]
    full, bare = words.reasons.get(one.why.type, (clean(one.why.type),) * 2)
    if not all(name in one.why.figures for name in _FIGURE.findall(full)):
        return bare
    return _FIGURE.sub(lambda found: _number(one.why.figures[found[1]], words), full)


def certainty(one: Notification) -> str:
    """How sure; empty where nothing is known."""
    words, sure = LANGUAGES[one.language], one.certainty
    parts = [
        "" if sure.score is None else words.score.replace("{0}", _number(round(sure.score, 2), words)),
        "" if sure.q is None else words.q.replace("{0}", _number(round(100 * sure.q, 1), words)),
        "" if sure.grade is None else words.grades.get(sure.grade, clean(sure.grade)),
    ]
    return "; ".join(part for part in parts if part)


def clean(name: str) -> str:
    """A name on one line, without what controls a terminal or a mail."""
    found = " ".join(_UNPRINTABLE.sub(" ", name).split())
    return found if len(found) <= _NAME else found[: _NAME - 1] + "…"


def safe_links(one: Notification) -> list[str]:
    """The first ten links that are of the web, with nobody's name and password in them."""
    return [link for link in one.links if _is_safe(link)][:_LINKS]


def area(places: tuple[Named, ...], unknown: str) -> str:
    """The places by name."""
    return ", ".join(clean(place.name) for place in places) or unknown


def _is_safe(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and link == "".join(clean_url(link).split())
    )


def clean_url(link: str) -> str:
    """The link without what does not belong into one."""
    return _UNPRINTABLE.sub("", link)


def _sources(words: Phrases, number: int) -> str:
    return words.source[0] if number == 1 else words.source[1].replace("{0}", str(number))


def _number(value: float, words: Phrases) -> str:
    return f"{round(float(value), 2):.15g}".replace(".", words.decimal)


def _long(one: Notification, at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(one.timezone)):%Y-%m-%d %H:%M}"


def _short(one: Notification, at: datetime) -> str:
    local = at.astimezone(ZoneInfo(one.timezone))
    return f"{local.day}/{local.month} {local:%H:%M}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
