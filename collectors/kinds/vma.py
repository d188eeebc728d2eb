"""The kind ``vma``: important public announcements by Sveriges Radio, https://vmaapi.sr.se/api/v3/alerts, in the terms of CAP 1.2.

A cancellation is a message of its own: that a danger is over is no reason to forget it. Exercises and tests are left out unless
option ``tests`` is set, and then say in their title that they are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from collectors.failures import Malformed
from collectors.html_text import absolute, html_to_text, plain
from collectors.items import Bad, Fetched, Item, More, Parsed, Plain, options_of
from collectors.kinds.feed_items import entry_item
from collectors.times import read_time
from pipeline.model import Entry, Source

#: Status → what stands before the title; others are no alarms.
_STATUS = {"Actual": "", "Exercise": "ÖVNING: ", "Test": "TEST: ", "System": "TEST: "}
_MUNICIPALITY, _COUNTY = 4, 2


class VmaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a source of kind ``vma``."""

    #: Whether exercises and tests are collected.
    tests: bool = False


class _Code(Struct, frozen=True, rename="camel"):
    value_name: str
    value: str


class _Area(Struct, frozen=True, rename="camel"):
    area_desc: str = ""
    geocode: tuple[_Code, ...] = ()


class _Info(Struct, frozen=True, rename="camel"):
    language: str = ""
    event: str = ""
    urgency: str = ""
    severity: str = ""
    certainty: str = ""
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    area: tuple[_Area, ...] = ()


class _Alert(Struct, frozen=True, rename="camel"):
    identifier: Annotated[str, Meta(min_length=1)]
    sent: str
    status: str
    msg_type: str
    sender: str = ""
    references: str | None = None
    info: tuple[_Info, ...] | None = None


class _Answer(Struct, frozen=True):
    alerts: tuple[msgspec.Raw, ...]


_answer = msgspec.json.Decoder(_Answer)
_alert = msgspec.json.Decoder(_Alert)


class Vma(Plain):
    """The kind ``vma``."""

    obeys_robots = False  # an interface whose terms allow calling it

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:  # noqa: ARG002
        """The alerts; none is the usual state.

        :raises Malformed: if it is no list of alerts.
        """
        options = options_of(source, VmaOptions)
        try:
            records = _answer.decode(fetched.body).alerts
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Malformed(f"no list of alerts: {error}; found {fetched.body[:40]!r}") from error
        items, bad = [], []
        for record in records:
            try:
                alert = _alert.decode(record)
            except (msgspec.DecodeError, UnicodeError) as error:
                bad.append(Bad(f"no alert as the interface documents it: {error}", bytes(record)))
                continue
            if alert.status == "Actual" or (options.tests and alert.status in _STATUS):
                items.append(_item(alert, source, fetched.url))
        return Parsed(items=tuple(items), bad=tuple(bad))


def _item(alert: _Alert, source: Source, url: str) -> Item:
    info = _in_language(alert.info or (), source.language)
    published = read_time(alert.sent, source.timezone)
    mark = _STATUS[alert.status]
    if info is None:  # a cancellation
        return entry_item(alert.identifier, _over(alert, mark, published))
    areas = [plain(area.area_desc) for area in info.area if area.area_desc]
    where = f"Område: {', '.join(areas)}" if areas else ""
    body = [html_to_text(info.description), html_to_text(info.instruction), where]
    web = absolute(info.web, url) if info.web else None
    return entry_item(
        alert.identifier,
        Entry(
            title=mark + (plain(info.headline or info.event) or "Viktigt meddelande till allmänheten"),
            text="\n".join(part for part in body if part),
            url=web,
            published=published,
            tags=tuple(filter(None, (info.severity, info.urgency, info.certainty))),
            category="VMA" if alert.status == "Actual" else "Övning" if alert.status == "Exercise" else "Test",
            place=_place(info.area),
        ),
    )


def _over(alert: _Alert, mark: str, published: datetime | None) -> Entry:
    referred = [part for part in (alert.references or "").split(",") if part]
    about = f" Gäller meddelande {referred[1]}." if len(referred) > 1 else ""
    return Entry(
        title=f"{mark}Viktigt meddelande till allmänheten: {'faran är över' if alert.msg_type == 'Cancel' else alert.msg_type}",
        text=f"Meddelandet är {'återkallat' if alert.msg_type == 'Cancel' else 'utan innehåll'}.{about}",
        published=published,
        category="VMA" if alert.status == "Actual" else "Test",
    )


def _in_language(infos: tuple[_Info, ...], language: str) -> _Info | None:
    return next((info for info in infos if info.language.lower().startswith(language)), infos[0] if infos else None)


def _place(areas: tuple[_Area, ...]) -> str:
    """The municipality or county, where it is one."""
    codes = [code for area in areas for code in area.geocode]
    municipalities = {code.value for code in codes if code.value_name == "Kommun" and len(code.value) == _MUNICIPALITY}
    counties = {code.value.zfill(_COUNTY)[:_COUNTY] for code in codes if code.value_name in {"Län", "Lan"} and code.value.isdigit()}
    for found in (municipalities, counties):
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""
