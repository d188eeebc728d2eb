"""The wire format: what is written is read back, by this version and the next, and nothing else is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import WireError
from pipeline.model import (
    Alternative,
    Books,
    ChangeKind,
    DeadLetter,
    Document,
    Health,
    Incident,
    IndexBooks,
    Instant,
    ItemState,
    Place,
    PlaceKind,
    PlaceRole,
    Provenance,
    RawItem,
    Redaction,
    Reliability,
    Retry,
    SourceState,
    Story,
    StoryChange,
    StoryMember,
    Theme,
    Versions,
    Wire,
    decode,
    document_id,
    encode,
    fingerprint,
    utc,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ITEM = ItemState(source="one", content_hash="0" * 32, revision=1, seen=NOON)

text = st.text(max_size=20)
number = st.integers(-(2**63), 2**63 - 1)
real = st.floats(allow_nan=False, allow_infinity=False)
moment = st.datetimes(timezones=st.just(UTC))


def made(kind: type[msgspec.Struct], **fields: st.SearchStrategy) -> st.SearchStrategy:
    """Any object of the kind, every field of it drawn by the field's type."""
    names = {field.name: field for field in msgspec.structs.fields(kind) if field.name != "v"}
    drawn = {name: fields.get(name) or by_type(str(kind.__annotations__[name])) for name in names}
    return st.builds(kind, **drawn)


def by_type(annotation: str) -> st.SearchStrategy:
    if annotation.endswith(" | None"):
        return st.none() | by_type(annotation.removesuffix(" | None"))
    if annotation.startswith("tuple[") and annotation.endswith(", ...]"):
        inner = by_type(annotation.removeprefix("tuple[").removesuffix(", ...]"))
        return st.lists(inner, max_size=3).map(tuple)
    if annotation == "dict[str, int]":
        return st.dictionaries(text, number, max_size=3)
    if annotation == "dict[str, str]":
        return st.dictionaries(text, text, max_size=3)
    known = {
        "str": text, "int": number, "Revision": st.integers(1, 1_000_000), "float": real, "bool": st.booleans(), "Instant": moment, "bytes": st.binary(max_size=20),
        "Health": st.sampled_from(Health), "Reliability": st.sampled_from(Reliability), "PlaceKind": st.sampled_from(PlaceKind),
        "PlaceRole": st.sampled_from(PlaceRole), "Alternative": made(Alternative) if annotation == "Alternative" else None,
        "Place": made(Place) if annotation == "Place" else None, "Theme": made(Theme) if annotation == "Theme" else None,
        "ChangeKind": st.sampled_from(get_args(ChangeKind)) if annotation == "ChangeKind" else None,
        "StoryChange": made(StoryChange) if annotation == "StoryChange" else None,
        "Incident": made(Incident) if annotation == "Incident" else None,
        "Redaction": made(Redaction) if annotation == "Redaction" else None,
        "Provenance": made(Provenance) if annotation == "Provenance" else None,
    }  # fmt: skip
    strategy = known[annotation]
    assert strategy is not None
    return strategy


def kinds() -> list[type[Wire]]:
    """Every type of the wire that the model defines."""
    return sorted((kind for kind in Wire.__subclasses__() if kind.__module__ == "pipeline.model"), key=lambda kind: kind.__name__)


class Counted(Wire, frozen=True, kw_only=True, tag="counted"):
    """A type that has come to its third version."""

    WIRE_VERSION: ClassVar[int] = 3
    seen: Instant = NOON
    v: int = 3


def test_every_type_of_the_wire_is_tested():
    """Each is one of these; each tag names one of them."""
    assert kinds() == [Books, DeadLetter, Document, IndexBooks, ItemState, RawItem, Retry, SourceState, Story, StoryMember, Versions]
    assert len({kind.__struct_config__.tag for kind in kinds()}) == len(kinds())


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(kind, data):
    """Whatever a record of the wire holds, decoding its encoding gives it back, equal in every field."""
    record = data.draw(made(kind))
    assert decode(encode(record), kind) == record


def test_a_record_says_what_it_is():
    """UTF-8 JSON, with the tag of its type and its version."""
    raw = json.loads(encode(ITEM))
    assert (raw["type"], raw["v"]) == ("item_state", 1)


@pytest.mark.parametrize(("version", "read"), [(1, False), (2, True), (3, True), (4, False)])
def test_the_last_two_versions_are_read(version, read):
    """A reader takes its own version and the one before it; older and newer ones are refused, saying which are known."""
    data = encode(Counted(v=version))
    if read:
        assert decode(data, Counted).v == version
        return
    with pytest.raises(WireError, match=f"found version {version}; this reader knows 2 and 3"):
        decode(data, Counted)


def test_fields_of_a_later_version_are_passed_over():
    """A field that this reader does not know does no harm: stages are upgraded one at a time."""
    assert decode(encode(ITEM)[:-1] + b',"added_later":{"x":[1]}}', ItemState) == ITEM


def test_a_document_from_before_there_were_incidents_is_read():
    """A field with a default may be missing."""
    provenance = Provenance(source="one", native_id="1", fetched_url="", status=200, reliability=Reliability.B, area="SE")
    document = Document(id="a", revision=2, content_hash="0", published=NOON, fetched=NOON, provenance=provenance)
    fields = msgspec.json.decode(encode(document))
    del fields["incidents"]
    assert decode(msgspec.json.encode(fields), Document) == document


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'"\xff"', b'{"x":"\xff"}', b"[" * 100_000, encode(Books(partition=1)), b'{"type":"item_state","v":1}'],
    ids=["empty", "half", "list", "not UTF-8", "not UTF-8 inside", "deep", "other type", "fields missing"],
)
def test_what_is_no_record_is_refused(data):
    """Bytes that are not a record of the type are refused as that, whatever they are, with their beginning."""
    with pytest.raises(WireError, match="ItemState: "):
        decode(data, ItemState)


def test_a_time_without_zone_is_refused():
    """Neither the wire nor ``utc`` guesses a zone; a time in another zone stays the same moment."""
    with pytest.raises(WireError, match="timezone"):
        decode(encode(ITEM).replace(b"12:00:00Z", b"12:00:00"), ItemState)
    with pytest.raises(ValueError, match="without zone"):
        utc(datetime(2026, 3, 1, 12))  # noqa: DTZ001
    assert decode(encode(ITEM).replace(b"12:00:00Z", b"13:00:00+01:00"), ItemState).seen == NOON
    moved = utc(datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1))))
    assert (moved, moved.tzinfo) == (NOON, UTC)


def test_a_tombstone_has_no_content():
    """A withdrawn document carries who and when, nothing of what was said; its theme is none."""
    provenance = Provenance(
        source="one", native_id="1", fetched_url="https://example.org", status=200, reliability=Reliability.B, area="SE"
    )
    gone = Document(id="a", revision=2, content_hash="0", published=NOON, fetched=NOON, provenance=provenance, withdrawn=True)
    back = decode(encode(gone), Document)
    assert back == gone
    said = (
        back.title,
        back.text,
        back.url,
        back.links,
        back.tags,
        back.places,
        back.themes,
        back.incidents,
        back.redactions,
        back.category,
    )
    assert not any(said)
    assert back.primary_theme == "none"


@given(st.lists(text, max_size=4), st.lists(text, max_size=4))
def test_a_fingerprint_does_not_mix_its_parts(one, other):
    """Two lists of parts have the same fingerprint only if they are the same: no text moves from one part to the next."""
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


@given(st.text(min_size=1, max_size=20), st.data())
def test_shifting_a_border_between_parts_changes_the_fingerprint(whole, data):
    """``("ab", "c")`` and ``("a", "bc")`` are two things, as are a part and the same part with an empty one beside it."""
    cut, other = (data.draw(st.integers(0, len(whole))) for _ in range(2))
    same = fingerprint(whole[:cut], whole[cut:]) == fingerprint(whole[:other], whole[other:])
    assert same == (cut == other)
    assert len({fingerprint(whole), fingerprint(whole, ""), fingerprint("", whole)}) == 3
    assert document_id(whole[:cut], whole[cut:]) == fingerprint(whole[:cut], whole[cut:])


def test_a_fingerprint_is_the_same_everywhere():
    """Ids stored by one version are found by the next."""
    assert document_id("polisen", "637000") == "60114537ded62b93f38bfbdc6f871103"
    assert len(fingerprint("\ud800")) == 32


def test_codes_of_places():
    """A municipality holds what lies inside it, a county its municipalities; abroad has neither."""
    made_of = {"kind": PlaceKind.LOCALITY, "name": "x", "role": PlaceRole.HAPPENED, "score": 1.0}
    found = {code: (Place(code=code, **made_of).municipality, Place(code=code, **made_of).county) for code in ("0180:2673730", "01", "DK")}
    assert found == {"0180:2673730": ("0180", "01"), "01": (None, "01"), "DK": (None, None)}
