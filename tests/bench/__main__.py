"""``make bench``: prints each figure with what it is compared to. Every measurement has a process of its own."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

#: Texts of one measurement, and of the one for memory.
COUNT, MANY = 20_000, 100_000
#: Documents in the window of stories.
WINDOW = 200_000


def measure(what: str, count: int) -> dict[str, float]:
    """One measurement, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "tests.bench", "--one", what, "--count", str(count)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def one(what: str, count: int) -> dict[str, float]:
    """What :func:`measure` runs."""
    if what.startswith("servers "):  # only here: the clients' libraries would count as memory of the pipelines
        from tests.bench import servers

        return servers.one(what.removeprefix("servers "), count)
    from tests.bench import pipeline, rules, stories, texts

    if what in {"near", "stories", "rules"}:
        return {"near": stories.near, "stories": stories.stories, "rules": rules.measure}[what](count)
    if what == "tokenizer":
        return {"docs/s": pipeline.tokenizer(texts.notices(count))}
    if what in {"tag", "learned"}:
        return {"docs/s": pipeline.tag(texts.notices(count), learned=what == "learned")}
    if what == "parts":
        return pipeline.parts(texts.notices(count))
    kind, _, all_ = what.partition("+")
    return pipeline.pipeline(kind, count, pipeline.EVERYTHING if all_ else pipeline.PLAIN)


def startup() -> float:
    """Seconds of ``fjaril --help``, the least of seven."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "from pipeline.cli import main; main()", "--help"], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began

    return min(run() for _ in range(7))


def report(rounds: int) -> list[str]:
    """All figures as lines. Tokenizer and pipelines take turns, so that a machine that slows down slows all of them."""
    plan = ["tokenizer", "tag", "learned", "json", "rss", "json+all", "rss+all"] * rounds
    rates: dict[str, list[float]] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=len(plan) + 6)
        for what in plan:
            rates.setdefault(what, []).append(measure(what, COUNT)["docs/s"])
            progress.advance(task)
        parts = measure("parts", COUNT)
        progress.advance(task)
        large = {what: measure(what, MANY) for what in ("json", "json+all")}
        progress.advance(task, 2)
        near = measure("near", WINDOW)
        progress.advance(task)
        stories = measure("stories", WINDOW)
        progress.advance(task)
        seconds = startup()
    median = {what: statistics.median(values) for what, values in rates.items()}
    base = median["tokenizer"]
    lines = [f"{'spaCy tokenizer alone':34} {base:8.0f} docs/s"]
    for what, name, floor in (
        ("tag", "fjaril tag", 0.55),
        ("learned", "fjaril tag, with what was learned", 0.35),
        ("json", "pipeline, json source", 0.35),
        ("rss", "pipeline, rss source", 0.20),
        ("json+all", "  and incidents, stories, spread", None),
        ("rss+all", "  the same, rss source", None),
    ):
        asked = f" (at least {floor})" if floor else ""
        lines.append(f"{name:34} {median[what]:8.0f} docs/s   {median[what] / base:.2f} of the tokenizer{asked}")
    lines += [f"{'  ' + name + ' alone':34} {rate:8.0f} docs/s" for name, rate in parts.items()]
    for what, name, asked in (
        ("json", f"pipeline, {MANY:,} documents", " (at most 600)"),
        ("json+all", "  and incidents, stories, spread", ""),
    ):
        lines.append(f"{name:34} {large[what]['docs/s']:8.0f} docs/s   {large[what]['MB']:.0f} MB at the peak{asked}")
    lines.append(f"{f'near-duplicates, {WINDOW:,} documents':34} {near['docs/s']:8.0f} docs/s   (CPU; at least 10000)")
    lines.append(
        f"{f'stories, {WINDOW:,} documents':34} {stories['docs/s']:8.0f} docs/s   (CPU; at least 5000) "
        f"{stories['bytes/doc'] / 1000:.1f} KB a document (at most 10), largest {stories['largest']:.0f}"
    )
    lines.append(f"{'fjaril --help':34} {seconds:8.2f} s        (at most 0.30)")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=COUNT, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each measurement")
    parser.add_argument("--rules", action="store_true", help="only how fast documents are matched with alert rules")
    parser.add_argument("--servers", action="store_true", help="only what is measured on Kafka and Elasticsearch")
    parser.add_argument("--console", action="store_true", help="only how soon the console's pages answer, over 100,000 documents")
    parser.add_argument("--data", type=Path, help="with --console: a directory that the documents are in, or are made in and stay")
    parser.add_argument("--documents", type=int, default=100_000, help="with --console: how many, in hundreds of thousands above the first")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, arguments.count)))
    elif arguments.rules:
        from tests.bench import rules

        print("\n".join(rules.report(measure("rules", COUNT))))
    elif arguments.console:
        from tests.bench import console

        print("\n".join(console.report(arguments.documents, arguments.data)))
    else:
        from tests.bench import servers

        if not arguments.servers:
            print("\n".join(report(arguments.rounds)), flush=True)
        print("\n".join(servers.report(measure, COUNT, arguments.rounds)))
