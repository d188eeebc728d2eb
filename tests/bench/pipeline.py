"""The whole pipeline in one process, against the spaCy tokenizer alone on the same texts."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import spacy

from enrich import lexicon as lexicons
from enrich import nlp as nlps
from enrich.learn.examples import examples_of
from enrich.learn.learning import learn
from enrich.learned import file
from enrich.tag import tag_lines
from pipeline import app, recording
from pipeline.clock import VirtualClock
from pipeline.doctor import examine
from pipeline.live import running
from pipeline.model import Source
from pipeline.recording import Answer
from pipeline.replay import POLISEN, Speed, play
from pipeline.service import in_loop
from pipeline.settings import Analysis, Settings
from tests.bench import texts
from tests.memory import peak

FEED = Source(id="feed", kind="feed", url="http://replay/feed", name="Mätning", purpose="mätning")
KINDS = {"json": (POLISEN, texts.json_answers), "rss": (FEED, texts.rss_answers)}


#: What the pipeline does with documents: places, themes, duplicates and revisions; and all that it can.
PLAIN, EVERYTHING = Analysis(incidents=False, stories=False, spread=False), Analysis()


class Watch:
    """Knows when the pipeline ran; what it has loaded by then it loads once a start."""

    began = 0.0

    def watch(self, live: object) -> None:
        """The first fetch comes next."""
        self.began = time.perf_counter()

    def advance(self, moment: object, *, skipped: bool = False) -> None:
        """Nothing."""


def tokenizer(events: list[dict]) -> float:
    """Documents a second of the tokenizer alone, with a vocabulary that is new."""
    inputs = texts.tokenizer_texts(events)
    nlp = spacy.blank("sv")
    began = time.perf_counter()
    for _ in nlp.pipe(inputs):
        pass
    return len(inputs) / (time.perf_counter() - began)


def tag(events: list[dict], *, learned: bool = False) -> float:
    """Documents a second of the filter ``fjaril tag``: JSON Lines in and out, once its gazetteer is loaded.

    :param learned: go by what the same notices taught.
    """
    lines = [msgspec.json.encode({"id": event["id"], "title": event["name"], "text": event["text"]}) for event in events]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        if learned:
            places, lexicon = app.gazetteer(settings), lexicons.load()
            examples = examples_of((texts.document(event, places) for event in events), lexicon)
            file.save(learn(examples, nlps.build(places, lexicon), places, lambda _: None), settings.data_dir)
        nlp = app.language(settings)
    app.calm_collector()
    began = time.perf_counter()
    for _ in tag_lines(lines, nlp, _refuse):
        pass
    return len(lines) / (time.perf_counter() - began)


def _refuse(error: Exception) -> None:
    raise error


def record(kind: str, count: int, file: Path) -> None:
    """Write a recording of answers, so that the process that is measured holds one of them at a time."""
    _, make = KINDS[kind]
    with file.open("wb") as lines:
        for answer in make(texts.notices(count)):
            poll = {"polled_at": answer.at, "body": answer.body.decode(), "content_type": answer.content_type}
            lines.write(msgspec.json.encode(poll) + b"\n")


def pipeline(kind: str, count: int, analysis: Analysis, where: Mapping[str, str] | None = None) -> dict[str, float]:
    """Documents a second from the first fetch until all are searchable, over real HTTP, and the process's peak memory.

    :param where: settings of bus and index, if they are not in files.
    """
    source, _ = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        settings, file = Settings(data_dir=Path(folder), analysis=analysis, **where or {}), Path(folder) / "recording.jsonl"
        app.set_up(settings, dry_run=False)
        recorder = multiprocessing.get_context("spawn").Process(target=record, args=(kind, count, file))
        recorder.start()
        recorder.join()
        app.enrichment(settings)  # the gazetteer is built once a machine
        watch = Watch()
        in_loop(play(settings, (source,), recording.read(file, source.id), Speed(), watch, night=False))
        seconds = time.perf_counter() - watch.began
        memory = peak() / 1024**2
        bus, index = app.open_bus(settings), app.open_index(settings)
        report = examine(bus, index)
        index.close()
        bus.close()
    if report.documents != count or report.searchable != count or not report.balanced:
        raise SystemExit(f"{kind}: {count} texts became {report.documents} documents, {report.searchable} searchable")
    return {"docs/s": count / seconds, "MB": memory}


def parts(events: list[dict]) -> dict[str, float]:
    """Documents a second of each stage alone, one after the other over a bus on disk."""
    answers = list(texts.json_answers(events))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        app.enrichment(settings)
        found = {"collect": _timed(events, lambda: _collect_only(settings, answers))}
        bus, index = app.open_bus(settings), app.open_index(settings)
        for worker in app.workers(settings, bus, index, app.STAGES):
            found[worker.name] = _timed(events, lambda worker=worker: _drain(worker))
        index.close()
        bus.close()
    return found


def _collect_only(settings: Settings, answers: list[Answer]) -> None:
    from collectors.collect import Collector
    from pipeline.replay import ReplayEngine, Server

    async def collect() -> None:
        clock = VirtualClock(texts.START)
        with running(settings, ("collect",)) as live, Server() as server:
            async with ReplayEngine(server, clock) as engine, Collector(engine, live.bus, clock) as collector:
                for answer in answers:
                    clock.advance_to(answer.at)
                    server.show(answer)
                    await collector.collect(POLISEN)

    in_loop(collect())


def _drain(worker: app.Worker) -> None:
    while worker.step():
        pass
    worker.close()


def _timed(events: list[dict], work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return len(events) / (time.perf_counter() - began)
