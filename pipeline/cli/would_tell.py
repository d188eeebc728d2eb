"""What the example rules would have told of the demo, and whom by the example rota."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import counted

if TYPE_CHECKING:
    from pipeline.alerts.live.subjects import Names
    from pipeline.ports import Bus

#: The examples stand beside the program where it runs from its sources.
_EXAMPLES = Path(__file__).resolve().parent.parent.parent / "deploy"
RULES, ROTA = _EXAMPLES / "rules", _EXAMPLES / "rota.yaml"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def lines(bus: Bus, names: Names) -> Iterator[str]:
    """A line an alert, in order of time; none where the examples are not here."""
    if not (RULES.is_dir() and ROTA.is_file()):
        return
    from pipeline.alerts.current import Current
    from pipeline.alerts.live.life import counties
    from pipeline.alerts.live.rehearse import rehearse
    from pipeline.alerts.load import load
    from pipeline.alerts.rota.load import load as load_rota

    rules, rota = Current(RULES, load), load_rota(ROTA)
    by_name = {rule.name: rule for rule in rules.value}
    for alert in rehearse(bus, rules, _BEGINNING, names):
        targets = rota.targets(by_name[alert.rule].notify, counties(alert))
        officers = dict.fromkeys(officer.name for target in targets for officer in rota.rungs(target, alert.found)[0].officers)
        where = ", ".join(place.name for place in alert.places[:3]) or alert.key or ""
        resting = f"{counted(len(alert.causes), 'document')} of {counted(len(alert.sources), 'source')}"
        if alert.kind == "spread":
            resting = f"a finding, q {alert.certainty.q:g}" if alert.certainty.q is not None else "a finding"
        yield f"{alert.found:%d %b %H:%M} {alert.rule}, {alert.severity}: {where} ({resting}) → {', '.join(officers)}"
