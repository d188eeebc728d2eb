"""What a document tells spread: where something happened, of which theme, and what it shares with others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from enrich.spread.addresses import same_page
from enrich.spread.model import Sighting
from pipeline.model import Document, Incident, Place, PlaceKind, PlaceRole, Theme, fingerprint

#: Kinds of links, as the item begins that makes them; ``repost`` and ``mention`` are made of other things.
URL, STORY, TAG, CHANNEL, NAME, TEXT, REPOST, MENTION = "url", "story", "hashtag", "channel", "name", "text", "repost", "mention"
#: What is believed of each kind before anything is learned: the share of followers that have one, and its share of links by chance.
BELIEVED = {
    URL: (0.3, 0.08),
    REPOST: (0.2, 0.04),
    MENTION: (0.3, 0.1),
    STORY: (0.15, 0.45),
    TAG: (0.1, 0.2),
    CHANNEL: (0.03, 0.05),
    NAME: (0.05, 0.04),
    TEXT: (0.02, 0.04),
}
#: Themes in which nothing happened: what the police announce, plan and sum up.
NOT_EVENTS = frozenset({"notice.information", "traffic.control", "summary"})
#: A theme counts from this score on; a more special one of the same family instead of the best one from this share of its score on.
_SURE, _SPECIAL = 0.5, 0.6
#: A document that names so many municipalities is a round-up, and no occurrence of its own.
ROUND_UP = 4
_HASHTAG, _CHANNEL = re.compile(r"(?<!\w)#(\w{3,})"), re.compile(r"(?<![\w.])@(\w{3,}(?:\.\w+)*)")
#: Two to five words in quotation marks: what a group or a campaign calls itself, a message that was left.
_NAME = re.compile(r"[\"”“»'’](\w[\w-]*(?: [\w-]+){1,4})[\"”“»'’]")
#: What stands before a place that something is compared with.
_COMPARED = re.compile(
    r"(?:\bsom|\blikt|\bliknar\b.{0,30}|\bliknande\b.{0,20}|\befter\b.{0,30}|\bhälsningar|\binspirer\w+\b.{0,20}|\bjämförs\b.{0,30}"
    r"|\b(?:bränderna|branden|den|det|dem)|\blike|\bafter\b.{0,30})\s+(?:i|på|från|in|from)\s+$",
    re.IGNORECASE,
)


def sightings(document: Document) -> list[Sighting]:
    """What the document tells, one each for the incidents of a summary; none of a round-up and of what has no theme."""
    if document.incidents:
        told = (_incident(document, incident, part) for part, incident in enumerate(document.incidents, 1))
        return [sighting for sighting in told if sighting]
    named = _municipalities(document.places)
    theme = _theme(document.themes)
    items = tuple(dict.fromkeys(_items(document)))
    own = address(document.url) if document.url else ""
    if is_round_up(document.places) or not (theme or items):
        return []
    place = _happened(document)
    if place and not theme:
        return []
    return [
        Sighting(
            document=document.id,
            time=document.published,
            source=document.provenance.source,
            place=place,
            theme=theme,
            themes=_sure(document.themes),
            items=items,
            own=own,
            words=fingerprint(" ".join(document.text.casefold().split()))[:16],
            mentions=tuple(code for code in named if code != place),
            named=len(named),
            copy_of=document.copy_of,
        )
    ]


def _incident(document: Document, incident: Incident, part: int) -> Sighting | None:
    """One of many: it shares nothing, since what the document shares is of all of them."""
    place, theme = next((_code(place) for place in incident.places if place.role is PlaceRole.HAPPENED), None), _theme(incident.themes)
    if not place or not theme:
        return None
    return Sighting(
        document=document.id,
        part=part,
        time=document.published,
        source=document.provenance.source,
        place=place,
        theme=theme,
        themes=_sure(incident.themes),
        retold=True,
    )


def _happened(document: Document) -> str | None:
    """Where it happened: the surest municipality that it is not compared with; else the surest one, or the county."""
    found = [place for place in document.places if place.role is PlaceRole.HAPPENED and _code(place)]
    local = [place for place in found if place.municipality] or found
    return next((_code(place) for place in local if not _is_compared(document, place)), _code(local[0]) if local else None)


def _is_compared(document: Document, place: Place) -> bool:
    if place.field not in {"title", "text"}:
        return False
    text = document.title if place.field == "title" else document.text
    return bool(_COMPARED.search(text[max(0, place.start - 60) : place.start]))


def _code(place: Place) -> str | None:
    return None if place.kind is PlaceKind.ABROAD else place.municipality or place.county


def is_round_up(places: Iterable[Place]) -> bool:
    """Whether a document with these places names too many municipalities to tell of one occurrence."""
    return len(_municipalities(places)) >= ROUND_UP


def _municipalities(places: Iterable[Place]) -> list[str]:
    return list(dict.fromkeys(place.municipality for place in places if place.municipality))


def _sure(themes: Iterable[Theme]) -> tuple[str, ...]:
    return tuple(theme.id for theme in themes if theme.score >= _SURE and theme.id not in NOT_EVENTS)


def _theme(themes: Sequence[Theme]) -> str:
    """The best theme, or the best special one of its family; empty if something that is no event, or nothing, is surest."""
    if not themes or themes[0].id in NOT_EVENTS or themes[0].score < _SURE:
        return ""
    best = themes[0]
    family = best.id.partition(".")[0]
    special = (
        t for t in themes if t.id.partition(".")[0] == family != t.id.partition(".")[2] and t.score >= max(_SURE, _SPECIAL * best.score)
    )
    return next(special, best).id


def _items(document: Document) -> Iterable[str]:
    """What it may share with others. Words as they stand in the text; the categories of a feed say nothing."""
    text = f"{document.title}\n{document.text}"
    yield from (item for link in (*((document.url,) if document.url else ()), *document.links) if (item := address(link)))
    if document.story:
        yield f"{STORY}:{document.story}"
    for kind, pattern in ((TAG, _HASHTAG), (CHANNEL, _CHANNEL), (NAME, _NAME)):
        yield from (_item(kind, found[1].casefold()) for found in pattern.finditer(text))


def address(url: str) -> str:
    """The item of the page that an address leads to; empty for a front page."""
    page = same_page(url)
    return _item(URL, page) if page else ""


def _item(kind: str, value: str) -> str:
    return f"{kind}:{fingerprint(value)[:16]}"
