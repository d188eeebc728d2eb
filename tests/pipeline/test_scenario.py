"""The bundled scenario is the same every time, can be read by anyone, and holds exactly what it says it holds."""

import csv
import json
import re
from collections import defaultdict
from datetime import datetime
from itertools import pairwise

import feedparser
import pytest
from defusedxml.ElementTree import fromstring

from pipeline.model import document_id
from pipeline.scenario import END, START, answers, sources, truth
from pipeline.scenario.data import channels, municipalities, plot
from pipeline.scenario.feeds import markup
from pipeline.scenario.items import by_key, items
from pipeline.scenario.ordinary import written

TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"
#: Hosts that only name an XML vocabulary.
VOCABULARIES = {"purl.org", "www.w3.org", "jsonfeed.org"}
REAL_MEDIA = (
    r"aftonbladet|expressen|dagens nyheter|svenska dagbladet|\bsvt\b|sveriges radio|sveriges television|\btv4\b|göteborgs-posten|"
    r"sydsvenskan|smålandsposten|gefle dagblad|arbetarbladet|dalarnas tidningar|borlänge tidning|sundsvalls tidning|\bttela\b|"
    r"norrbottens-kuriren|norrländska socialdemokraten|\btt\b|flashback|facebook|twitter|tiktok|instagram|youtube|mastodon"
)


@pytest.fixture(scope="module")
def given():
    return list(answers())


def _broken(answer):
    """Whether the answer is one that the scenario breaks on purpose."""
    return answer.source == "demo-raddning" and not answer.body.endswith(b"</rss>")


def _read(answer):
    """(native id, content) of each item in the answer."""
    if answer.source == "demo-polisen":
        return [(str(event["id"]), (event["name"], event["summary"])) for event in json.loads(answer.body)]
    if answer.content_type.startswith("application/feed+json"):
        return [(item["id"], (item["title"], item["content_html"])) for item in json.loads(answer.body)["items"]]
    feed = feedparser.parse(answer.body)
    assert not feed.bozo, (answer.source, answer.at, feed.bozo_exception)
    return [(entry.id, (entry.get("title", ""), entry.summary)) for entry in feed.entries]


@pytest.fixture(scope="module")
def seen(given):
    """Per (source, native id): the contents that were seen, in order, each once in a row."""
    found = defaultdict(list)
    for answer in given:
        for native_id, content in [] if _broken(answer) else _read(answer):
            versions = found[answer.source, native_id]
            if not versions or versions[-1] != content:
                versions.append(content)
    return found


def test_it_is_the_same_every_time(given):
    """The draw has a fixed seed and nothing depends on the clock or on the order of a set."""
    items.cache_clear()
    assert list(answers()) == given
    assert written() == written()


def test_answers_come_in_the_order_of_time_and_always_differ(given):
    """One source's answer differs from its one before; all lie within the fortnight."""
    assert [answer.at for answer in given] == sorted(answer.at for answer in given)
    assert all(START <= answer.at <= END for answer in given)
    for source in channels():
        bodies = [answer.body for answer in given if answer.source == source]
        assert bodies
        assert all(one != other for one, other in pairwise(bodies))


def test_reading_every_answer_finds_what_the_truth_says(seen, given):
    """Documents, edits and withdrawals counted from the answers alone equal the numbers counted from the items."""
    expected = truth()
    assert len(seen) == expected.documents
    assert {source: sum(key[0] == source for key in seen) for source in channels()} == expected.by_source
    assert sum(len(versions) - 1 for versions in seen.values()) == expected.edits == 4
    deleted = {
        tag.get("ref") for answer in given if answer.source == "demo-flode-torget" for tag in fromstring(answer.body).iter(TOMBSTONE)
    }
    assert len(deleted) == expected.withdrawn == 1
    assert all(("demo-flode-torget", native_id) in seen for native_id in deleted)
    assert 600 <= expected.documents <= 900


def test_copies_are_the_wire_texts_and_nothing_else():
    """Three wire texts in four outlets each: nine copies; no generated text repeats another."""
    assert truth().copies == 9
    texts = [version.text for item in items() for version in item.versions[:1]]
    assert len(texts) - len(set(texts)) == 9


def test_the_ids_are_those_of_the_pipeline(seen):
    """The truth names documents by the ids that a collector computes from source and native id."""
    ids = {document_id(*key) for key in seen}
    expected = truth()
    assert {expected.round_up, expected.personal, expected.drill, *expected.unrelated, *(town.document for town in expected.towns)} <= ids


def test_the_plot_goes_through_six_towns_in_order():
    """Each town's posts quote a town before it, and the first notice comes before every other word about it."""
    towns = truth().towns
    assert [town.name for town in towns] == ["Trollhättan", "Gävle", "Växjö", "Sundsvall", "Borlänge", "Luleå"]
    assert [town.happened for town in towns] == sorted(town.happened for town in towns)
    known, before = by_key(), set()
    for town in towns:
        told = [known[one.key] for one in plot().items if one.place == town.code]
        assert min(item.published for item in told) == town.published
        links = {link for item in told for link in re.findall(r"https://\S+", item.versions[0].text)}
        assert not before or any(name.lower() in item.versions[0].text.lower() for item in told for name in before)
        assert links
        before.add(town.name)


def test_the_round_up_names_every_town_and_more():
    text = by_key()[plot().round_up].versions[0].text
    assert all(town.name in text for town in truth().towns)
    assert sum(place.name in text for place in municipalities().values()) == 10


def test_one_source_breaks_and_recovers(given):
    """It gives a page, then half a feed, then its feed with what was published meanwhile."""
    own = [answer for answer in given if answer.source == "demo-raddning"]
    broken = [_broken(answer) for answer in own]
    first, last = broken.index(True), len(broken) - broken[::-1].index(True)
    assert all(broken[first:last])
    assert 0 < first < last < len(own)
    assert own[first].content_type.startswith("text/html")
    assert feedparser.parse(own[last - 1].body).bozo
    assert truth().broken == ("demo-raddning",)


def test_one_source_falls_silent(given):
    assert truth().silent == "demo-vader"
    assert (END - max(answer.at for answer in given if answer.source == "demo-vader")).days >= 7


def test_notices_have_the_form_of_the_police(given):
    """Exactly the fields of the interface, the hour without a leading zero, and at most 200 of the latest events."""
    events = {event["id"]: event for answer in given if answer.source == "demo-polisen" for event in json.loads(answer.body)}
    places = {place.name: place for place in municipalities().values()}
    assert all(len(json.loads(answer.body)) <= 200 for answer in given if answer.source == "demo-polisen")
    for event in events.values():
        assert list(event) == ["id", "datetime", "name", "summary", "url", "type", "location"]
        assert re.fullmatch(r"2026-03-\d\d ([1-9]|1\d|2[0-3]|0):\d\d:\d\d \+01:00", event["datetime"])
        published = datetime.strptime(event["datetime"], "%Y-%m-%d %H:%M:%S %z")
        assert START <= published < END
        assert event["name"].endswith(f", {event['type']}, {event['location']['name']}")
        assert event["location"]["gps"] == places[event["location"]["name"]].gps
        assert len(event["summary"]) <= 140
        assert re.fullmatch(r"/aktuellt/handelser/2026/mars/\d+/[a-z0-9.-]+/", event["url"])


def test_everything_is_invented(given, seen):
    """Hosts end in .example, outlets say that they are invented, and no real outlet or network is named."""
    text = "\n".join(answer.body.decode(errors="replace") for answer in given)
    hosts = set(re.findall(r"https?://([^/\"<\s]+)", text)) - VOCABULARIES
    assert hosts
    assert all(host.endswith(".example") for host in hosts)
    assert all(address.endswith(".example") for address in re.findall(r"[\w.]+@([\w.]+\w)", text))
    said = "\n".join(
        [channel.name for channel in channels().values()] + [" ".join(version) for versions in seen.values() for version in versions]
    )
    assert not re.search(REAL_MEDIA, said, re.IGNORECASE)
    assert all("påhitta" in channel.name for channel in channels().values())


def test_texts_are_finished(seen):
    """No slot or choice of a template is left, and one post holds the personal data that must be redacted."""
    texts = [" ".join(versions[-1]) for versions in seen.values()]
    assert not [text for text in texts if re.search(r"[{}\[\]|]|  ", text)]
    assert [document_id(*key) for key, versions in seen.items() if "19121212-1212" in versions[0][1]] == [truth().personal]


def test_sources_are_accepted_by_the_model():
    found = sources("http://127.0.0.1:8000/")
    assert [source.id for source in found] == list(channels())
    assert found[0].url == "http://127.0.0.1:8000/polisen"
    assert {source.kind for source in found} == {"polisen", "feed"}


def test_addresses_in_a_text_become_links():
    """An address ends before the full stop of its sentence, and the rest is escaped."""
    assert markup("a & b https://x.example/v. Slut") == '<p>a &amp; b <a href="https://x.example/v">https://x.example/v</a>. Slut</p>'


@pytest.mark.real
def test_codes_and_types_are_official(shared_data):
    """Each municipality has its official code, and each type is one that the police use."""
    with (shared_data / "geo" / "admin_areas.csv").open(encoding="utf-8") as file:
        official = {row["municipality_code"]: row["municipality_name"] for row in csv.DictReader(file)}
    with (shared_data / "polisen" / "type_themes.csv").open(encoding="utf-8") as file:
        types = {row["type"] for row in csv.DictReader(file)}
    assert all(official[place.code] == place.name for place in municipalities().values())
    assert len(municipalities()) == 25
    assert {item.type for item in items() if item.type} <= types
    assert {item.place for item in items() if item.place} <= set(municipalities())
