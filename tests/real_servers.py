"""The real Kafka and Elasticsearch: started at the first test that wants them, shared by all of them, stopped at the end of the run."""

from __future__ import annotations

import functools
import os

import pytest

from deploy.local.servers import Servers, ServersError

_started: list[Servers] = []


@functools.cache
def servers() -> Servers:
    """Those of this checkout, running. Where CI is set they are required; elsewhere a test that cannot have them is skipped."""
    found = Servers()
    if found.answer:
        return found
    try:
        found.start()
    except ServersError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the real servers are not here: {error}")
    _started.append(found)
    return found


def stop() -> None:
    """Stop what :func:`servers` started."""
    while _started:
        _started.pop().stop()
