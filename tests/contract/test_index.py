"""What every adapter of the port Index does, shown over all of them; nothing here knows how one is made."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from pipeline.errors import QueryError
from pipeline.model import Document, Incident, Place, PlaceKind, PlaceRole, Provenance, Reliability, Theme
from pipeline.ports import Filters, Index, Search, TrendBucket, Written
from tests.contract.index_adapters import ADAPTERS, Adapter

NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)  # a Tuesday
HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)


def place(code: str, role: PlaceRole = PlaceRole.HAPPENED, point: tuple[float, float] | None = None) -> Place:
    """A place; ``point`` is (latitude, longitude)."""
    latitude, longitude = point or (None, None)
    return Place(code=code, name=code, kind=PlaceKind.LOCALITY, role=role, score=1.0, latitude=latitude, longitude=longitude)


def document(key: str, text: str = "", *, revision: int = 1, source: str = "polisen", themes: tuple[str, ...] = (), **rest) -> Document:
    provenance = Provenance(source=source, native_id=key, fetched_url="", status=200, reliability=Reliability.A, area="SE")
    values = {"published": NOON, "fetched": NOON, "language": "sv", "content_hash": f"{key}{revision}", **rest}
    scored = tuple(Theme(id=theme, score=1 - i / 10) for i, theme in enumerate(themes))
    return Document(id=key, revision=revision, text=text, themes=scored, provenance=provenance, **values)


def incident(codes: tuple[str, ...], *themes: str, point: tuple[float, float] | None = None) -> Incident:
    """An incident in these places, of these themes."""
    scored = tuple(Theme(id=theme, score=1 - i / 10) for i, theme in enumerate(themes))
    return Incident(start=0, end=1, places=tuple(place(code, point=point) for code in codes), themes=scored)


def tombstone(key: str, revision: int) -> Document:
    return document(key, revision=revision, withdrawn=True, language="und")


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return request.param


@pytest.fixture
def index(adapter: Adapter, tmp_path: Path) -> Iterator[Index]:
    opened = adapter.open(tmp_path)
    yield opened
    opened.close()


def fill(index: Index, *documents: Document) -> Index:
    index.upsert(documents)
    index.flush()
    return index


def ids(index: Index, text: str = "", order: str = "newest", **filters) -> list[str]:
    return [hit.document.id for hit in index.search(Search(text=text, filters=Filters(**filters), order=order, size=1000)).hits]


def walk(index: Index, search: Search) -> list[str]:
    """The ids of all pages, in order."""
    found: list[str] = []
    while True:
        page = index.search(search)
        found += [hit.document.id for hit in page.hits]
        if page.after is None:
            return found
        search = replace(search, after=page.after)


# --- revisions ---------------------------------------------------------------------------------------------------------


def test_newer_replaces_older_and_never_the_reverse(index: Index):
    """The revision decides, not the order in which revisions come."""
    assert index.upsert([document("a", "ny", revision=2)]) == Written(created=1)
    assert index.upsert([document("a", "gammal", revision=1)]) == Written(stale=1)
    assert index.upsert([document("a", "senast", revision=3)]) == Written(updated=1)
    index.flush()
    assert index.get("a").text == "senast"
    assert (ids(index, "senast"), ids(index, "gammal"), ids(index, "ny")) == (["a"], [], [])
    assert index.count() == 1


def test_one_batch_counts_as_if_written_one_by_one(index: Index):
    """Several revisions of a document in one batch are each counted; the last one stays."""
    batch = [document("a", "ett"), document("a", "två", revision=2), document("a", "ett"), tombstone("b", 1), document("b", "b")]
    assert index.upsert(batch) == Written(created=1, updated=1, erased=1, stale=2)
    index.flush()
    assert (ids(index), index.get("a").text, index.get("b").withdrawn) == (["a"], "två", True)


def test_the_same_again_changes_nothing(index: Index):
    """A batch that is delivered twice is stale the second time, and every document is found once."""
    batch = [document(str(i), "brand i bil", places=(place("0180"),)) for i in range(5)]
    index.upsert(batch)
    index.flush()
    assert index.upsert(batch) == Written(stale=5)
    index.flush()
    assert (index.search(Search(text="brand")).total, index.count()) == (5, 5)
    assert [bucket.count for bucket in index.trend(Filters())] == [5]


def test_an_empty_batch_and_an_empty_flush_are_fine(index: Index):
    """Nothing in, nothing out."""
    assert index.upsert([]) == Written()
    index.flush()
    index.flush()
    assert (index.count(), index.search(Search()).hits, index.get("a")) == (0, (), None)


def test_what_was_flushed_is_there_after_reopening(adapter: Adapter, tmp_path: Path):
    """Documents, tombstones, search and counts outlive the process."""
    first = adapter.open(tmp_path)
    fill(first, document("a", "brand", places=(place("0180"),), themes=("fire",)), tombstone("b", 4))
    first.close()
    second = adapter.open(tmp_path)
    assert (ids(second, "brand"), second.get("b").revision) == (["a"], 4)
    assert second.trend(Filters(), by=("place", "theme")) == (TrendBucket(start=NOON.replace(hour=0), count=1, place="0180", theme="fire"),)
    second.close()


# --- withdrawal and erasure --------------------------------------------------------------------------------------------


def test_a_tombstone_erases_and_bars_older_revisions(index: Index):
    """After a withdrawal the text is nowhere, and a late older revision does not bring it back; a newer one does."""
    fill(index, document("a", "hemligt", places=(place("0180"),)), tombstone("a", 3), document("a", "hemligt", revision=2))
    assert (ids(index), ids(index, "hemligt"), index.count(), index.trend(Filters())) == ([], [], 0, ())
    assert (index.get("a").withdrawn, index.get("a").text, index.get("a").revision) == (True, "", 3)
    assert index.upsert([document("a", "åter", revision=4)]) == Written(updated=1)
    index.flush()
    assert ids(index, "åter") == ["a"]


def test_a_tombstone_with_text_left_in_it_is_stored_without(index: Index):
    """Whoever made it: a withdrawn document has no text in the index."""
    fill(index, document("a", "hemligt", revision=2, title="hemligt", url="https://a.example", withdrawn=True))
    assert (index.get("a").text, index.get("a").title, index.get("a").url) == ("", "", None)


def test_delete_leaves_no_trace_and_says_how_many(index: Index):
    """Documents and tombstones go; the same revision may come again."""
    fill(index, document("a", "brand"), document("b", "brand"), tombstone("c", 1))
    assert index.delete(["a", "c", "unknown"]) == 2
    index.flush()
    assert (index.get("a"), index.get("c"), ids(index, "brand"), index.count()) == (None, None, ["b"], 1)
    assert [bucket.count for bucket in index.trend(Filters())] == [1]
    assert index.upsert([document("a", "brand")]) == Written(created=1)


def test_old_months_are_removed_whole(index: Index):
    """What was published in a month that has ended by then is neither found nor counted; a month that goes on, and tombstones, stay."""
    moments = {
        "may": datetime(2024, 5, 31, 23, tzinfo=UTC),
        "june": datetime(2024, 6, 1, tzinfo=UTC),
        "july": datetime(2024, 7, 9, tzinfo=UTC),
    }
    fill(index, *(document(key, "brand", published=when) for key, when in moments.items()), tombstone("gone", 4))
    assert (index.expire(datetime(2024, 5, 31, tzinfo=UTC)), index.expire(datetime(2024, 7, 8, tzinfo=UTC))) == (0, 2)
    assert (ids(index, "brand"), index.count(), index.get("may"), index.get("gone").revision) == (["july"], 1, None, 4)
    assert [bucket.count for bucket in index.trend(Filters())] == [1]
    assert index.expire(datetime(2024, 7, 8, tzinfo=UTC)) == 0
    index.purge()
    assert index.upsert([document("may", "brand", published=moments["may"])]) == Written(created=1)


def test_purge_changes_nothing_that_is_found(index: Index):
    """What is stored is rewritten; search, counts and revisions are the same, and writing goes on."""
    fill(index, *(document(str(i), "brand", places=(place("0180"),)) for i in range(20)), tombstone("3", 2))
    before = (ids(index, "brand"), index.trend(Filters()), index.get("3"))
    index.purge()
    assert (ids(index, "brand"), index.trend(Filters()), index.get("3")) == before
    fill(index, document("new", "brand"))
    assert index.count() == 20


# --- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "asked"),
    [("bilar", "bilen"), ("bilarna", "bil"), ("Polisen", "polis"), ("skjutningar", "skjutningen"), ("explosionen", "EXPLOSION"),
     ("olyckor", "olycka"), ("bränderna", "bränder"), ("rånet", "rån"), ("Å", "å"), ("Vara", "vara"), ("och", "och")],
)  # fmt: skip
def test_words_are_found_by_their_swedish_stem(index: Index, written: str, asked: str):
    """Endings and case make no difference; no word is too common to be found."""
    fill(index, document("a", f"I dag {written} där."), document("b", "annat"))
    assert ids(index, asked) == ["a"]


def test_a_changed_vowel_is_another_word(index: Index):
    """The stemmer takes endings off; it does not know that bränder are several brand."""
    fill(index, document("a", "flera bilbränder"), document("b", "en bilbrand"))
    assert (ids(index, "bilbränder"), ids(index, "bilbrand")) == (["a"], ["b"])


def test_every_word_must_occur_in_title_or_text(index: Index):
    """Words are joined by and; each may stand in the title or in the text."""
    fill(index, document("a", "bil brinner", title="Tumba"), document("b", "bil"), document("c", "brinner i Tumba"))
    assert ids(index, "bil brinner tumba") == ["a"]


def test_phrases_want_their_words_in_order(index: Index):
    """A phrase is found as it stands, also one in a single word with a sign inside it."""
    fill(index, document("a", "brand i bil på E4:an"), document("b", "bil i brand"))
    assert (ids(index, '"brand i bil"'), ids(index, "”bil i brand”"), ids(index, "E4:an")) == (["a"], ["b"], ["a"])


def test_a_minus_excludes(index: Index):
    """-word, -"phrase" and -field:value leave documents out; a minus alone is enough of a question."""
    fill(index, document("a", "brand i bil", themes=("fire",)), document("b", "brand i hus"), document("c", "stöld"))
    assert ids(index, "brand -bil") == ["b"]
    assert ids(index, '-"brand i"') == ["c"]
    assert ids(index, "-theme:fire") == ["b", "c"]


def test_fields_in_the_text_are_filters(index: Index):
    """place, theme, source, lang and story; of several values any will do, and a code finds what lies inside."""
    fill(
        index,
        document("a", places=(place("0180:2673730"),), themes=("fire.vehicle",), story="1f0a6c2b9d3e4f58"),
        document("b", places=(place("0126"),), source="sr.se", story="2f0a6c2b9d3e4f58"),
        document("c", places=(place("1480"),), language="en"),
    )
    assert ids(index, "place:01") == ["a", "b"]
    assert ids(index, "place:0180 theme:fire") == ["a"]
    assert ids(index, "place:0126,1480") == ids(index, "place:0126 place:1480") == ["b", "c"]
    assert (ids(index, "source:sr.se"), ids(index, "lang:en"), ids(index, "-lang:sv")) == (["b"], ["c"], ["c"])
    assert (ids(index, "story:1f0a6c2b9d3e4f58"), ids(index, "-story:1f0a6c2b9d3e4f58")) == (["a"], ["b", "c"])


def test_composed_and_decomposed_letters_are_the_same(index: Index):
    """Some systems write å as an a and a ring."""
    fill(index, document("a", "ra\u030an"), document("b", "rån"))
    assert ids(index, "rån") == ids(index, "ra\u030an") == ["a", "b"]


@pytest.mark.parametrize("text", ["brand & rök", "brand - rök", "Varning: brand rök", "brand, rök!", "+brand ^rök", "brand) rök~2"])
def test_signs_are_no_operators(index: Index, text: str):
    """What another search engine would take for an operator is a sign between words."""
    fill(index, document("a", "Varning brand rök 2"))
    assert ids(index, text) == ["a"]


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [('brand "i bil', 7, "never closed"), ('""', 1, "empty"), ("brand plats:0180", 7, "place, theme, source, lang"), ("place: 0180", 1, "place:0180"), ("bil place:Malmö", 5, "place:1480"),
     ("bil theme:,", 5, "theme:fire"), ("&&", 1, "letter"), ("x" * 3000, 2001, "2000"), ("a " * 100, 129, "64"), ("a \ud800", 3, "Unicode")],
)  # fmt: skip
def test_a_bad_query_says_where_and_what_is_right(index: Index, text: str, position: int, hint: str):
    """The error names the character, counted from 1, and what would be right."""
    with pytest.raises(QueryError, match=rf"character {position}\b") as caught:
        index.search(Search(text=text))
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "search",
    [Search(size=0), Search(size=1001), Search(after="x"), Search(after="WyJ4Il0"), Search(after="å"), Search(facets=("city",)),
     Search(filters=Filters(since=NOON.replace(tzinfo=None))), Search(filters=Filters(box=(0, 10, 1, 5))), Search(filters=Filters(box=(0, 0, 200, 1))),
     Search(filters=Filters(box=(float("nan"), 0, 1, 1))), Search(filters=Filters(places=("01",) * 501))],
)  # fmt: skip
def test_a_bad_question_is_refused(index: Index, search: Search):
    """Sizes, cursors, facets and filters that mean nothing are refused, not guessed at."""
    with pytest.raises(QueryError):
        index.search(search)


def test_any_text_is_answered_or_refused(index: Index):
    """Whatever is typed, there is a page or a QueryError; no text reaches the engine's own syntax."""
    fill(index, document("a", "brand i bil"))
    signs = st.text(alphabet=st.sampled_from('brand i"-:,()[]{}*?~^+\\/!&|<>\x00\n\u0301å🦋')) | st.text(max_size=30)

    @settings(max_examples=150, deadline=None)
    @given(signs | st.lists(st.sampled_from(["place:", "theme:01", '"', "-", "brand", "AND", "[a TO b]", "*:*", "text:"])).map(" ".join))
    def ask(text: str) -> None:
        try:
            page = index.search(Search(text=text, facets=("theme",)))
        except QueryError as error:
            assert str(error).startswith("character ")  # noqa: PT017  (most texts raise nothing)
        else:
            assert page.total in (0, 1)

    ask()


# --- filters -----------------------------------------------------------------------------------------------------------


def test_places_and_themes_hold_what_lies_inside(index: Index):
    """A county finds its municipalities, a municipality what lies inside it, a theme its children; never the reverse."""
    fill(
        index,
        document("in", places=(place("0180:2673730"),), themes=("fire.vehicle.car",)),
        document("municipality", places=(place("0180"),), themes=("fire.vehicle",)),
        document("county", places=(place("01"),), themes=("fire",)),
        document("abroad", places=(place("DK"),), themes=("firework",)),
    )
    assert set(ids(index, places=("01",))) == {"in", "municipality", "county"}
    assert set(ids(index, places=("0180",))) == {"in", "municipality"}
    assert ids(index, places=("0180:2673730",)) == ["in"]
    assert set(ids(index, places=("0180:2673730", "DK"))) == {"in", "abroad"}
    assert set(ids(index, themes=("fire",))) == {"in", "municipality", "county"}
    assert set(ids(index, themes=("fire.vehicle",))) == {"in", "municipality"}


def test_filters_hold_all_together(index: Index):
    """Each filter given must hold; times are [since, until) to the microsecond; copies can be left out."""
    tick = timedelta(microseconds=1)
    fill(
        index,
        document("a", source="a", published=NOON),
        document("b", source="b", published=NOON + tick, language="en"),
        document("c", source="b", published=NOON - tick, copy_of="a"),
    )
    assert ids(index, since=NOON) == ["b", "a"]
    assert ids(index, until=NOON) == ["c"]
    assert ids(index, since=NOON, until=NOON + tick) == ["a"]
    assert ids(index, sources=("b",), languages=("en",)) == ["b"]
    assert ids(index, copies=False) == ["b", "a"]


def test_a_place_and_a_theme_hold_of_the_same_incident(index: Index):
    """A night's summary with a fire in Malmö and a theft in Lund is found by either, by each with its own, not crosswise."""
    told = (incident(("1280:hyllie",), "fire.vehicle"), incident(("1281",), "theft"))
    fill(index, document("night", places=(place("12"),), themes=("summary",), incidents=told), document("one", places=(place("1281"),), themes=("fire",)))  # fmt: skip
    assert ids(index, places=("1280",)) == ids(index, themes=("theft",)) == ["night"]
    assert ids(index, places=("1280",), themes=("fire",)) == ids(index, "place:1280 theme:fire") == ["night"]
    assert ids(index, places=("12",), themes=("theft",)) == ids(index, "theme:theft", places=("12",)) == ["night"]
    assert ids(index, places=("1281",), themes=("fire",)) == ids(index, "theme:fire", places=("1281",)) == ["one"]
    assert ids(index, places=("1280",), themes=("theft",)) == ids(index, "place:1280 theme:theft") == []
    assert ids(index, places=("1280", "1281"), themes=("fire", "theft")) == ["night", "one"]
    assert ids(index, places=("1281",), themes=("summary",)) == ["night"]
    assert ids(index, "place:1281 -theme:theft") == ["one"]


def test_incidents_are_found_in_a_box_and_counted_by_facets(index: Index):
    """By the points, places and themes of all of them; the document once for each value."""
    told = (incident(("1280",), "fire", point=(55.6, 13.0)), incident(("1280",), "theft", point=(55.7, 13.1)))
    fill(index, document("night", places=(place("12"),), incidents=told))
    assert ids(index, box=(13.05, 55.65, 13.2, 55.8)) == ["night"]
    facets = index.search(Search(facets=("place", "theme"))).facets
    assert facets == {"place": (("12", 1), ("1280", 1)), "theme": (("fire", 1), ("theft", 1))}


def test_a_box_holds_one_place_with_its_own_latitude_and_longitude(index: Index):
    """A document is inside only if one of its places is; the sides belong to the box."""
    stockholm, malmo = (59.3, 18.1), (55.6, 13.0)
    fill(
        index,
        document("both", places=(place("0180", point=stockholm), place("1280", point=malmo))),
        document("one", places=(place("1280", point=malmo),)),
        document("none", places=(place("0180"),)),
    )
    assert ids(index, box=(17, 59, 19, 60)) == ["both"]
    assert ids(index, box=(12, 55, 14, 56)) == ["both", "one"]
    assert ids(index, box=(12, 59, 14, 60)) == []  # Malmö's longitude, Stockholm's latitude
    assert ids(index, box=(13.0, 55.6, 13.0, 55.6)) == ["both", "one"]
    assert ids(index, box=(170, -90, 14, 90)) == ["both", "one"]  # across the date line


def test_a_box_is_right_for_documents_with_many_places(index: Index):
    """However many places a document names, each counts, and only as itself; totals and pages are right."""
    many = tuple(place("0180", point=(55 + i, 10 + i)) for i in range(12))
    fill(index, *(document(f"{i:02}", places=many) for i in range(30)), document("other", places=many[:3]))
    for i in range(12):
        search = Search(filters=Filters(box=(9.5 + i, 54.5 + i, 10.5 + i, 55.5 + i)), size=7)
        expected = [f"{n:02}" for n in range(30)] + (["other"] if i < 3 else [])
        assert (index.search(search).total, walk(index, search)) == (len(expected), expected)
        assert ids(index, box=(9.5 + i, 55.5 + i, 10.5 + i, 56.5 + i)) == []


# --- order, pages, facets, highlights ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["relevance", "newest"])
@pytest.mark.parametrize("text", ["", "brand"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_paging_to_the_end_gives_each_document_once(index: Index, order: str, text: str, size: int):
    """With equal scores and equal times, too; documents of one instant come by id."""
    documents = [document(f"{i:02}", "brand " * (1 + i % 3) + "rök", published=NOON + HOUR * (i % 4)) for i in range(40)]
    for start in range(0, 40, 10):
        fill(index, *documents[start : start + 10])
    found = walk(index, Search(text=text, order=order, size=size))
    assert sorted(found) == sorted(d.id for d in documents)
    if order == "newest" or not text:
        assert found == [d.id for d in sorted(documents, key=lambda d: (-d.published.timestamp(), d.id))]


def test_relevance_puts_titles_and_rare_words_first(index: Index):
    """A word in the title says more than one in the text, and is not outweighed by filters."""
    fill(index, document("text", "brand i en bil i dag"), document("title", "i en bil i dag", title="Brand"), document("other", "i dag"))
    page = index.search(Search(text="brand lang:sv"))
    assert [hit.document.id for hit in page.hits] == ["title", "text"]
    assert page.hits[0].score > page.hits[1].score > 0


def test_a_cursor_belongs_to_its_question(index: Index):
    """Another text, filter or order with the same ``after`` is refused; another size is not."""
    fill(index, *(document(str(i), "brand") for i in range(5)))
    after = index.search(Search(text="brand", size=2)).after
    assert len(index.search(Search(text="brand", size=3, after=after)).hits) == 3
    for other in (Search(text="bil", after=after), Search(text="brand", order="newest", after=after)):
        with pytest.raises(QueryError, match="after"):
            index.search(other)


def test_facets_count_all_that_is_found(index: Index):
    """Not the page but everything found, most first; a document counts once for each value."""
    fill(
        index,
        document("a", "brand", places=(place("0180:1"), place("0180:2"), place("0126")), themes=("fire.vehicle", "traffic")),
        document("b", "brand", places=(place("0180", PlaceRole.MENTIONED), place("12"), place("DK")), source="sr.se", language="en"),
        document("c", "annat", places=(place("1480"),)),
    )
    facets = index.search(Search(text="brand", size=1, facets=("place", "county", "theme", "source", "language"))).facets
    assert facets == {
        "place": (("0180", 2), ("0126", 1), ("12", 1), ("DK", 1)),
        "county": (("01", 2), ("12", 1)),
        "theme": (("fire.vehicle", 1), ("traffic", 1)),
        "source": (("polisen", 1), ("sr.se", 1)),
        "language": (("en", 1), ("sv", 1)),
    }


def test_facets_follow_every_change(index: Index):
    """The same question is counted anew once something was written, changed or withdrawn."""
    asked = Search(text="brand", size=1, facets=("source",))
    fill(index, document("a", "brand"))
    counted = [index.search(asked).facets["source"] for _ in range(2)]
    fill(index, document("b", "brand", source="sr.se"))
    counted.append(index.search(asked).facets["source"])
    fill(index, tombstone("a", 2))
    counted.append(index.search(asked).facets["source"])
    assert counted == [(("polisen", 1),), (("polisen", 1),), (("polisen", 1), ("sr.se", 1)), (("sr.se", 1),)]


def test_what_is_found_over_time_is_what_each_stretch_finds(index: Index):
    """A stretch begins with its first microsecond and ends before its last; what lies outside, or is not found, counts nowhere."""
    times = [NOON - MICROSECOND, NOON, NOON, NOON + HOUR - MICROSECOND, NOON + HOUR, NOON + 3 * HOUR - MICROSECOND, NOON + 3 * HOUR]
    fill(index, *(document(f"{number}", "brand", published=moment) for number, moment in enumerate(times)), document("other", "bil"))
    edges = [NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert index.over_time(Search(text="brand", filters=Filters(since=NOON + HOUR)), edges) == (3, 1, 0, 1)
    assert index.over_time(Search(text="brand", filters=Filters(sources=("sr.se",))), edges) == (0, 0, 0, 0)
    assert index.over_time(Search(), edges) == (4, 1, 0, 1)
    assert index.over_time(Search(), [NOON, NOON]) == (0,)
    with pytest.raises(QueryError, match="character 1"):
        index.over_time(Search(text='"brand'), edges)


def test_an_empty_index_has_nothing_over_time(index: Index):
    """Each stretch is there, with none in it."""
    assert index.over_time(Search(), [NOON, NOON + HOUR, NOON + 2 * HOUR]) == (0, 0)


def test_highlights_are_escaped_and_marked(index: Index):
    """The only tag in a highlight is <mark>, whatever the text holds; marked is what matches by its stem."""
    fill(index, document("a", '<script>alert("x")</script> två bilar & <mark>en</mark> "buss" \'tåg\''))
    (hit,) = index.search(Search(text="bilen script")).hits
    assert hit.highlight == (
        "&lt;<mark>script</mark>&gt;alert(&quot;x&quot;)&lt;/<mark>script</mark>&gt; två <mark>bilar</mark> &amp; "
        "&lt;mark&gt;en&lt;/mark&gt; &quot;buss&quot; &#x27;tåg&#x27;"
    )


def test_a_highlight_shows_the_passage_that_matches(index: Index):
    """In a long text it is short and holds the words; without a match it is how the text begins."""
    fill(index, document("a", "ord " * 2000 + "bilen brann " + "slut " * 2000, title="Tumba"))
    passage = index.search(Search(text="bil")).hits[0].highlight
    assert "<mark>bilen</mark> brann" in passage
    assert len(passage) < 400
    assert index.search(Search(text="tumba")).hits[0].highlight.startswith("ord ord")


# --- trends ------------------------------------------------------------------------------------------------------------


def test_a_trend_counts_by_hour_day_and_week(index: Index):
    """In UTC, weeks from Monday; stretches with nothing are left out."""
    monday = datetime(2024, 5, 13, tzinfo=UTC)
    times = [monday, monday + HOUR, monday + timedelta(minutes=90), monday + timedelta(days=6, hours=23), monday + timedelta(days=7)]
    fill(index, *(document(str(i), published=when) for i, when in enumerate(times)))

    def starts(bucket: str) -> list[tuple[datetime, int]]:
        return [(b.start, b.count) for b in index.trend(Filters(), bucket)]

    assert starts("hour") == [(monday, 1), (monday + HOUR, 2), (times[3], 1), (times[4], 1)]
    assert starts("day") == [(monday, 3), (monday + timedelta(days=6), 1), (times[4], 1)]
    assert starts("week") == [(monday, 4), (times[4], 1)]


def test_a_trend_splits_by_place_and_theme(index: Index):
    """Once in each municipality where it happened, under the best theme; a county only where no municipality is known."""
    fill(
        index,
        document(
            "a", places=(place("0180:1"), place("0180:2"), place("01"), place("1480", PlaceRole.MENTIONED)), themes=("fire.vehicle", "x")
        ),
        document("b", places=(place("12"), place("0126"), place("DK"))),
        document("c", themes=("fire",)),
    )
    places = {(b.place, b.theme): b.count for b in index.trend(Filters(), by=("place", "theme"))}
    assert places == {("0180", "fire.vehicle"): 1, ("12", "none"): 1, ("0126", "none"): 1, ("DK", "none"): 1, ("", "fire"): 1}
    assert {b.theme: b.count for b in index.trend(Filters(), by=("theme",))} == {"fire.vehicle": 1, "fire": 1, "none": 3}
    assert {b.place: b.count for b in index.trend(Filters(places=("01",)), by=("place",))} == {"0180": 1, "0126": 1}
    assert {b.theme: b.count for b in index.trend(Filters(themes=("fire",)), by=("theme",))} == {"fire.vehicle": 1, "fire": 1}


def test_a_trend_counts_each_incident_where_it_happened(index: Index):
    """Under its own theme; two of one theme in one municipality are one; one without a place counts in the county of the whole."""
    told = (
        incident(("1280:1",), "fire"), incident(("1280",), "fire"), incident(("1280",), "theft"), incident(("1281", "1280"), "theft"), incident((), "fire"),
    )  # fmt: skip
    fill(
        index,
        document("night", places=(place("12"), place("1280")), themes=("summary",), incidents=told),
        document("b", incidents=told[:1]),
    )
    counts = {(b.place, b.theme): b.count for b in index.trend(Filters(), by=("place", "theme"))}
    assert counts == {("1280", "fire"): 2, ("1280", "theft"): 1, ("1281", "theft"): 1, ("12", "fire"): 1}
    fill(index, document("night", revision=2), tombstone("b", 2))
    assert {(b.place, b.theme): b.count for b in index.trend(Filters(), by=("place", "theme"))} == {("", "none"): 1}


def test_a_tombstone_has_no_incidents(index: Index):
    """Whoever made it: what a withdrawn document told is nowhere."""
    fill(index, document("a", revision=2, incidents=(incident(("1280",), "fire"),), withdrawn=True))
    assert (index.get("a").incidents, index.trend(Filters())) == ((), ())


def test_a_trend_takes_times_by_whole_hours(index: Index):
    """An hour counts if any part of it lies in [since, until)."""
    fill(index, *(document(str(i), published=NOON + HOUR * i) for i in range(4)))
    half = timedelta(minutes=30)
    assert [b.start.hour for b in index.trend(Filters(since=NOON + HOUR + half, until=NOON + HOUR * 3), "hour")] == [13, 14]
    assert [b.start.hour for b in index.trend(Filters(since=NOON, until=NOON + half), "hour")] == [12]


def test_a_trend_follows_every_change(index: Index):
    """A new revision moves the count with its document; a withdrawal takes it away."""
    fill(index, document("a", places=(place("0180"),), themes=("fire",)))
    fill(index, document("a", revision=2, places=(place("1280"),), themes=("theft",), published=NOON + HOUR))
    (bucket,) = index.trend(Filters(), "hour", ("place", "theme"))
    assert bucket == TrendBucket(start=NOON + HOUR, count=1, place="1280", theme="theft")
    fill(index, tombstone("a", 3))
    assert index.trend(Filters()) == ()


@pytest.mark.parametrize(
    "filters",
    [Filters(sources=("a",)), Filters(languages=("sv",)), Filters(box=(0, 0, 1, 1)), Filters(copies=False), Filters(places=("0180:1",))],
)
def test_a_trend_refuses_what_it_does_not_count(index: Index, filters: Filters):
    """A filter that would be ignored is an error."""
    with pytest.raises(QueryError):
        index.trend(filters)


# --- threads -----------------------------------------------------------------------------------------------------------


def test_threads_may_write_and_search_at_once(index: Index):
    """Nothing is lost, and no thread meets an error."""
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for i in range(20):
                index.upsert([document(f"{name}{i}", "brand", places=(place("0180"),))])
                index.flush()
                index.search(Search(text="brand", facets=("place",)))
                index.trend(Filters())
        except BaseException as error:  # noqa: BLE001  (handed to the test)
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (index.count(), index.trend(Filters())[0].count) == (60, 60)


# --- against a model ---------------------------------------------------------------------------------------------------

WORDS = ("brand", "bilar", "rån", "stöld")
CODES = ("0180", "0126", "01", "1280:7", "DK")
THEMES = ("fire", "fire.vehicle", "theft")
incidents = st.builds(incident, st.lists(st.sampled_from(CODES), max_size=2).map(tuple), st.sampled_from(THEMES))
documents = st.builds(
    lambda key, revision, words, codes, themes, told, hour, withdrawn: (
        tombstone(key, revision)
        if withdrawn
        else document(
            key, " ".join(words), revision=revision, places=tuple(map(place, codes)), themes=tuple(themes), incidents=tuple(told),
            published=NOON + HOUR * hour,
        )
    ),
    st.sampled_from("abcdef"), st.integers(1, 6), st.lists(st.sampled_from(WORDS)), st.lists(st.sampled_from(CODES), max_size=3),
    st.lists(st.sampled_from(THEMES), max_size=2, unique=True), st.just([]) | st.lists(incidents, max_size=3), st.integers(0, 60), st.sampled_from([False, False, True]),
)  # fmt: skip


class AgainstModel(RuleBasedStateMachine):
    """An index and a dict see the same writes; whatever is asked of the one, the other answers the same."""

    adapter: Adapter

    def __init__(self):
        super().__init__()
        self.directory = TemporaryDirectory()
        self.index = self.adapter.open(Path(self.directory.name))
        self.model: dict[str, Document] = {}

    @rule(batch=st.lists(documents, max_size=6))
    def upsert(self, batch):
        written = self.index.upsert(batch)
        fresh = 0
        for new in batch:
            if new.id not in self.model or new.revision > self.model[new.id].revision:
                self.model[new.id] = new
                fresh += 1
        assert (written.created + written.updated + written.erased, written.stale) == (fresh, len(batch) - fresh)

    @rule(keys=st.sets(st.sampled_from("abcdef"), max_size=2))
    def delete(self, keys):
        assert self.index.delete(keys) == sum(self.model.pop(key, None) is not None for key in keys)

    @rule()
    def purge(self):
        self.index.purge()

    @rule()
    def reopen(self):
        self.index.close()
        self.index = self.adapter.open(Path(self.directory.name))

    @rule(
        word=st.sampled_from(WORDS),
        code=st.sampled_from([*CODES, None]),
        size=st.integers(1, 4),
        order=st.sampled_from(["relevance", "newest"]),
    )
    def ask(self, word, code, size, order):
        self.index.flush()
        inside = [d for d in self.live() if word in d.text and (code is None or any(self.lies_in(p, code) for p in self.codes(d)))]
        found = walk(self.index, Search(text=word, filters=Filters(places=(code,) if code else ()), size=size, order=order))
        assert sorted(found) == sorted(d.id for d in inside)

    @invariant()
    def agrees(self):
        self.index.flush()
        assert {key: self.index.get(key) for key in "abcdef"} == {key: self.model.get(key) for key in "abcdef"}
        assert self.index.count() == len(self.live())
        counts = Counter((d.published.replace(minute=0), *cell) for d in self.live() for cell in self.cells(d))
        assert {(b.start, b.place, b.theme): b.count for b in self.index.trend(Filters(), "hour", ("place", "theme"))} == counts

    def live(self) -> list[Document]:
        return [d for d in self.model.values() if not d.withdrawn]

    @staticmethod
    def codes(d: Document) -> list[str]:
        return [p.code for told in (d, *d.incidents) for p in told.places]

    def cells(self, d: Document) -> set[tuple[str, str]]:
        if not d.incidents:
            return {(code, d.primary_theme) for code in self.areas(d) or {""}}
        county = {p.code for p in d.places if p.code.isdigit() and len(p.code) == 2}
        return {(code, told.primary_theme) for told in d.incidents for code in self.areas(told) or county or {""}}

    @staticmethod
    def areas(told: Document | Incident) -> set[str]:
        found = {p.code.split(":")[0] for p in told.places}
        return {code for code in found if not any(code != other and other.startswith(code) for other in found)}

    @staticmethod
    def lies_in(code: str, outer: str) -> bool:
        return code == outer or code.startswith(outer + ":") or (len(outer) == 2 and code.startswith(outer))

    def teardown(self):
        self.index.close()
        self.directory.cleanup()


def test_an_index_agrees_with_a_dict(adapter: Adapter):
    """Any revisions in any order, tombstones, deletions, purges and reopenings."""
    machine = type("AgainstModelOfAdapter", (AgainstModel,), {"adapter": adapter})
    case = machine.TestCase
    case.settings = settings(max_examples=adapter.runs, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    case("runTest").runTest()
