"""The texts that are measured with: real police notices, as the API and as feeds would serve them."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from enrich.gazetteer import Gazetteer
from pipeline.model import Document, Place, PlaceRole, Provenance, Reliability
from pipeline.recording import Answer

DATA = Path(os.environ.get("FJARIL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
#: Entries of one answer.
PAGE = 500
#: Before the first of the notices.
START = datetime(2023, 3, 1, tzinfo=UTC)
#: What the notices lie later each time they come again: whole weeks, more than they span.
_AGAIN = timedelta(weeks=120)


def notices(count: int) -> list[dict]:
    """Police notices with summary and body as one text; those of the file again later, under other ids, when there are too few."""
    file = DATA / "polisen" / "events.jsonl.gz"
    if not file.is_file():
        sys.exit(f"{file}: the real data is needed to measure with; name its folder with FJARIL_DATA")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        events = [event for line in lines if (event := json.loads(line)).get("body")]
    rounds = itertools.islice(((n, event) for n in itertools.count() for event in events), count)
    return [
        event
        | {
            "id": n * 10_000_000 + event["id"],
            "text": f"{event['summary']} {event['body']}",
            "published": datetime.fromisoformat(event["published"]) + n * _AGAIN,
        }
        for n, event in rounds
    ]


def document(event: dict, gazetteer: Gazetteer) -> Document:
    """The notice as the index has it: with the place and the category that the police state."""
    name, when = event["location_name"], event["published"]
    place = gazetteer.municipality_by_name(name) or gazetteer.county_by_name(name)
    stated = [Place(code=place.code, name=place.name, kind=place.kind, role=PlaceRole.HAPPENED, score=1.0, field="source")] if place else []
    return Document(
        id=str(event["id"]),
        revision=1,
        content_hash="",
        title=event["name"],
        text=event["text"],
        published=when,
        fetched=when,
        places=tuple(stated),
        category=event["type"].strip(),
        provenance=Provenance(source="polisen", native_id="", fetched_url="", status=200, reliability=Reliability.A, area="SE"),
    )


def tokenizer_texts(events: list[dict]) -> list[str]:
    """What the tokenizer alone is given: title and text, white space as one space."""
    return [" ".join(f"{event['name']} {event['text']}".split()) for event in events]


def json_answers(events: list[dict]) -> Iterator[Answer]:
    """Answers of the police API, 500 events each, when the last of them was published."""
    for page in pages(events):
        body = json.dumps([_api(event) for event in page], ensure_ascii=False).encode()
        yield Answer(at=page[-1]["published"], source="polisen", content_type="application/json; charset=utf-8", body=body)


def rss_answers(events: list[dict]) -> Iterator[Answer]:
    """RSS 2.0 of the same, 500 entries each."""
    for page in pages(events):
        items = "".join(_rss_item(event) for event in page)
        body = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Mätning</title>{items}</channel></rss>'
        yield Answer(at=page[-1]["published"], source="feed", content_type="application/rss+xml; charset=utf-8", body=body.encode())


def pages(events: list[dict]) -> Iterator[list[dict]]:
    """The events, 500 at a time."""
    for first in range(0, len(events), PAGE):
        yield events[first : first + PAGE]


def _api(event: dict) -> dict:
    moment = event["published"]
    return {
        "id": event["id"],
        "datetime": f"{moment:%Y-%m-%d} {moment.hour}:{moment:%M:%S} +0{int(moment.utcoffset().total_seconds() // 3600)}:00",
        "name": event["name"],
        "summary": event["text"],
        "url": event["url"],
        "type": event["type"],
        "location": {"name": event["location_name"], "gps": event["location_gps"]},
    }


def _rss_item(event: dict) -> str:
    moment = event["published"]
    return (
        f"<item><title>{escape(event['name'])}</title><guid isPermaLink='false'>{event['id']}</guid>"
        f"<link>https://notiser.example/{event['id']}</link><description>{escape(event['text'])}</description>"
        f"<pubDate>{moment:%a, %d %b %Y %H:%M:%S %z}</pubDate></item>"
    )
