"""Rota files for tests. All persons are invented."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from pipeline.alerts.rota.duty import Rota
from pipeline.alerts.rota.load import load
from pipeline.alerts.rota.walltime import WEEK, written

HEAD = """\
channels:
  sms: {kind: sms, url: "https://sms.example/send", form: {to: "{to}", text: "{text}"}}
  epost: {kind: email, host: smtp.example, from: fjaril@kommun.example}
officers:
  anna: {name: Anna Exempel, channels: {sms: "+46701740605", epost: anna@kommun.example}}
  bo: {name: Bo Exempel, channels: {sms: "+46701740606"}}
  cia: {name: Cia Exempel, channels: {epost: cia@kommun.example}}
  desk: {name: Desk Example, channels: {sms: "+46701740609"}}
fallback: [desk]
"""
PEOPLE = ("anna", "bo", "cia")


def rota_of(directory: Path, regions: str, head: str = HEAD) -> Rota:
    """The rota whose file ends with these lines."""
    file = directory / "rota.yaml"
    file.write_text(head + regions, encoding="utf-8")
    return load(file)


@st.composite
def partitions(draw: st.DrawFn) -> str:
    """Shifts that cover the week: cut anywhere, often at the hours in which the clock is changed."""
    hours = st.integers(0, 7 * 24 * 4 - 1).map(lambda quarter: quarter * 15)
    sunday = st.sampled_from([6 * 1440 + minute for minute in (60, 90, 120, 135, 150, 180, 195)])
    cuts = sorted(draw(st.sets(hours | sunday, min_size=1, max_size=8)))
    lines = []
    for number, start in enumerate(cuts):
        end = cuts[(number + 1) % len(cuts)]
        turns = draw(st.booleans())
        people = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True))
        who = f"rotation: [{', '.join(people)}], since: 2026-01-05" if turns else f"officers: [{', '.join(people)}]"
        lines.append(f'    - {{from: "{written(start)}", to: "{written(end % WEEK)}", {who}}}\n')
    return "    shifts:\n" + "".join(lines)
