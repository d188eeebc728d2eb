"""The kind ``feed``: RSS, Atom, RDF and JSON Feed, parsed in a process of their own."""

from __future__ import annotations

from collectors.items import Fetched, Parsed
from collectors.sandbox import Sandbox
from pipeline.model import Source
from pipeline.settings import Http


class Feed:
    """:param sandbox: where feeds are parsed."""

    format = "entry"
    obeys_robots = True
    final_404 = False

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def check(self, http: Http) -> None:
        """A feed asks for nothing."""

    async def parse(self, fetched: Fetched, source: Source) -> Parsed:
        """See :func:`collectors.feed_parser.parse_feed`."""
        return await self._sandbox.parse(fetched, source.timezone)
