"""What many look at is made once: a wall of screens that load anew at the same news asks for the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from msgspec import Struct

#: Answers that are kept.
_KEPT = 64


class Shared:
    """The last answers. Who asks while the same is being made waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Struct] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Struct]) -> Struct:
        """What was made for the key, or is made now; what ``make`` raises is kept for nobody."""
        with self._lock:
            if key in self._made:
                return self._made[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._made:
                    return self._made[key]
            try:
                found = make()
                with self._lock:
                    self._made[key] = found
                    while len(self._made) > _KEPT:
                        self._made.popitem(last=False)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return found
