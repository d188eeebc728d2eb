"""``fjaril rules``: check, test, explain."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.common import AsJson, counted, input_bytes, opened, output, print_json, print_table, refusing, settings_of
from pipeline.cli.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from enrich.lines import Refuse
    from pipeline.alerts.kinds.base import Event
    from pipeline.alerts.rota.duty import Rota

app = typer.Typer(help="Alert rules: check them, and try them before trusting them.")
Rules = Annotated[Path, typer.Argument(metavar="RULES", help="A rule file, or a directory of them.")]
Docs = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Documents and findings as JSON Lines, - for standard input (default: the index).")
]
Since = Annotated[str, typer.Option(help="Of the index: how far back, as 90d, or 2026-03-01.")]


@app.command()
def check(rules: Rules, as_json: AsJson = False) -> None:
    """Say of each rule that it can be used; the first that cannot is named with file, line and key."""
    from pipeline.alerts.load import load
    from pipeline.alerts.trial import type_of

    found = load(rules)
    if as_json:
        print_json([{"rule": rule.name, "type": type_of(rule), "purpose": rule.purpose, "notify": rule.notify} for rule in found])
    else:
        rows = [(rule.name, type_of(rule), rule.severity, ", ".join(rule.notify), rule.purpose) for rule in found]
        print_table(f"{counted(len(found), 'rule')}, all right", ("rule", "type", "severity", "notify", "purpose"), rows)


@app.command("test")
def tried(
    context: typer.Context,
    rules: Rules,
    docs: Docs = None,
    since: Since = "90d",
    start: Annotated[str | None, typer.Option(help="What is earlier was there before the rules (default: the first document).")] = None,
    until: Annotated[str | None, typer.Option(help="Run the rules up to then (default: the last document).")] = None,
    as_json: AsJson = False,
) -> None:
    """What the rules would have sent.

    With --docs one JSON object an alert: {"rule", "time", "key", "ids", ...}; of the index how often each rule would have spoken, to whom,
    and how many of its marked alerts were of use; with --json the alerts.
    """
    from pipeline.alerts.engine import Course
    from pipeline.alerts.load import load
    from pipeline.alerts.trial import tally

    found = load(rules)
    with refusing(docs) as refuse:
        course = Course(found, _events(context, docs, since, refuse))
        alerts = course.alerts(start=moment("--start", start), until=moment("--until", until))
        if docs is not None or as_json:
            for alert in alerts:
                print_json(alert)
        else:
            _show(tally(found, course, alerts, _marks(context), _rota(context)), len(course.events))


@app.command()
def explain(
    context: typer.Context,
    rules: Rules,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of a document.")],
    docs: Docs = None,
    since: Since = "90d",
    as_json: AsJson = False,
) -> None:
    """Why each rule did or did not speak of a document, step by step."""
    from pipeline.alerts.load import load
    from pipeline.alerts.trial import explain as steps

    found = load(rules)
    with refusing(docs) as refuse:
        events = _events(context, docs, since, refuse)
        said = [(rule.name, *step) for rule in found for step in steps(rule, document, events)]
    if as_json:
        print_json([{"rule": rule, "step": step, "holds": holds, "found": what} for rule, step, holds, what in said])
    else:
        print_table("", ("rule", "step", "", "found"), [(rule, step, "yes" if holds else "no", what) for rule, step, holds, what in said])


def _events(context: typer.Context, docs: Path | None, since: str, refuse: Refuse) -> list[Event]:
    """Of the file, else of the index; a line that cannot be read is refused."""
    return list(_of_file(docs, refuse)) if docs is not None else _of_index(context, since)


def _of_file(docs: Path, refuse: Refuse) -> Iterator[Event]:
    import msgspec

    from enrich.lines import read_lines
    from pipeline.alerts.trial import event_of
    from pipeline.errors import UsageError

    decoder = msgspec.json.Decoder(dict[str, Any])
    expected = 'an object, as {"id": "a", "published": "2026-03-01T12:00:00Z", "themes": [{"id": "fire"}]}'
    for number, document in enumerate(read_lines(input_bytes(docs), decoder.decode, expected, refuse), 1):
        try:
            yield event_of(document, number)
        except UsageError as error:
            refuse(error)


def _of_index(context: typer.Context, since: str) -> list[Event]:
    """The documents of the index, and findings, stories and states of sources of the bus in each of their versions."""
    import msgspec

    import pipeline.app
    from pipeline.alerts.kinds.base import Event
    from pipeline.alerts.live import subjects
    from pipeline.alerts.trial import event_of
    from pipeline.ports import Filters

    begin = moment("--since", since)
    with opened(settings_of(context)) as (bus, index):
        records = [record for topic in ("findings", "stories", "sources") for record in bus.read(topic, begin) if record.value]
        documents = [
            msgspec.to_builtins(one, builtin_types=(datetime,)) for one in pipeline.app.every_document(index, Filters(since=begin))
        ]
    found = [(subjects.read(record), record.timestamp) for record in records]
    return [*map(event_of, documents), *(Event(one.time or at, one.id, one.document) for one, at in found)]


def _marks(context: typer.Context) -> dict[str, dict[str, bool]]:
    from pipeline.alerts.live import desk

    with opened(settings_of(context)) as (bus, _):
        return desk.marks(desk.board(bus).alerts.values())


def _rota(context: typer.Context) -> Rota | None:
    from pipeline.alerts.rota.load import load

    path = settings_of(context).rota
    return load(path) if path is not None else None


def _show(tallies: list[Any], documents: int) -> None:
    rows = [
        (
            one.rule,
            one.type,
            one.documents,
            one.alerts,
            one.per_week,
            *(f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (one.first, one.last)),
            "" if one.precision is None else f"{one.useful} of {one.useful + one.not_useful}",
            ", ".join(one.to[:3]) + (" …" if len(one.to) > 3 else ""),
        )
        for one in tallies
    ]
    print_table(
        f"{counted(documents, 'document')} and findings, times in UTC",
        ("rule", "type", "documents", "alerts", "a week", "first sent", "last sent", "useful", "to"),
        rows,
    )
    if not documents:
        output().print("no document is that new; look further back with --since", highlight=False)
