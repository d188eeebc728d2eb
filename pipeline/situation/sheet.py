"""The picture as sections of text, tables and pictures: the same for a page and for paper, so that both say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from msgspec import Struct

from pipeline.situation import pictures
from pipeline.situation.model import BlindLine, Change, Figure, Marking, Section, Sharing, Situation, SourceLine, SpreadLine, StoryLine
from pipeline.situation.privacy import FEWEST
from pipeline.situation.sharing import UNMARKED
from pipeline.situation.words import Words

#: Most municipalities that stand beside the map.
_MOST_PLACES = 14
#: How the time of a blind spot is told, where it is not that of a source's last news.
_SINCE = {"stopped": "blind.asked", "begun": "blind.first"}


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    """A paragraph."""

    text: str
    #: A note in small letters.
    note: bool = False


class Quote(Struct, frozen=True, kw_only=True, tag="quote"):
    """What a person wrote."""

    text: str
    by: str
    marking: str


class Table(Struct, frozen=True, kw_only=True, tag="table"):
    """Cells of text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: Columns of numbers.
    numbers: tuple[int, ...] = ()
    #: Rows to be seen first.
    strong: tuple[int, ...] = ()
    #: Shares of the width on paper, one a column; 0: as wide as what it holds.
    widths: tuple[int, ...] = ()


class Picture(Struct, frozen=True, kw_only=True, tag="picture"):
    """An SVG, and in words what it shows."""

    svg: str
    words: str
    #: Share of the page's width.
    width: float


Block = Text | Quote | Table | Picture


class Part(Struct, frozen=True, kw_only=True):
    """A section as it is shown."""

    key: str
    title: str
    #: Who may see it, in words.
    marking: str
    #: Whether people wrote it; else the machine made it.
    by_people: bool
    blocks: tuple[Block, ...]


class Sheet(Struct, frozen=True, kw_only=True):
    """A picture ready to be laid out."""

    language: str
    title: str
    #: What the area is, where its name does not say it.
    kind: str
    lines: tuple[str, ...]
    #: What stands out, a sentence each, of the sections that are not withheld.
    brief: tuple[str, ...]
    #: Whether somebody answers for it, in a sentence.
    signed: str
    is_signed: bool
    parts: tuple[Part, ...]


def sheet(situation: Situation, words: Words, font: str | None) -> Sheet:
    """Lay out the picture in a language.

    :param font: of what is drawn; None: whoever lays it out draws map and trends.
    """
    last = situation.until - timedelta(seconds=1)
    signed = situation.signed
    return Sheet(
        language=words.language,
        title=f"{words('title')} {situation.area.name}",
        kind="" if situation.area.kind == "county" else words(situation.area.kind),
        lines=(
            f"{words('period')}: {words.time(situation.since)} – {words.time(last)}",
            f"{words('made')}: {words.time(situation.made)}. {words('version')} {situation.version}. {words('zone')}",
        ),
        brief=tuple(_brief(situation, words)),
        signed=f"{words('signed')} {_person(signed.who, signed.agency)}, {words.time(signed.at)}." if signed else words("unsigned"),
        is_signed=signed is not None,
        parts=tuple(_parts(situation, words, font)),
    )


def _brief(situation: Situation, words: Words) -> Iterator[str]:
    """What a reader who has a minute is told."""
    if Section.FIGURES not in situation.withheld and situation.figures:
        unusual = {key: [figure for figure in situation.figures if figure.verdict == key] for key in ("more", "fewer")}
        for key, found in unusual.items():
            if found:
                yield words(f"brief.{key}", what=", ".join(_beyond(figure, words) for figure in found))
        if not any(unusual.values()):
            is_known = any(figure.verdict == "usual" for figure in situation.figures)
            yield words("brief.usual" if is_known else "brief.unknown")
    elif Section.FIGURES not in situation.withheld:
        yield words("none")
    if Section.SPREAD not in situation.withheld:
        spread = sum(line.kind == "spread" for line in situation.spread)
        yield words("brief.spread", n=spread) if spread else words("brief.no_spread")
    if Section.BLIND not in situation.withheld and situation.blind:
        yield words("brief.blind", n=len(situation.blind))


def _beyond(figure: Figure, words: Words) -> str:
    return words("brief.figure", theme=words.group(figure.theme), count=figure.count, low=figure.low, high=figure.high)


def _parts(situation: Situation, words: Words, font: str | None) -> Iterator[Part]:
    yield _assessments(situation, words)
    made: tuple[tuple[Section, Callable[[], Iterator[Block]]], ...] = (
        (Section.FIGURES, lambda: _figures(situation, words)),
        (Section.MAP, lambda: _map(situation, words, font)),
        (Section.TRENDS, lambda: _trends(situation, words, font)),
        (Section.SPREAD, lambda: _spread(situation, words)),
        (Section.STORIES, lambda: _stories(situation, words)),
        (Section.BLIND, lambda: _blind(situation, words)),
        (Section.SOURCES, lambda: _sources(situation, words)),
    )
    for number, (section, blocks) in enumerate(made):
        if number == 1:
            yield _changes(situation, words)
        marking = _marking(situation.sharing.get(section, UNMARKED), words)
        told = (Text(text=words("withheld"), note=True),) if section in situation.withheld else tuple(blocks())
        yield Part(key=section.value, title=words(section.value), marking=marking, by_people=False, blocks=told)
    notes = (words("note.expected"), words("note.spread"), words("note.privacy", n=FEWEST))
    yield Part(key="notes", title=words("notes"), marking="", by_people=False, blocks=tuple(Text(text=note, note=True) for note in notes))


def _assessments(situation: Situation, words: Words) -> Part:
    quotes: tuple[Block, ...] = tuple(
        Quote(text=one.text, by=f"{_person(one.who, one.agency)}, {words.time(one.at)}", marking=_marking(one.sharing, words))
        for one in situation.assessments
    )
    blocks = quotes or (Text(text=words("assessments.none"), note=True),)
    return Part(key="assessments", title=words("assessments"), marking="", by_people=True, blocks=blocks)


def _figures(situation: Situation, words: Words) -> Iterator[Block]:
    if not situation.figures:
        yield Text(text=words("none"))
        return
    columns = ("theme", "count", "expected", "ordinary", "ratio", "confirmed", "reading")
    yield Table(
        columns=tuple(map(words, columns)),
        rows=tuple(_figure(figure, words) for figure in situation.figures),
        numbers=(1, 2, 3, 4, 5),
        widths=(1, 0, 0, 0, 0, 0, 1),
        strong=tuple(number for number, figure in enumerate(situation.figures) if figure.verdict == "more"),
    )


def _figure(figure: Figure, words: Words) -> tuple[str, ...]:
    name = words.group(figure.theme)
    if figure.count is None:
        return (name, words("hidden", n=FEWEST), "", "", "", "", "")
    expected = "–" if figure.expected is None else words.number(figure.expected)
    ordinary = "–" if figure.low is None else f"{figure.low}–{figure.high}"
    ratio = "–"
    if figure.ratio is not None and figure.ratio_low is not None and figure.ratio_high is not None:
        ratio = f"{words.number(figure.ratio)} ({words.number(figure.ratio_low)}–{words.number(figure.ratio_high)})"
    return (name, str(figure.count), expected, ordinary, ratio, str(figure.confirmed or 0), words(figure.verdict))


def _changes(situation: Situation, words: Words) -> Part:
    if situation.changes is None:
        blocks: tuple[Block, ...] = (Text(text=words("changes.first"), note=True),)
    elif not situation.changes:
        blocks = (Text(text=words("changes.none")),)
    else:
        rows = tuple(
            (
                words(f"short.{change.section}"),
                _what(change, words),
                words(f"change.{change.kind}", before=change.before, after=change.after),
            )
            for change in situation.changes
        )
        blocks = (Table(columns=("", "", ""), rows=rows, widths=(0, 2, 1)),)
    return Part(key="changes", title=words("changes"), marking="", by_people=False, blocks=blocks)


def _what(change: Change, words: Words) -> str:
    theme, _, rest = change.what.partition("|")
    if change.section is Section.BLIND:
        return change.what
    return f"{words.group(theme)}: {rest}" if rest else words.group(theme)


def _map(situation: Situation, words: Words, font: str | None) -> Iterator[Block]:
    if not situation.spots:
        yield Text(text=words("none"))
        return
    most = sorted(situation.spots, key=lambda spot: (-spot.count, spot.code))
    told = ", ".join(f"{spot.name} {spot.count}" for spot in most)
    yield Picture(svg=pictures.draw_map(situation, font) if font else "", words=f"{words('map')}: {told}", width=0.38)
    rows = [(spot.name, str(spot.count)) for spot in most[:_MOST_PLACES]]
    if more := most[_MOST_PLACES:]:
        rows.append((words("more.places", n=len(more)), str(sum(spot.count for spot in more))))
    yield Table(columns=(words("where"), words("count")), rows=tuple(rows), numbers=(1,), widths=(1, 0))


def _trends(situation: Situation, words: Words, font: str | None) -> Iterator[Block]:
    if not situation.trends:
        yield Text(text=words("none"))
        return
    size = pictures.COLUMNS if font else len(situation.trends)
    for start in range(0, len(situation.trends), size):
        row = situation.trends[start : start + size]
        told = "; ".join(f"{words.group(trend.theme)} {' '.join(str(day.count) for day in trend.days)}" for trend in row)
        svg = pictures.draw_trends(row, situation, words, font) if font else ""
        yield Picture(svg=svg, words=f"{words('trends')}: {told}", width=pictures.width_of(len(row)))
    yield Text(text=words("legend"), note=True)


def _spread(situation: Situation, words: Words) -> Iterator[Block]:
    if not situation.spread:
        yield Text(text=words("none"))
        return
    columns = tuple(map(words, ("direction", "theme", "way", "when", "support")))
    yield Table(columns=columns, rows=tuple(_finding(line, words) for line in situation.spread), widths=(0, 0, 3, 2, 4))


def _finding(line: SpreadLine, words: Words) -> tuple[str, ...]:
    more = len(line.places) - 6
    way = (" → " if line.kind == "spread" else ", ").join(line.places[:6]) + (f" +{more}" if more > 0 else "")
    expected = words.rare(line.expected_per_year)
    support = (
        words("support.spread", linked=line.linked, steps=line.steps, expected=expected)
        if line.kind == "spread"
        else words("support.other", expected=expected)
    )
    return (words(line.direction), words.group(line.theme), way, words.time(line.began), f"{words(f'kind.{line.kind}')}: {support}")


def _stories(situation: Situation, words: Words) -> Iterator[Block]:
    if not situation.stories:
        yield Text(text=words("none"))
        return
    columns = tuple(map(words, ("theme", "where", "when", "coverage", "independent")))
    yield Table(columns=columns, rows=tuple(_story(line, words) for line in situation.stories), numbers=(3, 4), widths=(0, 1, 0, 0, 0))


def _story(line: StoryLine, words: Words) -> tuple[str, ...]:
    days = dict.fromkeys(map(words.short_day, (line.first, line.last)))
    more = len(line.places) - 4
    where = ", ".join(line.places[:4]) + (f" +{more}" if more > 0 else "")
    return (words.group(line.theme), where, "–".join(days), str(line.coverage), str(line.independent))


def _blind(situation: Situation, words: Words) -> Iterator[Block]:
    if not situation.blind:
        yield Text(text=words("blind.none"))
        return
    for line in situation.blind:
        yield Text(text=f"• {_unseen(line, words)}.")
    yield Text(text=words("blind.meaning"), note=True)


def _unseen(line: BlindLine, words: Words) -> str:
    since = words(_SINCE.get(line.kind, "blind.since"), time=words.time(line.since)) if line.since else ""
    return words(f"blind.{line.kind}", what=line.what, since=since, count=line.count)


def _sources(situation: Situation, words: Words) -> Iterator[Block]:
    if not situation.sources:
        yield Text(text=words("sources.none"))
        return
    columns = tuple(map(words, ("source", "reliability", "health", "latest", "told")))
    yield Table(columns=columns, rows=tuple(_source(line, words) for line in situation.sources), numbers=(4,), widths=(1, 0, 0, 0, 0))
    yield Text(text=words("grades"), note=True)
    if not all(line.listed for line in situation.sources):
        yield Text(text=words("unlisted"), note=True)


def _source(line: SourceLine, words: Words) -> tuple[str, ...]:
    health = "health.never" if line.health is None else "health.failing" if line.health.is_failure else "health.ok"
    grade = line.reliability.value + ("" if line.listed else " *")
    return (line.name, grade, words(health), words.time(line.changed) if line.changed else "–", str(line.told))


def _marking(sharing: Sharing, words: Words) -> str:
    named = f" {', '.join(sharing.agencies)}" if sharing.marking is Marking.PARTNERS else ""
    return words(sharing.marking.value) + named


def _person(name: str, agency: str) -> str:
    return f"{name} ({agency})" if agency else name
