"""The stage ``spread``, over the real bus: findings come with the event that makes them, and survive restarts and nights."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from enrich.spread.model import BY_NIGHT, DID_NOT_HOLD, HELD, Finding, Grade, Occurrence
from enrich.spread.night import first_night
from enrich.spread.nightly import Nightly, run
from enrich.spread.sightings import BELIEVED
from enrich.spread.stage import Spread
from enrich.spread.table import Geography
from pipeline.app import topics
from pipeline.bus.sqlite import SqliteBus
from pipeline.model import Document, decode, encode
from pipeline.ports import Record
from pipeline.runner import StageWorker
from pipeline.settings import Settings
from tests.enrich.spread.papers import NAMES, START, chain, paper
from tests.enrich.spread.worlds import cascade, quiet

TOPICS = topics(Settings())


def noise() -> list[Document]:
    """A fortnight of thefts and fires that have nothing to do with each other, told by one source."""
    return [
        paper(
            f"n{n}", n * 4, f"{1 + n % 25:02d}{80 + n % 4}", theme=("theft.theft", "fire.building", "fire.vehicle")[n % 3], source="police"
        )
        for n in range(74)
    ]


class Flow:
    """A bus in a folder with the stage over it."""

    def __init__(self, folder: Path, size: int = 500) -> None:
        self.bus = SqliteBus(folder / "bus.db", TOPICS)
        self.size = size
        self.restart()

    def restart(self) -> None:
        self.worker = StageWorker(Spread(), self.bus, self.size)

    def put(self, *documents: Document) -> None:
        self.bus.publish([Record(topic="related", key=d.id, value=encode(d), timestamp=d.fetched) for d in documents])
        while self.worker.step():
            pass

    def night(self, nightly: Nightly) -> None:
        self.bus.publish([Record(topic="nights", key="night", value=encode(nightly), timestamp=nightly.at)])
        while self.worker.step():
            pass

    def versions(self) -> list[Finding]:
        return [decode(delivered.value, Finding) for delivered in self.bus.read("findings")]

    def findings(self) -> dict[str, Finding]:
        """The last version of each, that was not withdrawn."""
        return {finding.id: finding for finding in self.versions() if not finding.is_withdrawn}

    def spread(self) -> list[Finding]:
        last = {finding.id: finding for finding in self.versions()}
        return [finding for finding in last.values() if finding.kind == "spread" and not finding.is_withdrawn]

    def everything(self) -> list[tuple[str, str, bytes]]:
        return [(topic, d.key, d.value) for topic in ("events", "findings") for d in self.bus.read(topic)]


@pytest.fixture
def flow(tmp_path):
    made = Flow(tmp_path)
    yield made
    made.bus.close()


def test_a_chain_is_found_in_order(flow):
    """Root, places in order, links on most edges, grade linked."""
    flow.put(*noise(), *chain())
    (found,) = flow.spread()
    assert found.places == tuple(NAMES)
    assert found.grade is Grade.LINKED
    assert [edge.lag_hours for edge in found.edges] == [20.0] * 4
    assert found.times == tuple(sorted(found.times))


def test_it_is_said_with_the_document_that_makes_it(tmp_path):
    """One batch of one document: the finding's record follows in the same commit, each version later than the one before."""
    flow = Flow(tmp_path, size=1)
    flow.put(*noise())
    sizes = []
    for document in chain():
        flow.put(document)
        sizes.append(max((len(f.places) for f in flow.spread()), default=0))
    assert sizes == sorted(sizes)
    assert sizes[-1] == 5
    assert sizes.index(3) <= 5  # with the post in the third town
    versions = [f for f in flow.versions() if f.id == flow.spread()[0].id]
    assert [f.version for f in versions] == list(range(1, len(versions) + 1))
    flow.bus.close()


def test_a_withdrawn_post_does_not_count(flow):
    """Without the posts that share the films nothing is left but time, and the finding is withdrawn."""
    flow.put(*noise(), *chain())
    flow.put(*(paper(f"post{n}", 400, revision=2, withdrawn=True) for n in range(5)))
    assert flow.spread() == []
    assert any(finding.is_withdrawn for finding in flow.versions())
    last = {delivered.key: decode(delivered.value, Occurrence) for delivered in flow.bus.read("events")}
    assert not any(sighting.document.startswith("post") for occurrence in last.values() for sighting in occurrence.sightings)


def test_copies_and_round_ups_change_nothing(flow, tmp_path):
    """A wire text in all the papers of a town, and a round-up of all towns, leave the finding as it is."""
    flow.put(*noise(), *chain())
    (before,) = flow.spread()
    copies = [paper(f"copy{n}", 385, "2580", source=f"paper{n}", copy_of="post4") for n in range(5)]
    flow.put(*copies, paper("round", 386, *NAMES, links=tuple(f"https://film.example/{code}" for code in NAMES), source="paper"))
    assert flow.spread() == [before]


@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 83), max_size=4))
def test_restarts_leave_no_trace(tmp_path_factory, cuts):
    """A stage that is started anew at any places writes the same records, byte for byte, as one that never stopped."""
    documents = [*noise(), *chain()]
    one, other = Flow(tmp_path_factory.mktemp("one")), Flow(tmp_path_factory.mktemp("other"))
    for n, document in enumerate(documents):
        one.put(document)
        if n in cuts:
            other.restart()
        other.put(document)
    assert one.everything() == other.everything()
    one.bus.close()
    other.bus.close()


def test_a_night_says_what_held(flow):
    """A finding that the night found too is marked so, one that it did not as well; once, until the verdict changes."""
    flow.put(*noise(), *chain())
    (before,) = flow.spread()
    at = START + timedelta(hours=400)
    other = replace(before, id="other", root="x", events=("x", "y"), places=("0180", "1280"), times=before.times[:2])
    learned = first_night(BELIEVED, tied=False)
    flow.night(Nightly(at=at, night=learned, findings=(other,)))
    said = {f.id: f for f in flow.spread()}
    assert said[before.id].verdict == DID_NOT_HOLD
    assert said["other"].verdict == BY_NIGHT
    flow.night(Nightly(at=at + timedelta(days=1), night=learned, findings=(other, before)))
    assert {f.id: f.verdict for f in flow.spread()} == {before.id: HELD, "other": BY_NIGHT}
    count = len(flow.versions())
    flow.night(Nightly(at=at + timedelta(days=1, hours=1), night=learned, findings=(other, before)))
    assert len(flow.versions()) == count


def test_it_goes_on_after_a_night_and_a_restart(flow):
    """What was said before the night grows after it, under the same id, also when the stage was started anew in between."""
    papers = chain()
    flow.put(*noise(), *papers[:6])
    (before,) = flow.spread()
    flow.night(Nightly(at=papers[5].fetched, night=first_night(BELIEVED, tied=False), findings=(before,)))
    flow.restart()
    flow.put(*papers[6:])
    (after,) = flow.spread()
    assert after.id == before.id
    assert after.places == tuple(NAMES)
    assert after.verdict == HELD


def test_the_nightly_run():
    """A cascade of a third of a year is found, with what the next day goes by; from two weeks nothing is learned."""
    at = START + timedelta(days=400)
    found = run([*quiet(), *cascade()], at, Geography(), decoys=40)
    assert found.findings[0].root == "c0"
    assert found.night is not None
    assert found.night.counts["fire"]
    assert run(quiet(14), at, Geography()).night is None
