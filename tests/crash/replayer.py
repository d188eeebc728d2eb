"""A replay as a process that can be killed: started from a server process that has everything imported and built."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import enrich.gazetteer
import enrich.lexicon
import enrich.nlp
import pipeline.app
from enrich.stage import Enrich
from pipeline import recording
from pipeline.replay import POLISEN, Speed, play
from pipeline.service import in_loop
from pipeline.settings import Runner, Settings


class Silent:
    """Watches nothing."""

    def watch(self, live: object) -> None:
        """Nothing."""

    def advance(self, moment: object, *, skipped: bool = False) -> None:
        """Nothing."""


def settings_of(folder: Path) -> Settings:
    """Small batches and frequent flushes: many boundaries to be killed at."""
    return Settings(data_dir=folder, runner=Runner(batch=7, flush_seconds=0.02, flush_documents=20))


def replay(folder: Path, cache: Path, file: Path) -> None:
    """Replay the recording into the folder, to its end."""
    warm(cache)
    folder.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (folder / "cache").symlink_to(cache)  # the night has a process of its own
    in_loop(play(settings_of(folder), (POLISEN,), recording.read(file, POLISEN.id), Speed(), Silent()))


_warm: list[Enrich] = []


def warm(cache: Path) -> None:
    """Build the stage once a process; the wiring takes it from here."""
    if not _warm:
        gazetteer = enrich.gazetteer.load(cache)
        _warm.append(Enrich(enrich.nlp.build(gazetteer, enrich.lexicon.load(None)), gazetteer))
        pipeline.app.gazetteer = lambda _settings: gazetteer
    pipeline.app.enrichment = lambda _settings: _warm[0]
