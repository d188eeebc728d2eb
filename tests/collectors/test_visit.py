from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from collectors.engine import run
from collectors.failures import Malformed
from collectors.items import Fetched, More, Parsed, Plain
from collectors.visit import Visitor
from pipeline.model import Source
from tests.collectors.server import Reply
from tests.collectors.world import world


class Broken(Plain):
    """A kind of source with a fault in its parser."""

    obeys_robots = False

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """Look for what an answer of one byte does not have."""
        return Parsed(withdrawn=(source.id, str(fetched.body[1])))


def test_a_fault_of_ours_is_a_state_of_the_source_and_logged_whole() -> None:
    """An exception that nobody thought of stops neither the others nor its own next visit."""

    async def main() -> None:
        async with world() as w:
            w.server.routes["/feed"] = Reply(200, b"x")
            with capture_logs() as logged, pytest.raises(Malformed, match="IndexError: index out of range"):
                await Visitor(w.engine, w.clock, {"feed": Broken()}).visit(w.source(), w.server.url("/feed"), None)
            assert [(entry["event"], entry["source"], entry["exc_info"]) for entry in logged] == [("source_not_read", "feed", True)]

    run(main())
