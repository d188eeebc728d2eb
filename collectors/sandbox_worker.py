"""The process of :mod:`collectors.sandbox`: reads questions from standard input, writes answers to standard output."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec

from collectors.articles import parse_article
from collectors.failures import Empty, Malformed
from collectors.items import Fetched, Parsed
from collectors.kinds.feed_parser import parse_feed
from collectors.kinds.pages import parse_page
from collectors.kinds.polisen_page import parse_details
from collectors.kinds.sitemap import parse_sitemap
from collectors.kinds.telegram import parse_preview
from collectors.sandbox import CPU_SECONDS, MEMORY, Job, Refused, Reply, Result

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


def _feed(fetched: Fetched, timezone: str, options: bytes) -> Parsed:  # noqa: ARG001  (a feed needs none)
    return parse_feed(fetched.body, fetched.url, fetched.headers, timezone)


#: Name → what reads an answer: (answer, IANA name of the source's time zone, JSON of its options).
PARSERS: dict[str, Callable[[Fetched, str, bytes], Parsed]] = {
    "article": parse_article,
    "feed": _feed,
    "page": parse_page,
    "polisen": parse_details,
    "sitemap": parse_sitemap,
    "telegram": parse_preview,
}


def answer(job: Job) -> Reply:
    """The parser's answer to one question; its own refusals are answers too."""
    try:
        return Result(PARSERS[job.parser](job.fetched, job.timezone, job.options))
    except Empty as error:
        return Refused(empty=True, reason=error.reason)
    except Malformed as error:
        return Refused(empty=False, reason=error.reason)
    except MemoryError:
        return Refused(empty=False, reason=f"parsing it takes more than {MEMORY // 1_000_000} MB of memory")


def main() -> None:
    """Answer until standard input ends. The timer of CPU time kills the process, inside C code too."""
    warnings.simplefilter("ignore")  # feedparser's, about its own future
    logging.disable()  # what libraries say of a page is no business of the log
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt of the terminal is the parent's business
    _limit_memory()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that a library prints gets between the frames
    while head := stdin.read(4):
        job = _decoder.decode(stdin.read(int.from_bytes(head, "big")))
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        data = _encoder.encode(answer(job))
        signal.setitimer(signal.ITIMER_PROF, 0)
        stdout.write(len(data).to_bytes(4, "big") + data)
        stdout.flush()


def _limit_memory() -> None:
    statm = Path("/proc/self/statm")
    if statm.exists():  # elsewhere than on Linux only the CPU is limited
        used = int(statm.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
