from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.failures import Blocked, Empty, Malformed
from collectors.kinds.polisen import Polisen, parse_events
from collectors.sandbox import Sandbox
from tests.collectors.world import event, events, http


def test_an_event_keeps_its_seven_fields_as_the_source_wrote_them() -> None:
    """Compact JSON of the same fields and values; the id is the native id."""
    record = event(7, summary='Å "ä" ö </b> 😀')
    (item,) = parse_events(json.dumps([record], indent=2).encode()).items
    assert json.loads(item.body) == record
    assert item.native_id == "7"
    assert ": " not in item.body.replace(record["summary"], "").replace(record["name"], "")


def test_control_characters_are_taken_out() -> None:
    """Of every field, whether escaped or not; line breaks stay, and so does what stands after them."""
    strange = "Ett\n\x1b[2Jtvå\ttre\x7f\x9b\x00"
    record = event(
        7, name=strange, summary=strange, url=strange, type=strange, datetime=strange, location={"name": strange, "gps": strange}
    )
    for body in (events(record), json.dumps([record]).encode()):
        read = json.loads(parse_events(body).items[0].body)
        assert {*read.pop("location").values(), *read.values()} == {7, "Ett\n[2Jtvå tre"}


def test_the_content_hash_is_of_values_not_of_layout() -> None:
    """Blanks, escapes and the order of fields do not make a revision."""
    record = event(7)
    plain, indented, escaped, turned = (
        events(record),
        json.dumps([record], indent=4).encode(),
        json.dumps([record], ensure_ascii=True).encode(),
        events(dict(reversed(record.items()))),
    )
    assert len({parse_events(body).items[0].content_hash for body in (plain, indented, escaped, turned)}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"url": "/x"}, {"summary": "annat"}, {"name": "annat"}, {"type": "Brand"}, {"datetime": "2026-03-01 9:06:00 +01:00"},
        {"location": {"name": "Annan", "gps": "59.0,18.0"}}, {"location": {"name": "Påhittade kommunen", "gps": "59.1,18.0"}},
    ],
)  # fmt: skip
def test_every_field_is_content(change: dict[str, Any]) -> None:
    """Edits keep id and time, so a change of any field is a new hash under the same id."""
    before, after = parse_events(events(event(7), event(7, **change))).items
    assert before.native_id == after.native_id
    assert before.content_hash != after.content_hash


@pytest.mark.parametrize("body", [b"", b"  \n", b"[]", b" [ ] "])
def test_empty_answers_are_empty(body: bytes) -> None:
    """They occur, and are an outage rather than news."""
    with pytest.raises(Empty):
        parse_events(body)


@pytest.mark.parametrize("body", [b"{}", b"[1,", b"<html>", b"null", b"\xff\xfe", b'{"id":1}', b"[" * 100_000])
def test_what_is_no_array_is_malformed(body: bytes) -> None:
    """With what was found."""
    with pytest.raises(Malformed, match="not a JSON array"):
        parse_events(body)


@pytest.mark.parametrize(
    "record",
    [
        1, None, "x", [], {}, {**event(9), "id": "9"}, {**event(9), "id": None}, {**event(9), "location": None},
        {**event(9), "location": {"name": "x"}}, {**event(9), "summary": None}, {**event(9), "datetime": ""},
        {name: value for name, value in event(9).items() if name != "url"}, event(9, summary="x" * 1_000_001),
    ],
)  # fmt: skip
def test_a_bad_record_dies_alone(record: Any) -> None:
    """The others of the answer are kept, and the bad one is kept as it came."""
    parsed = parse_events(events(event(1), record, event(2)))
    assert [item.native_id for item in parsed.items] == ["1", "2"]
    assert len(parsed.bad) == 1
    assert parsed.bad[0].original[:200] == json.dumps(record, ensure_ascii=False).encode()[:200]
    assert parsed.size == 3


def test_a_broken_string_dies_alone() -> None:
    """Half a surrogate pair, or bytes that are not UTF-8, cost one record and not the whole answer."""
    for broken in (b"\\ud83d", b"\xff\xfe"):
        parsed = parse_events(events(event(1), event(2, summary="XXXX"), event(3)).replace(b"XXXX", broken))
        assert [item.native_id for item in parsed.items] == ["1", "3"]
        assert len(parsed.bad) == 1


def test_a_field_that_the_api_gains_changes_nothing() -> None:
    """It is left out of body and hash, so it neither stops the source nor makes 500 revisions."""
    assert parse_events(events({**event(9), "views": 17})).items == parse_events(events(event(9))).items


def test_the_api_wants_a_contact() -> None:
    """Without one it would answer 403; the text names the setting."""
    with pytest.raises(Blocked, match=r"http\.contact"):
        Polisen(Sandbox()).check(http(contact=""))
    Polisen(Sandbox()).check(http())
