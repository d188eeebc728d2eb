"""``fjaril lagesbild``: the situation picture of an area."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.common import complain, opened, settings_of
from pipeline.cli.times import moment

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.situation.model import Section, Sharing, Situation
    from pipeline.situation.store import SituationStore
    from pipeline.situation.words import Words

_FORMATS = ("html", "pdf", "atom", "geojson", "json")


def lagesbild(
    context: typer.Context,
    area: Annotated[
        str, typer.Argument(metavar="AREA", help="Municipality or county by code or name (2480, Umeå, 24), or an area of the settings.")
    ],
    period: Annotated[str, typer.Option(metavar="7d|4w|…", help="Whole days or weeks.")] = "7d",
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="End of the period: a date or time, or 36h, 7d before now (default: now).")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="html, pdf, atom, geojson or json.")] = "html",
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of standard output.")] = None,
    lang: Annotated[str, typer.Option(metavar="sv|en", help="Its language.")] = "sv",
    agency: Annotated[str | None, typer.Option("--for", metavar="AGENCY", help="As this partner agency sees it.")] = None,
    assess: Annotated[str | None, typer.Option(metavar="TEXT", help="First add an assessment; --share says who may see it.")] = None,
    mark: Annotated[str | None, typer.Option(metavar="SECTION", help="First mark a section (figures, map, …) as --share says.")] = None,
    share: Annotated[str, typer.Option(metavar="WHO", help="open, police, or partner agencies, with commas between.")] = "police",
    sign: Annotated[bool, typer.Option("--sign", help="Sign it off, and keep it as a version.")] = False,
) -> None:
    """Make the situation picture of an area: what happened against what is expected, what spread, what is not seen."""
    from pipeline.clock import SystemClock
    from pipeline.errors import UsageError
    from pipeline.situation.period import begin, days_of
    from pipeline.situation.words import Words

    if form not in _FORMATS:
        raise UsageError(f"--format: found {form!r}; expected one of {', '.join(_FORMATS)}")
    words, days, settings = Words(lang), days_of(period), settings_of(context)
    made = SystemClock().now()
    end = _end(until) or made
    situation = _made(settings, area, begin(end, days), end, made)
    situation = _added(settings, situation, assess, mark, _sharing(share), sign=sign)
    if agency is not None:
        situation = _as_seen(situation, agency)
    _write(_formed(situation, form, words), output)


def _end(text: str | None) -> datetime | None:
    """A date alone is its beginning in Swedish time, as the days of the picture are."""
    from datetime import date

    from pipeline.situation.period import midnight

    try:
        return midnight(date.fromisoformat(text or ""))
    except ValueError:
        return moment("--until", text)


def _made(settings: Settings, area: str, since: datetime, until: datetime, made: datetime) -> Situation:
    from pipeline import app
    from pipeline.desk.state import read
    from pipeline.situation.areas import find

    found = find(area, app.gazetteer(settings), settings.areas)
    with opened(settings) as (bus, _):
        maker = app.picture_maker(settings, read(bus, "events", "findings", "stories", "sources"))
    if maker.latest and maker.latest < since:
        complain(f"nothing is in this period: the last occurrence of all was on {maker.latest:%Y-%m-%d}; name an earlier end with --until")
    return maker.make(found, since, until, made)


def _added(settings: Settings, situation: Situation, assess: str | None, mark: str | None, sharing: Sharing, *, sign: bool) -> Situation:
    """The picture with what people say of it; what they add now is logged first."""
    from contextlib import closing

    from pipeline import app

    with closing(app.open_pictures(settings)) as store:
        if assess is not None or mark is not None or sign:
            situation = _changed(settings, store, situation, assess, mark, sharing, sign=sign)
        return situation if sign else store.complete(situation)


def _changed(
    settings: Settings, store: SituationStore, situation: Situation, assess: str | None, mark: str | None, sharing: Sharing, *, sign: bool
) -> Situation:
    from contextlib import closing

    from pipeline import app
    from pipeline.access.roles import Action
    from pipeline.cli.audit import operator

    area, now, who = situation.area.code, situation.made, operator()
    with closing(app.open_access(settings)) as access:
        if mark is not None:
            section = _section(mark)
            access.audit.append(who, "", Action.SHARE, f"{area} {section} {sharing.marking} {' '.join(sharing.agencies)}", now)
            store.mark(area, section, sharing)
        if assess is not None:
            access.audit.append(who, "", Action.ASSESS, area, now)
            store.assess(area, who, assess, sharing, now)
        if sign:
            access.audit.append(who, "", Action.SIGN, area, now)
            situation = store.sign(store.complete(situation), who, now)
    return situation


def _sharing(text: str) -> Sharing:
    from pipeline.situation.model import Marking, Sharing

    if text in {Marking.OPEN, Marking.POLICE}:
        return Sharing(marking=Marking(text))
    return Sharing(marking=Marking.PARTNERS, agencies=tuple(name.strip() for name in text.split(",") if name.strip()))


def _section(text: str) -> Section:
    from pipeline.errors import UsageError
    from pipeline.situation.model import Section

    if text not in set(Section):
        raise UsageError(f"--mark: found {text!r}; expected one of {', '.join(Section)}")
    return Section(text)


def _as_seen(situation: Situation, agency: str) -> Situation:
    from pipeline.access.roles import Principal, Role
    from pipeline.situation.sharing import seen_by

    return seen_by(situation, Principal(name=agency, role=Role.VIEWER, agency=agency, areas=situation.area.places))


def _formed(situation: Situation, form: str, words: Words) -> bytes:
    import msgspec

    if form == "json":
        return msgspec.json.encode(situation) + b"\n"
    if form == "pdf":
        from pipeline.situation.pdf import pdf

        return pdf(situation, words)
    if form == "html":
        from pipeline.situation.html import page

        return page(situation, words).encode()
    from pipeline.situation.feeds import atom, geojson

    return atom(situation, words) if form == "atom" else geojson(situation)


def _write(data: bytes, output: Path | None) -> None:
    from pipeline.errors import UsageError

    if output is None:
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise UsageError(f"--output: {output}: {error.strerror}; name a file that can be written") from error
    typer.echo(str(output))
