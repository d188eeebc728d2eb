"""Simulated worlds for spread: made by the shared tools in a temporary folder, with variations of our own."""

from __future__ import annotations

import csv
import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from enrich.spread.model import Event, Finding

_DECODER, _ENCODER = msgspec.json.Decoder(Event), msgspec.json.Encoder()


@dataclass(frozen=True)
class World:
    """A year of events, the ties between its places, and where its truth is."""

    folder: Path
    events: tuple[Event, ...]
    ties: tuple[tuple[str, str], ...]

    def score(self, findings: list[Finding]) -> dict[str, float]:
        """What the shared scorer says."""
        scorer = _tool("spread_score")
        truth = msgspec.json.decode((self.folder / "truth.json").read_bytes())
        events = {event["id"]: event for event in map(msgspec.json.decode, (self.folder / "events.jsonl").read_bytes().splitlines())}
        return scorer.score([msgspec.to_builtins(finding) for finding in findings], events, truth["cascades"], truth["days"])


def tools() -> Path:
    """The folder of the shared tools; a test that needs it is skipped without."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ["FJARIL_DATA"]).parent / "tools" if "FJARIL_DATA" in os.environ else root.parent / "shared" / "tools"
    if not (folder / "spread_world.py").is_file():
        if os.environ.get("CI"):
            pytest.fail(f"{folder}: the simulator is required where CI is set")
        pytest.skip(f"{folder}: the simulator is not here; name the folder beside it with TESTS_DATA")
    return folder


def make(folder: Path, seed: int, *options: str) -> World:
    """The world of a seed; ``options`` as spread_world.py takes them."""
    command = [sys.executable, str(tools() / "spread_world.py"), str(folder), "--seed", str(seed), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return read(folder)


def read(folder: Path) -> World:
    """The world that a folder holds."""
    events = tuple(_DECODER.decode(line) for line in (folder / "events.jsonl").read_bytes().splitlines())
    with (folder / "ties.csv").open(encoding="utf-8") as file:
        ties = tuple((row["from"], row["to"]) for row in csv.DictReader(file))
    return World(folder, events, ties)


def tours(world: World, count: int, seed: int) -> tuple[list[Event], list[set[str]]]:
    """The events with announced tours among them, and the ids of each tour's stops.

    A tour is announced without a place weeks before; its four to eight stops, a day or more apart at random places, all point to the
    announcement, and every second one to the stop before.
    """
    chance = random.Random(seed)
    places = sorted({event.place for event in world.events if event.place})
    themes = sorted({event.theme for event in world.events})
    first, last = world.events[0].time, world.events[-1].time
    events, stops = list(world.events), []
    for n in range(count):
        announced = first + timedelta(hours=chance.uniform(0, (last - first).total_seconds() / 3600 - 24 * 40))
        theme = chance.choice(themes)
        events.append(Event(id=f"tour{n}", time=announced, place=None, theme=theme))
        at, ids = announced + timedelta(days=chance.uniform(3, 20)), []
        for stop, place in enumerate(chance.sample(places, chance.randint(4, 8))):
            links = [{"to": f"tour{n}", "via": "story", "places_named": 2}]
            if stop % 2:
                links.append({"to": ids[-1], "via": "story", "places_named": 2})
            ids.append(f"tour{n}-{stop}")
            events.append(msgspec.convert({"id": ids[-1], "time": at, "place": place, "theme": theme, "links": links}, Event))
            at += timedelta(hours=chance.uniform(20, 72))
        stops.append(set(ids))
    return sorted(events, key=lambda event: (event.time, event.id)), stops


def late(events: tuple[Event, ...], share: float, seed: int) -> Iterator[Event]:
    """The events in the order they are heard of: a share of them up to two days after they happened."""
    chance = random.Random(seed)
    heard: list[tuple[datetime, Event]] = [
        (event.time + timedelta(hours=chance.uniform(1, 48)) if chance.random() < share else event.time, event) for event in events
    ]
    return (event for _, event in sorted(heard, key=lambda pair: (pair[0], pair[1].id)))


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, tools() / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
