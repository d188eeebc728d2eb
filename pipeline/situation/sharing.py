"""What somebody sees of a picture: by the marking of each section and the agencies that it names."""

from __future__ import annotations

from msgspec.structs import replace

from pipeline.access.roles import Action, Principal
from pipeline.errors import AccessError
from pipeline.situation.model import Assessment, Marking, Section, Sharing, Situation

#: What the machine says rests on public notices and is open until somebody marks it; what a person writes is for the police until then.
UNMARKED = Sharing(marking=Marking.OPEN)
#: Sections that another one could be computed from: who does not see the figures sees no trend that adds up to them.
_TELL_IT_TOO = {Section.FIGURES: frozenset({Section.MAP, Section.TRENDS})}
#: Section → fields of the picture.
_FIELDS = {
    Section.FIGURES: "figures",
    Section.MAP: "spots",
    Section.TRENDS: "trends",
    Section.STORIES: "stories",
    Section.SPREAD: "spread",
    Section.BLIND: "blind",
    Section.SOURCES: "sources",
}


def seen_by(situation: Situation, who: Principal) -> Situation:
    """The picture as they may see it: what is withheld is empty, and named; others' assessments are not there at all.

    :raises AccessError: if they may not see any of the area.
    """
    if not who.may(Action.READ_SITUATION) or not all(who.sees(code) for code in situation.area.places):
        raise AccessError(f"{situation.area.name}: {who.agency or who.name} sees {', '.join(who.areas) or 'nothing'} only")
    unseen = {section for section in Section if not _is_seen(situation.sharing.get(section, UNMARKED), who)}
    unseen |= {other for section in unseen for other in _TELL_IT_TOO.get(section, ())}
    withheld = tuple(section for section in Section if section in unseen)
    empty = {_FIELDS[section]: () for section in withheld}
    changes = situation.changes and tuple(change for change in situation.changes if change.section not in withheld)
    sharing = {section: _named(sharing, who) for section, sharing in situation.sharing.items() if section not in withheld}
    return replace(situation, assessments=_assessments(situation, who), changes=changes, withheld=withheld, sharing=sharing, **empty)


def _assessments(situation: Situation, who: Principal) -> tuple[Assessment, ...]:
    return tuple(
        replace(one, sharing=_named(one.sharing, who))
        for one in situation.assessments
        if _is_seen(one.sharing, who) or (one.agency and one.agency == who.agency)
    )


def _is_seen(sharing: Sharing, who: Principal) -> bool:
    if not who.is_bounded or sharing.marking is Marking.OPEN:
        return True
    return sharing.marking is Marking.PARTNERS and bool(who.agency) and who.agency in sharing.agencies


def _named(sharing: Sharing, who: Principal) -> Sharing:
    """A partner is not told with whom else something is shared."""
    return replace(sharing, agencies=(who.agency,)) if who.is_bounded and sharing.agencies else sharing
