"""Who sees what of a picture, and what people add to it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import msgspec
import pytest
from msgspec.structs import replace

from pipeline.access.roles import Principal, Role
from pipeline.errors import AccessError, UsageError
from pipeline.situation.html import page
from pipeline.situation.model import Change, Marking, Section, Sharing
from pipeline.situation.sharing import seen_by
from pipeline.situation.store import SituationStore
from pipeline.situation.words import Words
from tests.situation.conftest import END, OFFICER, RESCUE, SOCIAL

FIELDS = {
    "figures": "figures",
    "map": "spots",
    "trends": "trends",
    "stories": "stories",
    "spread": "spread",
    "blind": "blind",
    "sources": "sources",
}


@pytest.fixture
def store(tmp_path):
    """A file of its own."""
    opened = SituationStore(tmp_path / "situations.db")
    yield opened
    opened.close()


def partners(*agencies: str) -> Sharing:
    return Sharing(marking=Marking.PARTNERS, agencies=agencies)


@pytest.mark.parametrize("section", Section)
def test_two_partners_do_not_see_each_others_sections(picture, store, section):
    """A section shared with one of them is empty for the other, in what is computed and in what is drawn; the police see it."""
    store.mark("2480", section, partners("räddningstjänsten"))
    whole = store.complete(picture())
    one, other, police = (seen_by(whole, who) for who in (RESCUE, SOCIAL, OFFICER))
    field = FIELDS[section]
    assert getattr(one, field) == getattr(police, field) == getattr(whole, field) != ()
    assert getattr(other, field) == ()
    together = (Section.FIGURES, Section.MAP, Section.TRENDS) if section is Section.FIGURES else (section,)  # they add up to the figures
    assert (one.withheld, other.withheld) == ((), together)
    assert "räddningstjänsten" not in msgspec.json.encode(other).decode()
    assert "Avsnittet delas inte med er." in page(other, Words("sv"))


@pytest.mark.parametrize(("marking", "who"), list(product(Marking, (RESCUE, SOCIAL, OFFICER))))
def test_an_assessment_is_seen_by_those_it_is_meant_for(picture, store, marking, who):
    """Open by all, police by the police, partners by those named; others do not learn that there is one, nor with whom else it is shared."""
    sharing = partners("räddningstjänsten", "kommunen") if marking is Marking.PARTNERS else Sharing(marking=marking)
    store.assess("2480", OFFICER, "Vi väntar fler bränder.", sharing, END - timedelta(hours=1))
    seen = seen_by(store.complete(picture()), who)
    is_meant = who is OFFICER or marking is Marking.OPEN or (marking is Marking.PARTNERS and who is RESCUE)
    assert bool(seen.assessments) == is_meant
    text = msgspec.json.encode(seen).decode()
    assert ("Vi väntar" in text) == is_meant
    assert ("kommunen" in text) == (who is OFFICER and marking is Marking.PARTNERS)


def test_an_agency_sees_what_it_wrote_itself(picture, store):
    """Whatever its marking; another agency does not."""
    author = Principal(name="sam", role=Role.ANALYST, agency="socialtjänsten")
    store.assess("2480", author, "Fältgruppen är ute.", Sharing(), END)
    whole = store.complete(picture())
    assert seen_by(whole, SOCIAL).assessments
    assert not seen_by(whole, RESCUE).assessments


def test_what_a_person_writes_is_for_the_police_until_marked():
    """The least that can go wrong when somebody forgets."""
    assert Sharing().marking is Marking.POLICE


@pytest.mark.parametrize("area", ["24", "1280", "2482"])
def test_a_partner_sees_its_own_area_alone(picture, area):
    """Also the county that it lies in is refused."""
    with pytest.raises(AccessError, match="2480"):
        seen_by(picture(area), RESCUE)


def test_changes_of_a_withheld_section_are_withheld(picture, store):
    """What changed would tell what is in it."""
    store.mark("2480", Section.SPREAD, Sharing(marking=Marking.POLICE))
    store.keep(picture(until=END - timedelta(days=5)))
    whole = store.complete(picture())
    assert Section.SPREAD in {change.section for change in whole.changes}
    assert {change.section for change in seen_by(whole, RESCUE).changes} == {change.section for change in whole.changes} - {Section.SPREAD}


def test_sharing_without_names_is_refused(store):
    """Partners are named, and only they."""
    for sharing in (Sharing(marking=Marking.PARTNERS), Sharing(marking=Marking.OPEN, agencies=("a",))):
        with pytest.raises(UsageError, match="marking"):
            store.mark("2480", Section.MAP, sharing)
        with pytest.raises(UsageError, match="marking"):
            store.assess("2480", OFFICER, "text", sharing, END)


def test_an_assessment_holds_no_personal_data(picture, store):
    """Numbers and addresses are taken out before it is stored; an empty one is refused; one that is withdrawn is gone from every picture."""
    kept = store.assess("2480", OFFICER, " Ring 070-174 06 05 eller anna@example.org. ", Sharing(), END)
    assert kept.text == "Ring [telefon] eller [e-post]."
    assert store.complete(picture()).assessments == (kept,)
    signed = store.sign(store.complete(picture()), OFFICER, END)
    store.withdraw(kept.id)
    assert store.complete(picture()).assessments == ()
    assert store.versions("2480")[-1].assessments == ()
    assert signed.assessments == (kept,)  # what was handed out then was handed out
    for text in ("", "   ", "x" * 10_001):
        with pytest.raises(UsageError, match="characters"):
            store.assess("2480", OFFICER, text, Sharing(), END)
    with pytest.raises(UsageError, match="none with number"):
        store.withdraw(kept.id)


def test_versions_are_numbered_and_say_what_changed(picture, store):
    """The first has none before it; the next says what is new, what holds no longer, and which counts are other ones."""
    first = picture(until=END - timedelta(days=5))
    assert store.complete(first).changes is None
    assert store.sign(store.complete(first), OFFICER, first.made).version == 1
    now = store.complete(picture())
    assert now.version == 2
    assert Change(section=Section.FIGURES, kind="more", what="fire", before=0, after=5) in now.changes
    assert Change(section=Section.SPREAD, kind="new", what="fire|Malmö, Umeå, Luleå") in now.changes
    assert Change(section=Section.STORIES, kind="new", what="fire|Umeå") in now.changes
    assert not [change for change in now.changes if change.what == "sexual"]  # a count that is not told is not compared
    store.sign(now, OFFICER, END)
    later = picture(until=END + timedelta(hours=1))
    gone = store.complete(replace(later, spread=(), stories=())).changes
    assert {(change.section, change.kind) for change in gone} >= {(Section.SPREAD, "gone"), (Section.STORIES, "gone")}


def test_who_signed_is_said(picture, store):
    """By name, agency and time; one nobody signed says so."""
    signed = store.sign(store.complete(picture()), OFFICER, END)
    assert (signed.signed.who, signed.signed.agency, signed.signed.at) == ("anna", "polisen", END)
    assert "Fastställd av anna (polisen), 16 mars 2026 kl. 00.00." in page(signed, Words("sv"))
    assert "Inte fastställd" in page(picture(), Words("sv"))
    assert store.last("2480").signed == signed.signed


def test_what_is_old_is_forgotten(picture, store):
    """Versions and assessments past their time."""
    store.assess("2480", OFFICER, "gammalt", Sharing(), END - timedelta(days=400))
    store.keep(picture(until=END - timedelta(days=30)))
    store.keep(picture())
    assert store.forget(END - timedelta(days=10)) == 2
    assert [one.made for one in store.versions("2480")] == [END]
