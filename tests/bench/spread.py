"""``make bench-spread``: what is found of spread in simulated years, and how fast, each figure with what it is compared to.

    python -m tests.bench.spread [--seeds 11-20] [--decoys 200] [--only detection,baselines,null,tours,live,speed]

The simulator is the shared one; its folder is found as the tests find it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from enrich.gazetteer import load
from enrich.spread.detect import Detection, detect
from enrich.spread.findings import findings
from enrich.spread.live import Live
from enrich.spread.model import Event, Finding
from enrich.spread.night import night
from enrich.spread.table import Cleaned, Geography, clean
from tests import spread_worlds
from tests.bench import baselines
from tests.spread_worlds import World

_PARTS = ("detection", "baselines", "null", "tours", "live", "speed")
#: Seed of the year that live detection has its parameters from.
_BEFORE = 9
#: Seeds of the years that are laid over each other for the large table.
_TEN = tuple(range(11, 21))


class Bench:
    """Worlds and what was found in them, each made once."""

    def __init__(self, folder: Path, seeds: tuple[int, ...], decoys: int) -> None:
        self.seeds, self.decoys, self._folder = seeds, decoys, folder
        gazetteer = load(folder / "cache")
        self.position = lambda code: (place.latitude, place.longitude) if (place := gazetteer.describe(code)) else None
        self.world = cache(self._world)
        self.detected = cache(self._detected)

    def geography(self, world: World, *, ties: bool = True) -> Geography:
        return Geography(world.ties if ties else (), self.position)

    def _world(self, seed: int, *options: str) -> World:
        return spread_worlds.make(self._folder / "_".join((str(seed), *options)).replace("-", ""), seed, *options)

    def _detected(self, seed: int, *options: str, ties: bool = True) -> tuple[Detection, list[Finding]]:
        world = self.world(seed, *options)
        found = detect(clean(world.events, self.geography(world, ties=ties)), decoys=self.decoys)
        return found, findings(found)

    def means(self, find: Callable[[int], list[Finding]], *options: str) -> dict[str, float]:
        """Means of the shared scorer's figures over the seeds."""
        scores = [self.world(seed, *options).score(find(seed)) for seed in self.seeds]
        return {key: statistics.mean(score[key] for score in scores) for key in scores[0]}


def detection(bench: Bench) -> Iterator[str]:
    mean = bench.means(lambda seed: bench.detected(seed)[1])
    yield _recall("with ties", mean, ".85 / .88")
    yield _recall("without ties", bench.means(lambda seed: bench.detected(seed, ties=False)[1]), ".82 / .85")
    for share, least in (("0.5", ".75 / .78"), ("0.3", ".55 / .58")):
        options = ("--q-link", share)
        yield _recall(f"q-link {share}", bench.means(lambda seed, o=options: bench.detected(seed, *o)[1], *options), least)
    yield _line("false share at q <= .1, .2", f"{mean['fdp q<=0.1']:.2f}, {mean['fdp q<=0.2']:.2f}", "at most .10, .20")
    found = f"{mean['findings q<=0.1']:.0f}, {mean['findings q<=0.2']:.0f} of {mean['cascades']:.0f}"
    yield _line("findings at q <= .1, .2", found, "")
    edges = f"{mean['edge precision q<=0.2']:.2f} / {mean['edge recall q<=0.2']:.2f}"
    yield _line("edges at q <= .2, precision / recall", edges, "at least .75 / .72")


def others(bench: Bench) -> Iterator[str]:
    def events(seed: int) -> Cleaned:
        return clean(bench.world(seed).events, bench.geography(bench.world(seed)))

    def scan(seed: int) -> list[Finding]:
        return baselines.permutation_scan(events(seed), bench.position)

    yield _recall("space-time permutation scan", bench.means(scan), "")
    yield _recall("burst co-occurrence", bench.means(lambda seed: baselines.bursts_together(events(seed))), "")
    yield _recall("links only", bench.means(lambda seed: baselines.links_only(events(seed))), "")


def null(bench: Bench) -> Iterator[str]:
    found = [[f for f in bench.detected(seed, "--no-cascades")[1] if f.kind == "spread"] for seed in bench.seeds]
    yearly = statistics.mean(sum(f.expected_per_year <= 12 for f in year) for year in found)
    yield _line("null year: expected_per_year <= 12", f"{yearly:.1f}", "at most 15")
    yield _line("null year: q <= .1", f"{statistics.mean(sum(f.q <= 0.1 for f in year) for year in found):.1f}", "at most 1")


def tours(bench: Bench) -> Iterator[str]:
    said = shown = 0
    for seed in bench.seeds:
        world = bench.world(seed)
        events, stops = spread_worlds.tours(world, 60, seed=seed)
        found = findings(detect(clean(events, bench.geography(world)), decoys=20))
        said += sum(any(f.kind == "spread" and f.q <= 0.2 and len(tour & set(f.events)) > 1 for f in found) for tour in stops)
        shown += sum(f.kind == "common source" for f in found)
    count = 60 * len(bench.seeds)
    yield _line("announced tours called spread", f"{said / count:.1%}", "at most 5 %")
    yield _line("announced tours shown as common source", f"{shown / count:.1%}", "")


def live(bench: Bench) -> Iterator[str]:
    learned = night(bench.detected(_BEFORE)[0])
    for late, least in ((0.0, 0.75), (0.3, 0.75)):
        rows, seconds, events, took = [], [], 0, 0.0
        for seed in bench.seeds:
            world, last = bench.world(seed), dict[str, Finding]()
            one, heard = Live(learned, bench.geography(world), said=150), list(spread_worlds.late(world.events, late, seed))
            began = time.process_time()
            for event in heard:
                before = time.perf_counter()
                last.update((finding.id, finding) for finding in one.put(event))
                seconds.append(time.perf_counter() - before)
            took += time.process_time() - began
            events += len(heard)
            rows.append((world.score([f for f in last.values() if not f.is_withdrawn]), world.score(bench.detected(seed)[1])))
        said, nightly = (statistics.mean(row[n]["recall@52"] for row in rows) for n in (0, 1))
        name = f"live, {late:.0%} up to two days late" if late else "live"
        yield _line(f"{name}: recall at 52 / nightly", f"{said:.2f} / {nightly:.2f} = {said / nightly:.2f}", f"at least {least}")
        yield _line(f"{name}: events a CPU second", f"{events / took:,.0f}", "at least 10,000")
        yield _line(
            f"{name}: p50, p99 of an event",
            f"{np.percentile(seconds, 50) * 1e3:.2f}, {np.percentile(seconds, 99) * 1e3:.2f} ms",
            "p99 <= 10",
        )


def speed(bench: Bench) -> Iterator[str]:
    for seeds, least in ((_TEN[:1], "at most 60"), (_TEN, "at most 900")):
        events = [event for seed in seeds for event in _renamed(bench.world(seed).events, seed)]
        cleaned = clean(events, bench.geography(bench.world(seeds[0])))
        began, cpu = time.perf_counter(), time.process_time()
        findings(detect(cleaned, decoys=200))
        took = f"{time.perf_counter() - began:.0f} s ({time.process_time() - cpu:.0f} s of CPU)"
        yield _line(f"{len(events):,} events, 200 decoys", took, f"{least} s on {os.cpu_count()} cores")


def _renamed(events: tuple[Event, ...], seed: int) -> Iterator[Event]:
    """The events with ids that no other year has."""
    for event in events:
        links = tuple(replace(link, to=f"{link.to}.{seed}") for link in event.links)
        yield replace(event, id=f"{event.id}.{seed}", links=links)


def _recall(name: str, mean: dict[str, float], least: str) -> str:
    return _line(f"recall at 12 / 52, {name}", f"{mean['recall@12']:.2f} / {mean['recall@52']:.2f}", least and f"at least {least}")


def _line(name: str, found: str, compared: str) -> str:
    return f"{name:52} {found:24} {compared}".rstrip()


def _seeds(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    return tuple(range(int(first), int(last or first) + 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=_seeds, default=_seeds("11-20"), help="of the simulated years, as 11-20")
    parser.add_argument("--decoys", type=int, default=200, help="decoys of each detection")
    parser.add_argument("--only", default=",".join(_PARTS), help=f"of {', '.join(_PARTS)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        bench = Bench(Path(made), arguments.seeds, arguments.decoys)
        parts = {"detection": detection, "baselines": others, "null": null, "tours": tours, "live": live, "speed": speed}
        for name in arguments.only.split(","):
            for line in parts[name](bench):
                print(line, flush=True)
