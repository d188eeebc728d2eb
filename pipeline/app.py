"""The only wiring: settings become adapters, adapters and stages become workers."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import disk
from pipeline.alerts import topics as alerting
from pipeline.bus.sqlite import SqliteBus
from pipeline.errors import SettingsError, UsageError
from pipeline.index.embedded import EmbeddedIndex
from pipeline.model import Document, Source, SourceState, Story, decode
from pipeline.ports import Bus, Clock, Filters, Index, Search, TabledIndex, Topic
from pipeline.settings import Settings, load_sources

if TYPE_CHECKING:  # what runs the stages takes seconds to import, and a search does not need it
    from spacy.language import Language

    from collectors.archive import Archive
    from collectors.collect import Collector
    from collectors.engine import Engine
    from collectors.people import Private
    from collectors.websub import Subscriber
    from enrich.gazetteer import Gazetteer
    from enrich.learned.explain import Meaning
    from enrich.learned.file import Learned
    from enrich.spread.stage import Spread
    from enrich.spread.table import Geography
    from enrich.stage import Enrich
    from enrich.views.common import Names
    from index_config.kibana.saved import SavedObject
    from pipeline.access.access import Access
    from pipeline.desk.state import State
    from pipeline.export.manifest import Manifest
    from pipeline.export.model import Day
    from pipeline.runner import Worker
    from pipeline.situation.make import Maker
    from pipeline.situation.store import SituationStore
    from pipeline.tables import View

#: File of what people add to situation pictures.
_PICTURES = "situations.db"
#: The stages in the order of the flow.
STAGES = ("collect", "enrich", "relate", "spread", "alerts", "index")
#: Stage → topics that it reads; ``deliver`` is a part of ``alerts``.
READS = {
    "enrich": ("raw",), "relate": ("documents",), "spread": ("related", "nights"), "alerts": alerting.INPUTS,
    "deliver": (alerting.NOTIFICATIONS,), "index": ("related",),
}  # fmt: skip


def stages(settings: Settings) -> tuple[str, ...]:
    """The stages that the settings leave on, in the order of the flow."""
    off = {"spread": not settings.analysis.spread, "alerts": settings.alerts.rules is None}
    return tuple(stage for stage in STAGES if not off.get(stage))


def topics(settings: Settings) -> tuple[Topic, ...]:
    """Every topic of the pipeline."""
    keep, partitions, on = settings.keep, settings.partitions, stages(settings)

    if "alerts" in on and settings.rota is not None:
        on = (*on, "deliver")

    def readers(topic: str) -> tuple[str, ...]:
        return tuple(stage for stage in on if topic in READS.get(stage, ()))

    return (
        Topic(name="raw", partitions=partitions, retention=timedelta(days=keep.raw), consumers=readers("raw")),
        Topic(name="documents", partitions=partitions, retention=timedelta(days=keep.documents), consumers=readers("documents")),
        Topic(name="related", partitions=partitions, retention=timedelta(days=keep.related), consumers=readers("related")),
        Topic(name="events", retention=timedelta(days=keep.related)),
        Topic(name="findings", retention=timedelta(days=keep.related), consumers=readers("findings")),
        Topic(name="nights", compacted=True, consumers=readers("nights")),
        Topic(name="dead", retention=timedelta(days=keep.dead)),
        Topic(name="retried", compacted=True),
        Topic(name="sources", compacted=True),
        Topic(name="items", compacted=True),
        Topic(name="erased", compacted=True),
        Topic(name="receipts", compacted=True),
        Topic(name="versions", compacted=True),
        Topic(name="stories", compacted=True),
        Topic(name="story_members", retention=timedelta(days=4)),  # longer than stories look back: enrich.stories.stories.WINDOW
        Topic(name="books", compacted=True),
        Topic(name="index_books", compacted=True),
        *(
            Topic(
                name=name, compacted=kept is None, consumers=readers(name),
                retention=None if kept is None else timedelta(days=kept or keep.related),
            )
            for name, kept in alerting.TOPICS.items()
        ),
    )  # fmt: skip


def open_bus(settings: Settings) -> Bus:
    """The bus that the settings name."""
    if settings.bus.startswith("kafka:"):
        from pipeline.bus.kafka.bus import KafkaBus

        return KafkaBus(settings.bus, topics(settings), settings.kafka)
    return SqliteBus(settings.bus_path, topics(settings))


def open_index(settings: Settings) -> Index:
    """The index that the settings name."""
    if settings.index.startswith("http"):
        from pipeline.index.elastic.index import ElasticIndex

        return ElasticIndex(settings.index, settings.elastic, _area_name(settings))
    return EmbeddedIndex(settings.index_path)


def open_access(settings: Settings) -> Access:
    """Accounts, sessions and the audit log of the data directory.

    :raises SettingsError: if the log's key is too short.
    """
    from pipeline.access.access import Access
    from pipeline.access.audit import KEY_BYTES

    secret = settings.secrets.get("audit")
    key = secret.get_secret_value().encode() if secret else None
    if key is not None and len(key) < KEY_BYTES:
        allowed = f"at least {KEY_BYTES} random bytes, as `openssl rand -hex 32` gives"
        raise SettingsError("settings", "secrets.audit", f"{len(key)} bytes", allowed)
    idle, longest = timedelta(minutes=settings.access.idle), timedelta(hours=settings.access.longest)
    return Access(settings.data_dir / "access", idle=idle, longest=longest, key=key)


def picture_maker(settings: Settings, state: State) -> Maker:
    """Makes situation pictures of what the topics say: ``events``, ``findings``, ``stories`` and ``sources`` are to be there."""
    import enrich.lexicon
    from pipeline.situation.make import Maker

    themes = (theme.id for theme in enrich.lexicon.load(settings.lexicon).themes)
    return Maker(state, load_sources(settings.sources), gazetteer(settings), themes)


def open_pictures(settings: Settings) -> SituationStore:
    """What people added to situation pictures, and the versions that were kept."""
    from pipeline.situation.store import SituationStore

    return SituationStore(settings.data_dir / _PICTURES)


def forget_pictures(settings: Settings, now: datetime) -> None:
    """Remove what people added to situation pictures, and the versions that were kept, once the events that they rest on are removed."""
    if (settings.data_dir / _PICTURES).exists():
        with closing(open_pictures(settings)) as pictures:
            pictures.forget(now - timedelta(days=settings.keep.related))


def _area_name(settings: Settings) -> Callable[[str], str]:
    """What people call a municipality, a county or a country; the gazetteer is read when the first is asked for."""
    places = cache(lambda: gazetteer(settings))
    return lambda code: places().name(code)


def set_up(settings: Settings, *, dry_run: bool) -> list[str]:
    """Make what is missing on the servers that the settings name, unless it is a dry run; a line for each change."""
    lines: list[str] = []
    if settings.bus.startswith("kafka:"):
        from pipeline.bus.kafka.bus import KafkaBus

        bus = KafkaBus(settings.bus, topics(settings), settings.kafka, make=not dry_run)
        lines += [f"topic {name}: new" for name in bus.missing]
        bus.close()
    if settings.index.startswith("http"):
        from index_config import templates
        from pipeline.index.elastic.connection import Address, Connection
        from pipeline.index.elastic.setup import install

        connection = Connection(Address.parse(settings.index), settings.elastic)
        prefix, swedish = connection.address.prefix, connection.has_swedish()
        lines += install(connection, templates.components(prefix, swedish=swedish), templates.indices(prefix), dry_run=dry_run)
        connection.client.close()
    return lines


def dashboards(settings: Settings) -> list[SavedObject]:
    """What analysts are shown of the index, as Kibana's saved objects.

    :raises UsageError: if the index is not on Elasticsearch.
    """
    import enrich.borders
    import enrich.lexicon
    from index_config.kibana import dashboards
    from pipeline.index.elastic.connection import Address

    if not settings.index.startswith("http"):
        raise UsageError(f"index: found {settings.index!r}; Kibana shows an index on Elasticsearch: set index to https://HOST:PORT/PREFIX")
    themes = {theme.id: theme.sv for theme in enrich.lexicon.load(settings.lexicon).themes}
    return dashboards.objects(Address.parse(settings.index).prefix, themes, enrich.borders.counties())


def show_in_kibana(settings: Settings, url: str, *, dry_run: bool) -> list[str]:
    """Import :func:`dashboards` into Kibana, unless it is a dry run; a line for each object.

    :raises FjarilError: if Kibana does not answer, is of another version, or does not take them.
    """
    from index_config.kibana.saved import ndjson
    from pipeline.index.elastic.kibana import Kibana

    objects, kibana = dashboards(settings), Kibana(url, settings.kibana)
    kibana.check()
    if not dry_run:
        kibana.load(ndjson(objects))
    return [f"kibana {one.type} {one.id}: {one.title}" for one in objects]


def language(settings: Settings) -> Language:
    """The spaCy pipeline that tags places and themes."""
    return _analysis(settings)[0]


def calm_collector() -> None:
    """What was built so far lives as long as the process, and records and texts refer to nothing in a circle: look for garbage less often.

    It took 6 to 9 % of the stages' time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def enrichment(settings: Settings) -> Enrich:
    """The stage that makes documents of items."""
    from enrich.stage import Enrich

    return Enrich(*_analysis(settings), incidents=settings.analysis.incidents)


def gazetteer(settings: Settings) -> Gazetteer:
    """Places by code and by name."""
    import enrich.gazetteer

    return enrich.gazetteer.load(settings.cache)


def naming(settings: Settings) -> Names:
    """What places and themes are called."""
    import enrich.lexicon
    from enrich.views.common import Names

    return Names(gazetteer(settings), enrich.lexicon.load(settings.lexicon))


def _analysis(settings: Settings) -> tuple[Language, Gazetteer]:
    import enrich.learned.file
    import enrich.lexicon
    import enrich.nlp

    places, learned = gazetteer(settings), enrich.learned.file.load(settings.data_dir)
    return enrich.nlp.build(places, enrich.lexicon.load(settings.lexicon), learned), places


def learn(settings: Settings, index: Index, tell: Callable[[float], None]) -> Learned:
    """What the documents of the index teach; nothing is stored.

    :param tell: is told how much is done, from 0 to 1.
    :raises UsageError: if no document has a place or category that its source states.
    """
    import enrich.lexicon
    import enrich.nlp
    from enrich.learn.examples import examples_of
    from enrich.learn.learning import learn as learn_from

    lexicon, places = enrich.lexicon.load(settings.lexicon), gazetteer(settings)
    total = max(1, index.count())

    def read() -> Iterator[Document]:
        for number, document in enumerate(every_document(index)):
            tell(0.2 * number / total)
            yield document

    examples = examples_of(read(), lexicon)
    return learn_from(examples, enrich.nlp.build(places, lexicon), places, lambda share: tell(0.2 + 0.8 * share))


def meaning(settings: Settings, word: str) -> Meaning:
    """What a word means to the pipeline as a place."""
    import enrich.learned.explain
    import enrich.learned.file

    nlp, places = _analysis(settings)
    return enrich.learned.explain.explain(word, places, enrich.learned.file.load(settings.data_dir), nlp)


def every_document(index: Index, filters: Filters = Filters()) -> Iterator[Document]:  # noqa: B008  (it is frozen)
    """The last version of every document that search finds, newest first."""
    after: str | None = None
    while True:
        page = index.search(Search(filters=filters, size=1_000, order="newest", after=after))
        for hit in page.hits:
            yield hit.document
        if (after := page.after) is None:
            return


def workers(settings: Settings, bus: Bus, index: Index | None, stages: Sequence[str], clock: Clock | None = None) -> list[Worker]:
    """The workers of the stages named, in the order of the flow; ``collect`` has none: it runs in the event loop.

    :param clock: of a pipeline that runs; None in a replay.
    """
    from enrich.relate import Relate
    from pipeline.runner import IndexWorker, StageWorker
    from pipeline.tables import TablesWorker

    made: list[Worker] = []
    if "enrich" in stages:
        made.append(StageWorker(enrichment(settings), bus, settings.runner.batch))
    if "relate" in stages:
        made.append(StageWorker(Relate(stories=settings.analysis.stories), bus, settings.runner.batch))
    if "spread" in stages:
        made.append(StageWorker(_spread(settings), bus, settings.runner.batch))
    if "alerts" in stages:
        made += alerting_workers(settings, bus, clock)
    if "index" in stages and index is not None:
        made.append(IndexWorker(index, bus, settings.runner.flush_documents, settings.runner.flush_seconds))
        if isinstance(index, TabledIndex):
            made.append(TablesWorker(index.tables, bus, views(settings), settings.runner.batch, settings.runner.flush_seconds))
    return made


def alerting_workers(settings: Settings, bus: Bus, clock: Clock | None) -> list[Worker]:
    """What makes alerts and sends messages; their clock ticks.

    :param clock: None in a replay, which goes by the time of its records and sends nothing.
    :raises FjarilError: if rules, rota or a secret of its channels are not right.
    """
    from pipeline.alerts.current import Current
    from pipeline.alerts.live.deliver import Deliverer
    from pipeline.alerts.live.stage import Alerts, start
    from pipeline.alerts.live.ticks import Ticks
    from pipeline.alerts.load import load as load_rules
    from pipeline.alerts.rota.load import load as load_rota
    from pipeline.runner import StageWorker

    if settings.alerts.rules is None:
        return []
    names = naming(settings)
    rota = settings.rota if clock is not None else None
    stage = Alerts(Current(settings.alerts.rules, load_rules), Current(rota, load_rota) if rota else None, names)
    worker = StageWorker(stage, bus, settings.runner.batch)
    if clock is None:
        return [worker]
    start(bus, clock.now())
    made: list[Worker] = [Ticks(bus, clock), worker]
    if rota is not None:
        made.append(Deliverer(bus, Current(rota, load_rota), settings.secrets, clock, link=settings.alerts.link))
    return made


def views(settings: Settings) -> dict[str, View]:
    """Topic → what its records are to those who look into the index."""
    from enrich.spread.model import Finding
    from enrich.views.findings import finding_view
    from enrich.views.sources import source_view
    from enrich.views.stories import story_view

    names = naming(settings)
    return {
        "findings": lambda data: finding_view(decode(data, Finding), names),
        "stories": lambda data: story_view(decode(data, Story), names),
        "sources": lambda data: source_view(decode(data, SourceState)),
    }


def geography(settings: Settings, ties: Sequence[tuple[str, str]] = ()) -> Geography:
    """How places stand to each other; ``ties``: pairs (from, to) with social ties."""
    from enrich.spread.table import Geography

    places = gazetteer(settings)

    def position(code: str) -> tuple[float, float] | None:
        place = places.describe(code)
        return (place.latitude, place.longitude) if place else None

    return Geography(ties, position, (place.code for place in places.places if place.code.isdigit()))


def _spread(settings: Settings) -> Spread:
    from enrich.spread.stage import Spread

    return Spread(geography(settings))


def export(settings: Settings, bus: Bus, day: date, directory: Path | None = None) -> Manifest:
    """Export a day, to the settings' directory unless another is named.

    Where it stands there already it tells what the topics no longer do.
    """
    from pipeline.export import carried, rows, write

    names, its = naming(settings), settings.export

    def make(before: Day | None) -> Day:
        made = rows.day_of(bus, day, names)
        return carried.over(bus, made, before) if before else made

    return write.write(day, make, directory or settings.export_path, its.publisher, its.address)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the data directory for collecting: two collectors in one would count every item twice.

    :raises UsageError: if another process holds it.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.data_dir / "lock"
    with disk.hold(path, f"{path}: another fjaril collects into this data directory; stop it, or name another directory with --data"):
        yield


def writable(path: Path) -> None:
    """Make the directory, and see that files can be made in it.

    :raises UsageError: if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "lock").touch()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a directory that can be written with --data") from error


def private(settings: Settings) -> Private:
    """What only this installation knows: its secrets, and the key of pseudonyms, made in the data directory where the secrets have none."""
    from collectors.people import Private, load_key

    secrets = {name: value.get_secret_value() for name, value in settings.secrets.items()}
    own = secrets.pop("pseudonyms", "").encode()
    return Private(key=own or load_key(settings.data_dir), secrets=secrets)


@contextmanager
def archive(settings: Settings) -> Iterator[Archive | None]:
    """Where sources' answers are kept, None where the settings want none kept."""
    from collectors.archive import FILE_NAME, Archive

    if not settings.keep.answers:
        yield None
        return
    with Archive(settings.data_dir / FILE_NAME, settings.keep.answers) as opened:
        yield opened


def forget_answers(settings: Settings, wanted: Mapping[str, str]) -> int:
    """Take the text of documents (id → source) out of the archive of answers, and of its file; returns out of how many answers.

    Also out of one of a time when answers were kept. Not to be called in an event loop.
    """
    from collectors.archive import FILE_NAME, Archive
    from collectors.registry import kinds
    from collectors.rereading import forget
    from collectors.sandbox import Sandbox

    async def forgotten(opened: Archive) -> int:
        async with Sandbox() as sandbox:
            return await forget(opened, wanted, kinds(sandbox))

    path = settings.data_dir / FILE_NAME
    if not wanted or not path.exists():
        return 0
    with Archive(path, settings.keep.answers) as opened:
        return asyncio.run(forgotten(opened))


def expire_answers(settings: Settings, now: datetime) -> int:
    """Remove answers that are past their time from an archive of a time when they were kept; returns how many."""
    from collectors.archive import FILE_NAME, Archive

    path = settings.data_dir / FILE_NAME
    if not path.exists():
        return 0
    with Archive(path, settings.keep.answers) as opened:
        return opened.expire(now)


def subscriber(settings: Settings, engine: Engine, collector: Collector, clock: Clock, sources: Sequence[Source]) -> Subscriber:
    """What hubs push to."""
    from collectors.websub import Subscriber

    websub = settings.websub
    return Subscriber(engine, collector, clock, sources, websub.callback, private(settings).key, websub.port, websub.address)
