"""Where shortened addresses lead, for installations that want to know (``http.shorteners``).

Looking one up tells its shortener what is watched, so no shortener is asked that the settings do not name. One that
cannot be asked costs nothing but the link: the item is published with the address as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import structlog

from collectors.engine import Engine
from collectors.failures import Failure
from collectors.politeness import Gate, host_of
from collectors.redirects import target_of
from collectors.robots import Robots

_log = structlog.get_logger(__name__)
#: Shortened addresses that are looked up for one answer; with more of them, the rest stay as they are.
MAX_LOOKED_UP = 20
#: Answers that are remembered.
_REMEMBERED = 20_000


class Shortened:
    """Asks the shorteners that may be asked, one call an address, however many items have it.

    :param hosts: names of shorteners, as ``bit.ly``.
    """

    def __init__(self, engine: Engine, gate: Gate, robots: Robots, hosts: Sequence[str]) -> None:
        self._engine, self._gate, self._robots = engine, gate, robots
        names = "|".join(re.escape(host) for host in hosts)
        self._pattern = re.compile(rf"\bhttps?://(?:{names})/[\w~./?=&%-]*[\w~/=-]", re.IGNORECASE) if hosts else None
        #: Shortened address → where it leads; empty where that could not be found out.
        self._known: dict[str, str] = {}

    async def targets(self, bodies: Iterable[str]) -> dict[str, str]:
        """Shortened addresses in the texts → where they lead; those that nobody may or could look up are missing."""
        if self._pattern is None:
            return {}
        found = dict.fromkeys(address for body in bodies for address in self._pattern.findall(body))
        for address in [address for address in found if address not in self._known][:MAX_LOOKED_UP]:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[address] = await self._ask(address)
        return {address: target for address in found if (target := self._known.get(address))}

    async def _ask(self, address: str) -> str:
        """One hop: where it leads is not visited."""
        try:
            delay = await self._robots.allow(address)
            async with self._gate.turn(host_of(address), delay):
                return target_of(await self._engine.fetch(address, {})) or ""
        except Failure as failure:
            _log.info("shortened_address_not_known", host=host_of(address), reason=str(failure))
            return ""
