"""``fjaril replay --rules``: what other alert rules would have told, against what was told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import counted, opened, output, print_json, print_table, printable
from pipeline.cli.times import moment

if TYPE_CHECKING:
    from pipeline.alerts.live.model import Alert
    from pipeline.settings import Settings

#: Differences of a rule that are shown; all of them with ``--json``.
_SHOWN = 10


def rehearse(settings: Settings, rules: Path, since: str, *, as_json: bool) -> None:
    """Go through what the bus holds with the rules, and print what differs."""
    from pipeline.alerts.current import Current
    from pipeline.alerts.live import desk
    from pipeline.alerts.live.rehearse import differences, sent
    from pipeline.alerts.live.rehearse import rehearse as go_through
    from pipeline.alerts.load import load

    begin = moment("--since", since) or datetime.now(UTC)
    current = Current(rules, load)
    with opened(settings) as (bus, _):
        before = sent(desk.board(bus).alerts.values(), begin)
        found = differences(before, go_through(bus, current, begin))
    if as_json:
        print_json(found)
        return
    rows = [(one.rule, one.before, one.now, one.both, len(one.no_longer), len(one.new)) for one in found]
    title = f"{counted(len(current.value), 'rule')} of {rules} since {begin:%Y-%m-%d %H:%M} UTC, against what was told"
    print_table(title, ("rule", "was told", "would be", "both", "no longer", "new"), rows)
    for one in found:
        for what, alerts in (("no longer", one.no_longer), ("new", one.new)):
            for alert in alerts[:_SHOWN]:
                output().print(f"{what}: {_line(alert)}", highlight=False, markup=False)
            if len(alerts) > _SHOWN:
                output().print(f"{what}: and {len(alerts) - _SHOWN} more of {one.rule}", highlight=False, markup=False)
    if not found:
        output().print("nothing was told, and nothing would be", highlight=False)


def _line(alert: Alert) -> str:
    where = alert.places[0].name if alert.places else alert.key or ""
    return printable(
        f"{alert.rule}, {alert.since:%Y-%m-%d %H:%M}, {where}, {counted(len(alert.causes), 'document')}: {', '.join(alert.causes[:3])}"
    )
