"""What pages read: the state that is kept up to date, what is usual, and how far a story can be relied on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, lgamma, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import app
from pipeline.desk.rhythm import chance_of, stretches, usual
from pipeline.desk.state import Desk, State, read
from pipeline.desk.trust import trust
from pipeline.model import Document, Place, PlaceKind, PlaceRole, Provenance, Reliability, Story, StoryChange, decode, encode
from pipeline.ports import Record
from pipeline.settings import Settings

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def told(source: str, grade: str, *, copy: str | None = None, revision: int = 1, withdrawn: bool = False, code: str = "1488:1") -> Document:
    place = Place(code=code, name="Strömslund", kind=PlaceKind.DISTRICT, role=PlaceRole.HAPPENED, score=0.9, reason="prov")
    provenance = Provenance(
        source=source, native_id="n", fetched_url="http://a.example", status=200, reliability=Reliability(grade), area="SE"
    )
    return Document(
        id=f"{source}{copy}", revision=revision, content_hash="h", title="Rubrik", published=NOON, fetched=NOON, provenance=provenance,
        copy_of=copy, withdrawn=withdrawn, places=() if withdrawn else (place,),
    )  # fmt: skip


def story(*documents: Document) -> Story:
    originals = {one.provenance.source: 1 for one in documents if one.copy_of is None and not one.withdrawn}
    return Story(id="s", documents={one.id: n for n, one in enumerate(documents)}, first=NOON, last=NOON, originals=originals)


@pytest.mark.parametrize(
    ("documents", "grade", "reason"),
    [
        ([told("a", "A"), told("b", "C")], 1, "confirmed"),
        ([told("a", "A"), told("b", "C", code="2180:1")], 2, "official"),  # of another municipality: it confirms nothing
        ([told("a", "A"), told("b", "D")], 2, "several"),
        ([told("a", "C"), told("b", "C")], 2, "several"),
        ([told("a", "A")], 2, "official"),
        ([told("a", "A"), told("b", "B", copy="a")], 2, "official"),  # a copy confirms nothing
        ([told("a", "C")], 3, "fair"),
        ([told("a", "E")], 4, "weak"),
        ([told("a", "F")], 6, "unknown"),
        ([told("a", "A", withdrawn=True)], 6, "withdrawn"),
    ],
)
def test_credibility_goes_by_who_tells_in_own_words(documents, grade, reason):
    """Copies do not confirm; two sources in their own words do, if they are reliable enough; nothing that is left says nothing."""
    found = trust(story(*documents), documents).credibility
    assert (found.grade, found.reason) == (grade, reason)


def test_the_parts_of_trust_are_counted():
    """Copies, edits, withdrawals and the finest place are what the documents say."""
    documents = [told("a", "A", revision=3), told("b", "B", copy="a"), told("c", "C", withdrawn=True)]
    found = trust(story(*documents), documents)
    assert (found.independent, found.copies) == (1, 1)
    assert (found.edits.changed, found.edits.versions, found.edits.withdrawn) == (1, 4, 1)
    assert (found.precision.kind, found.precision.place, found.precision.score) == ("district", "Strömslund", 0.9)


def test_documents_of_different_municipalities_are_said_to_be():
    """No finer place is claimed than they agree on."""
    documents = [told("a", "A"), told("b", "B", code="2180:1")]
    assert trust(story(*documents), documents).precision.kind == "several"


@settings(deadline=None, max_examples=40)  # a file is made for each
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.booleans()), max_size=30))
def test_following_is_the_same_as_reading_anew(tmp_path_factory, changes):
    """However records come, a state that was kept up to date is that of one that reads all of them."""
    bus = app.open_bus(Settings(data_dir=tmp_path_factory.mktemp("desk")))
    kept = Desk(bus)
    for id_, many, look in changes:
        one = Story(id=id_, documents={str(n): n for n in range(many)}, first=NOON, last=NOON + timedelta(hours=many))
        bus.publish([Record(topic="stories", key=id_, value=encode(one), timestamp=NOON)])
        if look:
            assert kept.refresh()
            assert not kept.refresh()
    kept.refresh()
    last = {record.key: decode(record.value, Story) for record in bus.read("stories")}
    assert dict(kept.state.stories) == dict(read(bus, "stories").stories) == last
    bus.close()


def test_merged_stories_lead_to_one(tmp_path):
    """Whichever of their ids is asked for, the story that they went into is given, and documents of all of them are looked for."""
    bus = app.open_bus(Settings(data_dir=tmp_path))
    change = StoryChange(at=NOON, kind="merged_into", story="b", documents=1)
    stories = (
        Story(id="a", first=NOON, last=NOON, into="b", history=(change,)),
        Story(id="b", first=NOON, last=NOON, into="c"),
        Story(id="c", documents={"d": 1}, first=NOON, last=NOON),
    )
    bus.publish([Record(topic="stories", key=one.id, value=encode(one), timestamp=NOON) for one in stories])
    state = read(bus, "stories")
    assert {state.story(id_).id for id_ in "abc"} == {"c"}
    assert state.merged("a") == state.merged("c") == {"a", "b", "c"}
    assert [one.id for one in state.open_stories] == ["c"]
    bus.close()


def test_a_story_without_a_record_is_found_by_what_went_into_it(tmp_path):
    """A document that has always been alone has no record of its story; others may have been merged into it all the same."""
    bus = app.open_bus(Settings(data_dir=tmp_path))
    bus.publish([Record(topic="stories", key="a", value=encode(Story(id="a", first=NOON, last=NOON, into="b")), timestamp=NOON)])
    state = read(bus, "stories")
    assert state.story("a") is None
    assert state.merged("a") == state.merged("b") == {"a", "b"}
    bus.close()


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([None, "x"])), max_size=20),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_stories_of_a_time_are_those_that_reach_into_it(times, since, until):
    """All open ones that began before its end and went on until its beginning or longer, the latest first, and no other."""
    moments = [NOON + timedelta(hours=hour) for hour in range(20)]
    told = [
        Story(id=f"{number}", first=moments[first], last=moments[first + lasted], into=into)
        for number, (first, lasted, into) in enumerate(times)
    ]
    state = State({"stories": {one.id: one for one in told}}, 1)
    expected = {one.id for one in told if one.into is None and one.last >= moments[since] and one.first < moments[until]}
    found = list(state.stories_between(moments[since], moments[until]))
    assert {one.id for one in found} == expected
    assert [one.last for one in found] == sorted((one.last for one in found), reverse=True)


def test_what_is_usual():
    """Counts of earlier stretches of the same length; those before the first count are not taken for calm ones."""
    hours = {NOON - timedelta(hours=n): 1 for n in range(1, 24 * 10 + 1)}
    earlier = stretches(hours, NOON, timedelta(hours=24))
    assert earlier == [24] * 10
    found = usual(earlier)
    assert (found.mean, found.low, found.high, found.windows) == (24, 24, 24, 10)
    assert usual([1, 2, 3]) is None
    assert stretches({}, NOON, timedelta(hours=1)) == []


@pytest.mark.parametrize(("count", "expected"), [(3, 0.5), (10, 2.0), (900, 800.0), (40, 40.0)])
def test_chance_is_that_of_poisson(count, expected):
    """It is one minus the sum of P(X = k) below the count, also where e to the power of minus the mean is no number any more."""
    below = sum(exp(-expected + k * log(expected) - lgamma(k + 1)) for k in range(count))
    assert chance_of(count, expected) == pytest.approx(1 - below, rel=1e-6)


def test_chance_at_the_ends():
    """None or more come always; some never come where none are expected."""
    assert (chance_of(0, 3.0), chance_of(5, 0.0)) == (1.0, 0.0)
