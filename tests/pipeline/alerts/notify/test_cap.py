"""CAP 1.2: every message is as the standard's schema and text have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

from pipeline.alerts.notify.cap import NAMESPACE, document, is_told
from pipeline.alerts.notify.config import CapConfig
from pipeline.alerts.notify.message import Certainty, Earlier, Kind, Named
from tests.pipeline.alerts.notify.samples import ALERT, course, notifications, sample

RULES = etree.RelaxNG(etree.parse(Path(__file__).with_name("cap.rng")))
CONFIG = CapConfig(url="https://cap.kommun.example/in", sender="fjaril@kommun.example", sender_name="Exempel kommun")
GOLDEN = Path(__file__).parents[3] / "golden" / "alerts" / "cap_update.xml"


def parsed(content: bytes) -> etree._Element:
    """The message, if it keeps the rules."""
    found = etree.fromstring(content)
    assert RULES.validate(found), RULES.error_log
    return found


def said(message: etree._Element, name: str) -> list[str]:
    """What the elements of that name hold."""
    return [str(one.text) for one in message.iter(f"{{{NAMESPACE}}}{name}")]


def test_an_alert_is_told_from_beginning_to_end():
    """Alert, updates and a cancellation; each refers to all that went out before, by sender, identifier and time."""
    told = [parsed(document(one, CONFIG)) for one in course() if is_told(one)]
    assert [said(one, "msgType") for one in told] == [["Alert"], ["Update"], ["Update"], ["Cancel"]]
    assert [said(one, "identifier") for one in told] == [[f"{ALERT}-{number}"] for number in (1, 3, 4, 5)]
    assert said(told[0], "references") == []
    expected = [f"fjaril@kommun.example,{said(one, 'identifier')[0]},{said(one, 'sent')[0]}" for one in told[:3]]
    assert said(told[3], "references")[0].split() == expected
    assert [said(one, "responseType")[0] for one in told] == ["Assess", "Assess", "AllClear", "AllClear"]
    assert [said(one, "urgency")[0] for one in told] == ["Immediate", "Immediate", "Past", "Past"]
    assert said(told[0], "sent") == ["2026-12-24T03:06:00+01:00"]
    assert said(told[0], "category") == ["Fire"]
    assert said(told[0], "valueName")[-2:] == ["SCB-kommun", "SCB-kommun"]
    assert said(told[0], "value")[-2:] == ["1280", "1281"]


def test_a_message_is_as_it_was_read():
    """The update, as it was read through and stored."""
    assert document(course()[2], CONFIG) == GOLDEN.read_bytes()


@given(notifications, st.lists(st.sampled_from(Kind), max_size=3), st.sampled_from(["Public", "Restricted"]))
@settings(max_examples=600, deadline=None)
def test_every_message_keeps_the_rules(one, kinds, scope):
    """Whatever is told, at any time, in any zone: order of elements, words, and times with ±hh:mm and without Z."""
    earlier = tuple(Earlier(number, kind, one.sent) for number, kind in enumerate(kinds, 1))
    config = CapConfig(url="https://a.example", sender="fjaril@kommun.example", scope=scope)
    one = replace(one, earlier=earlier)
    if not is_told(one):
        assert one.kind is Kind.ACKNOWLEDGED or not set(kinds) - {Kind.ACKNOWLEDGED}
        return
    message = parsed(document(one, config))
    for name in ("sent", "effective", "onset", "expires"):
        assert not any(time.endswith(("Z", "+00:00")) for time in said(message, name))


def test_a_text_cannot_be_markup():
    """Names are text, whatever stands in them; what XML has no character for is left out."""
    message = parsed(document(sample(places=(Named("1280", "</areaDesc><x>\x00\x0b&lt;"),), rule="a<b>&\ud800"), CONFIG))
    assert said(message, "areaDesc") == ["</areaDesc><x> &lt;"]


@pytest.mark.parametrize(("score", "expected"), [(None, "Unknown"), (0.5, "Possible"), (0.51, "Likely"), (1.0, "Likely")])
def test_certainty_is_never_more_than_likely(score, expected):
    """Observed is for those who were there."""
    assert said(parsed(document(sample(certainty=Certainty(score=score)), CONFIG)), "certainty") == [expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"+01:00</sent>", b"Z</sent>"),
        (b"<status>Actual</status>", b"<status>actual</status>"),
        (b"<restriction>For duty officers and partner agencies only</restriction>", b""),
        (b"<urgency>Immediate</urgency>", b""),
        (b"<msgType>Alert</msgType>", b"<msgType>Cancel</msgType>"),
        (b"<severity>Severe</severity><certainty>Likely</certainty>", b"<certainty>Likely</certainty><severity>Severe</severity>"),
        (ALERT.encode() + b"-1</identifier>", b"a b</identifier>"),
    ],
)
def test_the_rules_find_what_is_wrong(old, new):
    """A validator that takes everything would prove nothing."""
    good = document(sample(), CONFIG)
    assert old in good
    assert not RULES.validate(etree.fromstring(good.replace(old, new)))
