"""Documents become events: occurrence is not coverage, and links are what documents share."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.spread.model import Occurrence
from enrich.spread.occurrences import Occurrences
from enrich.spread.sightings import sightings
from pipeline.model import Document
from tests.enrich.spread.papers import NAMES, chain, incident, paper

FILM = "https://film.example/v/1"


def put(*documents: Document) -> dict[str, Occurrence]:
    """What is known in the end, by id."""
    occurrences, known = Occurrences(), {}
    for document in documents:
        for occurrence in occurrences.put(document):
            known[occurrence.event.id] = occurrence
    return {id_: occurrence for id_, occurrence in known.items() if not occurrence.is_withdrawn}


def links(*documents: Document) -> set[tuple[str, str, str]]:
    """(from place, to place, via) of all links; "" where there is no place."""
    known = put(*documents)
    return {(o.event.place or "", known[link.to].event.place or "", link.via) for o in known.values() for link in o.event.links}


def told(*documents: Document) -> list[tuple[str | None, set[str]]]:
    """Place and documents of each event, in the order of time."""
    known = sorted(put(*documents).values(), key=lambda o: (o.event.time, o.event.id))
    return [(o.event.place, {s.document for s in o.sightings}) for o in known]


def test_coverage_is_one_occurrence():
    """Other sources that tell of the theme at the place within hours, the same story later, and a copy: one event."""
    papers = [
        paper("a", 0, "1488", source="police"),
        paper("b", 3, "1488", source="paper", story="s"),
        paper("c", 40, "1488", source="other", story="s"),
        paper("d", 50, "1488", source="police", copy_of="c"),
    ]
    assert told(*papers) == [("1488", {"a", "b", "c", "d"})]


def test_another_message_of_the_same_source_is_another_occurrence():
    """Two notices of the police on one night are two fires."""
    assert told(paper("a", 0, "1488"), paper("b", 3, "1488")) == [("1488", {"a"}), ("1488", {"b"})]


def test_a_summary_retells():
    """The incident of a night's summary is the one that was told before; one that nobody told is new."""
    summary = paper("sum", 8, incidents=(incident("1488", "fire.vehicle"), incident("2180", "fire.vehicle")), text="Natten")
    assert told(paper("a", 0, "1488"), summary) == [("1488", {"a", "sum"}), ("2180", {"sum"})]


def test_a_round_up_is_no_occurrence_and_links_nothing():
    """A document that names four municipalities, though it shares everything."""
    many = paper("round", 30, *list(NAMES)[:4], links=(FILM,), source="paper")
    assert told(paper("a", 0, "1488", links=(FILM,)), many) == [("1488", {"a"})]


@pytest.mark.parametrize("theme", ["notice.information", "traffic.control", "summary", ""])
def test_what_is_announced_is_no_occurrence(theme):
    """Opening hours and traffic weeks happen nowhere."""
    assert told(paper("a", 0, "1488", theme=theme, text="Presstelefonen")) == []


def test_links_are_what_is_shared():
    """An address, a repost of another's own address, a story told by another source, a hashtag, a name in quotation marks."""
    first = paper(
        "a", 0, "1488", url="https://posts.example/1", links=(FILM,), story="s", text='#bilbrand "hälsningar från ringen"', source="x"
    )
    for via, other in {
        "url": paper("b", 9, "2180", links=(FILM + "?utm_source=feed",)),
        "repost": paper("b", 9, "2180", links=("https://www.posts.example/1/",)),
        "story": paper("b", 9, "2180", story="s"),
        "hashtag": paper("b", 9, "2180", text="igen #Bilbrand"),
        "name": paper("b", 9, "2180", text="de skrev ”Hälsningar från ringen” på väggen"),
    }.items():
        assert links(first, other) == {("2180", "1488", via)}


def test_a_redirect_links_as_what_it_leads_to():
    """To share an address by way of another site is to share it."""
    first, other = paper("a", 0, "1488", links=(FILM,)), paper("b", 9, "2180", links=(f"https://l.example/l.php?u={quote(FILM, safe='')}",))
    assert links(first, other) == {("2180", "1488", "url")}


def test_mentions():
    """What happened elsewhere and is compared with links to the event there; a text that names three places does not."""
    first = paper("a", 0, "1488")
    two = paper("b", 9, "1488", "2180", text="Bilar brinner, precis som i Trollhättan. Nu i Gävle")
    assert links(first, two) == {("2180", "1488", "mention")}
    three = paper("b", 9, "2180", "1488", "0780", text="Gävle, efter bränderna i Trollhättan och Växjö")
    assert links(first, three) == set()


def test_boilerplate_weighs_nothing():
    """The same source with the same story or words in another place; the front page of a site; what a dozen share."""
    assert links(paper("a", 0, "1488", story="s"), paper("b", 9, "2180", story="s")) == set()
    assert links(paper("a", 0, "1488"), paper("b", 9, "2180", copy_of="a")) == set()
    assert links(paper("a", 0, "1488", links=("https://site.example/",)), paper("b", 9, "2180", links=("https://site.example",))) == set()
    everywhere = [paper(f"p{n}", n, f"{n + 1:02d}80", links=(FILM,), source=f"s{n}") for n in range(20)]
    assert not any("1980" in pair or "2080" in pair for pair in links(*everywhere))


def test_what_came_from_nowhere_is_a_common_source():
    """An address that a document without place gave first; one that such a document gives later is none."""
    nowhere = paper("tour", 0, links=(FILM,), source="paper")
    stops = [paper("a", 20, "1488", links=(FILM,)), paper("b", 40, "2180", links=(FILM,))]
    assert links(nowhere, *stops) == {("1488", "", "url"), ("2180", "", "url")}
    late = links(*stops, paper("late", 60, links=(FILM,), source="paper"))
    assert late == {("2180", "1488", "url"), ("", "1488", "url"), ("", "2180", "url")}


def test_no_words_are_kept():
    """What is remembered holds neither text nor addresses, and of hashtags, channels and names only fingerprints."""
    document = paper("a", 0, "1488", text='Läs @kanalen #bilbrand "hälsningar från ringen"', links=(FILM,), url="https://posts.example/7")
    remembered = str(sightings(document))
    for secret in ("kanalen", "bilbrand", "ringen", "film", "posts.example"):
        assert secret not in remembered.lower()


def test_an_edit_moves_and_a_withdrawal_removes():
    """A notice that is corrected to another town leaves the first; what is withdrawn takes its links with it."""
    first, second = paper("a", 0, "1488", links=(FILM,)), paper("b", 9, "2180", links=(FILM,))
    assert told(first, second, paper("b", 9, "0780", revision=2)) == [("1488", {"a"}), ("0780", {"b"})]
    assert links(first, second, paper("a", 20, revision=2, withdrawn=True)) == set()


@settings(max_examples=25, deadline=None)
@given(order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(order):
    """Links are the same in whatever order a chain's documents come."""
    papers = chain()
    shuffled = order.sample(papers, len(papers))
    assert links(*shuffled) == links(*papers)


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(0, 9), gone=st.integers(0, 9))
def test_a_restart_forgets_nothing(cut, gone):
    """Folded back from what was told, the rest is told as without a stop."""
    papers = [*chain(), paper(chain()[gone].id, 420, revision=2, withdrawn=True)]
    undisturbed, restarted = Occurrences(), Occurrences()
    for document in papers[:cut]:
        for occurrence in undisturbed.put(document):
            restarted.restore(occurrence)
    for document in papers[cut:]:
        assert restarted.put(document) == undisturbed.put(document)
