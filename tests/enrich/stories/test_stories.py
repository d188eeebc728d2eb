"""Stories: what belongs together, what does not, and what is remembered of both."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from enrich.stories import stories as module
from enrich.stories.stories import WINDOW, Stories
from enrich.stories.story import MOST_DOCUMENTS, Told
from pipeline.model import Story

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WIRE = "En lastbil välte på riksväg 40 väster om Ulricehamn under natten och vägen var avstängd i båda riktningarna till klockan sex."
STORM = "SMHI varnar för mycket hårda vindar längs kusten under kvällen och natten, och trafiken på broarna kan behöva ställas in helt."


class World:
    """Stories with documents that come one minute apart, and what was written of them."""

    def __init__(self, stories: Stories | None = None) -> None:
        self.stories = stories or Stories()
        self.now = NOON
        self.records: dict[str, Story] = {}
        self.moves: dict[str, str] = {}

    def put(self, id_: str, text: str = "", title: str = "", *, source: str = "", places: str = "", after: timedelta = HOUR / 60) -> str:
        """Id of the document's story."""
        self.now += after
        told = Told(id=id_, title=title, text=text, published=self.now, source=source or id_, places=frozenset(places.split()))
        self.stories.put(told, self.now)
        return self.story(id_)

    def remove(self, id_: str) -> None:
        self.stories.remove(id_, self.now)
        self.story(id_)

    def story(self, id_: str) -> str:
        changes = self.stories.changes()
        self.moves |= changes.moves
        self.records |= {story.id: story.record() for _, story in changes.stories}
        return self.stories.story_of(id_)


@pytest.fixture
def world():
    return World()


def test_copies_are_coverage_and_originals_are_counted_apart(world):
    """A wire text in three papers and a report in other words: one story, four documents, two that told of it themselves."""
    first = world.put("a", WIRE, source="byrån")
    assert {world.put(paper, f"{paper}. {WIRE}") for paper in ("ett", "två")} == {first}
    assert world.put("b", "Lastbil välte på riksväg 40 vid Ulricehamn", "Riksväg 40 avstängd efter vält lastbil", source="radion") == first
    assert (world.records[first].coverage, world.records[first].independent) == (4, 2)
    assert world.records[first].originals == {"byrån": 1, "radion": 1}


def test_the_same_text_for_other_places_is_one_story_with_all_of_them(world):
    """A warning that is issued in seventeen counties."""
    counties = [f"{code:02}" for code in range(1, 18)]
    stories = {world.put(county, STORM, f"Varning för vind, {county}", places=county) for county in counties}
    (story,) = stories
    assert sorted(world.records[story].places) == counties


def test_two_fires_in_one_town_on_one_night_stay_two(world):
    """Two messages about incidents of one kind at one place are two incidents, however alike their words."""
    one = world.put(
        "a", "Larm om brand i en bil på Kungsgatan. Branden släckt och ingen person skadad.", "2 mars 01.10, Brand, Ystad", places="1286"
    )
    two = world.put(
        "b", "Polis larmas till en brand i ett garage vid Surbrunnsvägen, elden släckt.", "2 mars 03.40, Brand, Ystad", places="1286"
    )
    assert one != two


def test_news_of_two_fires_stay_with_their_own(world):
    """Two messages and the news of each, all in one municipality: two stories, each with its message and its news."""
    first = world.put(
        "a", "Brand i en lagerlokal på Industrigatan i Ystad hamn. Stor rökutveckling.", "2 mars 01.10, Brand, Ystad", places="1286"
    )
    second = world.put("b", "Brand i en husvagn vid campingen i Nybrostrand.", "2 mars 03.40, Brand, Ystad", places="1286")
    assert (
        world.put("c", "Lagerlokalen på Industrigatan i Ystad hamn totalförstördes", "Brand i lagerlokal i Ystad hamn", places="1286")
        == first
    )
    assert world.put("d", "Husvagnen stod vid campingen i Nybrostrand", "Husvagn i brand i Nybrostrand", places="1286") == second


def test_news_from_another_town_do_not_join_a_message(world):
    """Alike words without a municipality in common are another incident."""
    first = world.put("a", "Brand i en lagerlokal på Industrigatan. Stor rökutveckling.", "2 mars 01.10, Brand, Ystad", places="1286")
    assert world.put("c", "Lagerlokalen på Industrigatan, stor rökutveckling", "Brand i lagerlokal", places="0880") != first


def test_a_follow_up_joins_its_story(world):
    """The next day's report, in other words, as long as the story is not older than the window."""
    first = world.put("a", "Kraftig explosion i trapphus i Gottsunda, hyresgäster evakuerades", "Explosion i trapphus i Gottsunda")
    assert (
        world.put("b", "Två män anhållna efter explosionen i trapphuset i Gottsunda", "Anhållna för explosion i Gottsunda", after=20 * HOUR)
        == first
    )
    late = world.put("c", "Åtal efter explosionen i trapphuset i Gottsunda", "Åtalas för explosion i Gottsunda", after=73 * HOUR)
    assert late != first


@pytest.mark.parametrize(("place", "together"), [("1480", True), ("", True), ("2480", False)])
def test_place_weighs(world, place, together):
    """The same words from another municipality are another story; from the same one, or where none is known, they may be one."""
    first = world.put("a", "Inbrott i skola, datorer stulna under lovet", places="1480")
    assert (world.put("b", "Inbrott i skola, konst förstörd av vandaler", places=place) == first) is together


def test_a_document_that_is_withdrawn_leaves_its_story(world):
    """Its id is in no record any more, and what comes after is not compared with it."""
    first = world.put("a", WIRE)
    world.put("b", WIRE)
    world.remove("b")
    assert world.records[first].documents == {"a": 1}
    world.remove("a")
    assert world.records[first].documents == {}
    assert world.put("c", WIRE) != first


def test_an_edited_document_stays_in_its_story(world):
    """A source that rewrites its report tells of the same occurrence; the new words find what is like them."""
    first = world.put("a", "Larm om en explosion i Gårda", "Explosion i Gårda")
    assert world.put("a", WIRE) == first
    assert world.put("b", WIRE) == first
    assert world.records[first].documents == {"a": 1, "b": 2}


def test_a_full_story_goes_on_in_another(world):
    """At its most documents a story takes no more; the next names it, and no story is larger."""
    stories = [world.put(str(n), WIRE, after=timedelta(seconds=1)) for n in range(MOST_DOCUMENTS + 2)]
    assert len(set(stories[:MOST_DOCUMENTS])) == 1
    assert stories[-1] == stories[-2] != stories[0]
    assert world.records[stories[-1]].continues == stories[0]


def fire(n: int) -> str:
    return f"Storbrand på färjan Aurora utanför Gotland, passagerare evakueras, rapport {n}"


def strike(n: int) -> str:
    return f"Strejk bland hamnarbetare i Göteborg lamslår container trafik, rapport {n}"


def test_stories_that_turn_out_to_be_one_merge_and_it_is_recorded(world):
    """A document between two stories that are alike brings them together; both records say so."""
    world.put("a", "", "Färjan Aurora i brand")
    world.put("b", "", "Evakuering utanför Gotland i storm")
    assert world.story("a") != world.story("b")
    world.put("c", "", "Färjan Aurora i brand utanför Gotland, evakuering pågår")
    world.put("d", "", "Evakuering från färjan Aurora utanför Gotland")
    assert world.story("a") == world.story("b") == world.story("c")
    (gone,) = [record for record in world.records.values() if record.into]
    stays = world.records[gone.into]
    assert gone.documents == {}
    assert (gone.history[-1].kind, gone.history[-1].story) == ("merged_into", stays.id)
    assert (stays.history[-1].kind, stays.history[-1].story) == ("merged", gone.id)
    assert set(world.moves.values()) == {stays.id}


def test_a_story_of_two_matters_splits_and_it_is_recorded(world):
    """A document that mixed two matters held them together; as more come the story is looked at, and falls apart."""
    bridge = "Storbrand på färjan Aurora utanför Gotland; strejk bland hamnarbetare i Göteborg lamslår container trafik"
    world.put("mixed", bridge)
    for n in range(12):
        world.put(f"fire{n}", fire(n * 7), f"Färjan Aurora {n}")
        world.put(f"strike{n}", strike(n * 7), f"Hamnarbetare {n}")
    fires, strikes = ({world.story(f"{kind}{n}") for n in range(12)} for kind in ("fire", "strike"))
    assert len(fires) == len(strikes) == 1
    assert fires != strikes
    kinds = {change.kind for record in world.records.values() for change in record.history}
    assert {"split", "split_from"} <= kinds


VOCABULARY = [[f"{topic}{word}" for word in "abcdefghij"] for topic in ("brand", "vind", "val", "strejk", "mord", "fest")]


def stream(seed: int, count: int) -> list[tuple]:
    """Documents, edits and withdrawals with much in common and much between two matters."""
    rng = random.Random(seed)
    made: list[tuple] = []
    for n in range(count):
        kind = rng.choices(("new", "edit", "gone"), (20, 2, 1))[0]
        topics = rng.sample(VOCABULARY, rng.choice((1, 1, 1, 2)))
        text = " ".join(rng.choice(rng.choice(topics)) for _ in range(rng.randint(3, 9)))
        if made and rng.random() < 0.2:
            text = rng.choice(made)[2]
        id_ = str(n) if kind == "new" else str(rng.randrange(n + 1))
        title = "2 mars 01.10, Brand, Ystad" if rng.random() < 0.15 else ""
        made.append((kind, id_, text, title, rng.choice(("", "", "1286", "1280 1286:3", "12")), timedelta(minutes=rng.choice((1, 10, 90)))))
    return made


class Written(World):
    """A world that keeps what a stage would have written."""

    def __init__(self, stories: Stories) -> None:
        super().__init__(stories)
        self.members: dict[str, tuple] = {}

    def take(self, event: tuple) -> tuple:
        kind, id_, text, title, places, after = event
        self.now += after
        if kind == "gone":
            remembered, told = self.stories.remove(id_, self.now), None
        else:
            told = Told(id=id_, title=title, text=text, published=self.now, source=id_[-1], places=frozenset(places.split()))
            remembered = self.stories.put(told, self.now)
        if remembered:
            self.members.pop(id_, None)
            self.members[id_] = (remembered, told)
        return self.story(id_), remembered

    def restored(self) -> Written:
        """Another one that has nothing but what this one wrote."""
        other = Written(Stories(WINDOW, 60))
        other.now, other.records, other.members = self.now, dict(self.records), dict(self.members)
        members = list(self.members.values())
        random.Random(1).shuffle(members)
        other.stories.restore(self.now, members, self.records.values())
        return other


@pytest.mark.parametrize("seed", range(12))
def test_a_restart_changes_nothing(seed, monkeypatch):
    """Wherever the stream is cut, through merges, splits, edits, withdrawals and the end of the window: what is folded back from
    what was written goes on exactly as what never stopped.
    """
    monkeypatch.setattr(module, "_LATER", 15)
    monkeypatch.setattr(module, "_SPLIT_SIZES", frozenset((6, 9, 14)))
    events = stream(seed, 260)
    through = Written(Stories(WINDOW, 60))
    cut = 40 + 17 * seed
    for event in events[:cut]:
        through.take(event)
    again = through.restored()
    for event in events[cut:]:
        assert through.take(event) == again.take(event)
    assert through.records == again.records
    assert any(record.into for record in through.records.values())
