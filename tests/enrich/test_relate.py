"""The stage ``relate``, over the real bus: versions, copies, and books that count every document."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enrich.relate import SHORTEST_COPY, Relate
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.model import Books, DeadLetter, Document, Provenance, Reliability, Story, StoryMember, decode, encode
from pipeline.ports import Record
from pipeline.runner import StageWorker
from pipeline.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIRE = "En bil brann på torget under natten mot söndagen; polisen söker nu vittnen till händelsen."
PROVENANCE = Provenance(source="one", native_id="1", fetched_url="https://example.org", status=200, reliability=Reliability.B, area="SE")
TOPICS = topics(Settings(partitions=2))  # a and b lie in one, d in the other


def document(id_: str, revision: int = 1, text: str = WIRE, *, title: str = "", withdrawn: bool = False) -> Document:
    return Document(
        id=id_, revision=revision, content_hash=f"{id_}{revision}", title=title, text="" if withdrawn else text, published=NOON,
        fetched=NOON, provenance=PROVENANCE, withdrawn=withdrawn,
    )  # fmt: skip


def record(made: Document, after: timedelta = timedelta()) -> Record:
    return Record(topic="documents", key=made.id, shard=made.id, value=encode(made), timestamp=NOON + after)


class Flow:
    """A bus in a folder with the stage over it; opened anew it is what a restart finds."""

    def __init__(self, folder: Path, size: int = 500) -> None:
        self.bus = SqliteBus(folder / "bus.db", TOPICS)
        self._size = size
        self.worker = self.another()

    def another(self, *, stories: bool = True) -> StageWorker:
        """A process of its own with the same stage."""
        return StageWorker(Relate(stories=stories), self.bus, self._size)

    def publish(self, *documents: Document, after: timedelta = timedelta()) -> None:
        """One a second."""
        self.bus.publish([record(made, after + timedelta(seconds=second)) for second, made in enumerate(documents)])

    def run(self) -> None:
        while self.worker.step():
            pass

    def related(self) -> list[tuple[str, int, str | None]]:
        """(id, revision, copy of) of what came out, in order."""
        found = [decode(delivered.value, Document) for delivered in self.bus.read("related") if delivered.value]
        return [(made.id, made.revision, made.copy_of) for made in found]

    def books(self) -> tuple[int, int, int, int]:
        """(documents, revisions, tombstones, duplicates), all partitions."""
        books = [decode(delivered.value, Books) for delivered in self.bus.read("books")]
        return tuple(sum(getattr(b, name) for b in books) for name in ("documents", "revisions", "tombstones", "duplicates"))

    def stories(self) -> dict[str, Story]:
        """The records of the stories."""
        return {delivered.key: decode(delivered.value, Story) for delivered in self.bus.read("stories")}

    def everything(self) -> list[tuple]:
        """All that the stage has written."""
        return [
            (r.topic, r.key, r.shard, r.timestamp, r.value)
            for topic in ("related", "versions", "story_members", "stories", "books", "dead")
            for r in self.bus.read(topic)
        ]


@pytest.fixture
def flow(tmp_path):
    made = Flow(tmp_path)
    yield made
    made.bus.close()


def test_each_version_goes_on_once_and_is_counted(flow):
    """The first version is a document, a later one a revision, a withdrawal a tombstone; one that came before is a duplicate."""
    flow.publish(document("a"), document("a", 2, "annat"), document("a"), document("a", 2, "annat"), document("a", 3, withdrawn=True))
    flow.run()
    assert flow.related() == [("a", 1, None), ("a", 2, None), ("a", 3, None)]
    assert flow.books() == (1, 1, 1, 2)


def test_an_older_version_that_comes_late_goes_on(flow):
    """Order between versions is the index's business; here each is counted, and the older text makes no copies."""
    flow.publish(document("a", 2, "ny text"), document("a", 1), document("b"))
    flow.run()
    assert flow.related() == [("a", 2, None), ("a", 1, None), ("b", 1, None)]
    assert flow.books() == (2, 1, 0, 0)


def test_what_a_withdrawal_has_overtaken_stays_behind(flow):
    """After a withdrawal no older version reaches search or the bus again; one that is published anew does."""
    flow.publish(document("a", 3, withdrawn=True), document("a", 2), document("a", 4), document("a", 1))
    flow.run()
    assert flow.related() == [("a", 3, None), ("a", 4, None)]
    assert flow.books() == (0, 1, 1, 2)


def test_a_copy_names_the_first_with_its_text(flow):
    """Exactly the same text under other ids is a copy of the first, however many there are; case and white space do not count."""
    flow.publish(document("a"), document("b", text=f"  {WIRE.upper()}\n"), document("c"), document("d", text=WIRE + " Mer följer."))
    flow.run()
    assert flow.related() == [("a", 1, None), ("b", 1, "a"), ("c", 1, "a"), ("d", 1, None)]


def test_title_and_text_are_compared_as_one(flow):
    """A source that puts the first sentence into the title has the same text."""
    first, rest = WIRE.split("; ")
    flow.publish(document("a", text=f"{first}; {rest}"), document("b", title=f"{first};", text=rest))
    flow.run()
    assert flow.related()[1] == ("b", 1, "a")


@pytest.mark.parametrize(("length", "copy_of"), [(SHORTEST_COPY - 1, None), (SHORTEST_COPY, "a")])
def test_short_texts_are_alike_by_chance(flow, length, copy_of):
    """Below so many characters the same text says nothing of where it comes from."""
    flow.publish(document("a", text="x" * length), document("b", text="x" * length))
    flow.run()
    assert flow.related()[1] == ("b", 1, copy_of)


def test_an_edit_back_and_forth_is_no_copy_of_itself(flow):
    """A document whose text changes and changes back copies nobody."""
    flow.publish(document("a"), document("a", 2, "annat"), document("a", 3))
    flow.run()
    assert flow.related() == [("a", 1, None), ("a", 2, None), ("a", 3, None)]


@pytest.mark.parametrize("change", [document("a", 2, "annat"), document("a", 2, withdrawn=True)], ids=["edited", "withdrawn"])
def test_when_the_first_has_another_text_the_next_is_first(flow, change):
    """A later copy names the earliest document that still has the text: never one that is withdrawn."""
    flow.publish(document("a"), document("b"), change, document("c"))
    flow.run()
    assert flow.related()[-1] == ("c", 1, "b")


def test_what_is_no_document_dies_with_its_bytes(flow):
    """One bad record goes to ``dead`` as it came, the others on; the books count it nowhere else."""
    flow.bus.publish([record(document("a")), msgspec.structs.replace(record(document("b")), value=b"{damaged"), record(document("c"))])
    flow.run()
    assert [id_ for id_, _, _ in flow.related()] == ["a", "c"]
    (letter,) = [decode(delivered.value, DeadLetter) for delivered in flow.bus.read("dead")]
    assert (letter.stage, letter.topic, letter.key, letter.original) == ("relate", "documents", "b", b"{damaged")
    assert flow.books() == (2, 0, 0, 0)


def test_erased_records_are_passed_over(flow):
    """What was erased on ``documents`` before it was read is followed by its tombstone, and is counted as nothing."""
    flow.publish(document("a"), document("a", 2, withdrawn=True))
    flow.bus.erase(("documents",), {"a": NOON + timedelta(seconds=1)})
    flow.run()
    assert flow.related() == [("a", 2, None)]
    assert flow.books() == (0, 0, 1, 0)


def test_two_processes_share_one_state(flow):
    """A process that takes over, and one that takes back, knows what the other has done; nothing is counted twice or forgotten."""
    one, two = flow.worker, flow.another()
    flow.publish(document("a"))
    one.step()
    flow.publish(document("a"), document("b"))
    two.step()
    flow.publish(document("b"), document("c"))
    one.step()
    assert flow.related() == [("a", 1, None), ("b", 1, "a"), ("c", 1, "a")]
    assert flow.books() == (3, 0, 0, 2)


def test_a_late_copy_is_an_occurrence_of_its_own(flow):
    """A copy is one within the window of 60 days after the original; the clock on the wall has no part in it."""
    flow.publish(document("a"))
    flow.publish(document("b"), after=timedelta(days=59))
    flow.publish(document("c"), after=timedelta(days=61))
    flow.publish(document("d"), after=timedelta(days=200))
    flow.run()
    assert flow.related() == [("a", 1, None), ("b", 1, "a"), ("c", 1, "b"), ("d", 1, None)]


def test_an_edit_that_comes_after_all_records_have_expired_is_no_new_document(flow):
    """What is known of a document outlives its records on the bus."""
    flow.publish(document("a"), document("b", text="En annan text, som också är lång nog för att kännas igen på annat håll."))
    flow.run()
    for group in ("index", "spread"):  # what a consumer has yet to read would stay
        flow.bus.commit(flow.bus.poll(group, ["related"]))
    flow.bus.expire(NOON + timedelta(days=4000))
    assert flow.related() == []
    flow.worker = flow.another()
    flow.publish(document("a", 2, "annat"), document("a"), document("c"), after=timedelta(days=1))
    flow.run()
    assert flow.related() == [("a", 2, None), ("c", 1, None)]
    assert flow.books() == (3, 1, 0, 1)


def test_a_document_names_its_story_and_the_story_its_documents(flow):
    """Every document is in a story; one that has more than one has a record, written in the same commit."""
    flow.publish(document("a"), document("b"), document("d", text="Kommunfullmäktige beslutade om en ny simhall på bangården."))
    flow.run()
    story = {made.id: made.story for made in (decode(delivered.value, Document) for delivered in flow.bus.read("related"))}
    assert story["a"] == story["b"] != story["d"]
    assert all(story.values())
    (record,) = flow.stories().values()
    assert (record.id, list(record.documents), record.coverage, record.independent) == (story["a"], ["a", "b"], 2, 1)


def test_what_is_withdrawn_leaves_its_story_and_no_word_of_it(flow):
    """Neither its id in the record, nor a stem of its text in what stories remember."""
    flow.publish(document("a"), document("b", text=WIRE + " Ögonvittnet såg en röd moped."), document("b", 2, withdrawn=True))
    flow.run()
    flow.bus.erase(("story_members",), {"b": NOON + timedelta(seconds=2)})
    (record,) = flow.stories().values()
    assert list(record.documents) == ["a"]
    remembered = [decode(delivered.value, StoryMember) for delivered in flow.bus.read("story_members") if delivered.value]
    assert [(member.document, bool(member.weights)) for member in remembered] == [("a", True), ("b", False)]


def test_a_version_that_is_not_the_newest_changes_no_story(flow):
    """An older text that comes late tells nothing new."""
    flow.publish(document("a", 2, "Kommunfullmäktige beslutade om en ny simhall på bangården."), document("b"), document("a", 1))
    flow.run()
    assert flow.stories() == {}


@st.composite
def streams(draw) -> list[Document]:
    """Versions of a few documents as stages may deliver them: repeated, out of order, withdrawn, published anew, copied."""
    stream: list[Document] = []
    highest: dict[str, int] = {}
    for _ in range(draw(st.integers(1, 14))):
        id_ = draw(st.sampled_from("abd"))
        kind = draw(st.sampled_from(("next", "next", "next", "old", "skip", "gone")))
        step = {"next": 1, "gone": 1, "skip": 2, "old": 0}[kind]
        highest[id_] = max(1, highest.get(id_, 0) + step)
        revision = draw(st.integers(1, highest[id_])) if kind == "old" else highest[id_]
        before = next((made for made in stream if (made.id, made.revision) == (id_, revision)), None)  # id and revision name one content
        text = draw(st.sampled_from((WIRE, WIRE + " Uppdaterad.", "kort", WIRE.upper())))
        stream.append(before or document(id_, revision, text, withdrawn=kind == "gone"))
    return stream


def withdrawn_now(documents: Sequence[Document]) -> dict[str, datetime]:
    """Id and time of the withdrawal of those that are withdrawn in the end."""
    newest: dict[str, tuple[Document, datetime]] = {}
    for second, made in enumerate(documents):
        if made.id not in newest or made.revision > newest[made.id][0].revision:
            newest[made.id] = (made, NOON + timedelta(seconds=second))
    return {id_: moment for id_, (made, moment) in newest.items() if made.withdrawn}


#: What is remembered of the first withdrawal is erased by the second.
TWICE = [document("a"), document("b"), document("b", 2, withdrawn=True), document("b", 3, withdrawn=True), document("b", 4)]


@settings(max_examples=60, deadline=None)
@example(stream=TWICE, split=4, sizes=(1, 1), pause=0)
@given(stream=streams(), split=st.integers(0, 14), sizes=st.tuples(*[st.integers(1, 6)] * 2), pause=st.sampled_from((0, 1, 50, 70)))
def test_a_restart_changes_nothing(stream, split, sizes, pause):
    """Wherever the stream is cut: a stage restored from its own outputs, what was withdrawn erased from them, writes on exactly
    what one that ran through would have written, also when the batches fall otherwise.
    """
    written = []
    for restarted, size in zip((False, True), sizes, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            flow = Flow(Path(folder), size)
            flow.publish(*stream[:split])
            flow.run()
            flow.bus.erase(("related", "story_members"), withdrawn_now(stream[:split]))
            if restarted:
                flow.bus.close()
                flow = Flow(Path(folder), size)
            flow.publish(*stream[split:], after=timedelta(days=pause))
            flow.run()
            written.append(flow.everything())
            assert sum(flow.books()) == len(stream)
            flow.bus.close()
    assert written[0] == written[1]


@settings(max_examples=40, deadline=None)
@given(stream=streams(), turns=st.lists(st.booleans(), max_size=14))
def test_whoever_takes_a_batch_writes_the_same(stream, turns):
    """Two processes that take turns in any way write what one alone writes."""
    written = []
    for alone in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            flow = Flow(Path(folder), 2)
            flow.publish(*stream)
            two = flow.another()
            for turn in turns:
                (flow.worker if turn or alone else two).step()
            flow.run()
            written.append(flow.everything())
            flow.bus.close()
    assert written[0] == written[1]


def test_without_stories_documents_are_told_apart_as_before(tmp_path):
    """Switched off, nothing new is put into a story and copies are still marked; what is in one is kept, edited and taken out."""
    flow = Flow(tmp_path)
    flow.publish(document("a"), document("b"))
    flow.run()
    (story,) = flow.stories().values()
    flow.worker = flow.another(stories=False)
    flow.publish(document("c"), document("a", 2, WIRE + " Nu är den släckt."), document("b", 2, withdrawn=True), after=timedelta(minutes=5))
    flow.run()
    assert flow.related()[2:] == [("c", 1, "a"), ("a", 2, None), ("b", 2, None)]
    last = {delivered.key: decode(delivered.value, Document) for delivered in flow.bus.read("related") if delivered.value}
    assert (last["a"].story, last["c"].story) == (story.id, "")
    members = {d.key: decode(d.value, StoryMember) for d in flow.bus.read("story_members") if d.value}
    assert "c" not in members
    assert members["b"].withdrawn
