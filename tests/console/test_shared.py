"""What many look at is made once, however many ask at the same time; a fault is kept for nobody."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec import Struct

from pipeline.console.ask import AskError
from pipeline.console.shared import Shared


class Made(Struct, frozen=True):
    number: int


def test_who_asks_at_the_same_time_waits_for_the_same():
    """Twenty who ask at once get one answer, made once; another key is made by itself meanwhile."""
    shared, count, lock = Shared(), 0, threading.Lock()

    def make() -> Made:
        nonlocal count
        with lock:
            count += 1
            number = count
        time.sleep(0.1)
        return Made(number)

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: shared.get("same", make), range(20)))
    assert (count, found) == (1, [Made(1)] * 20)
    assert shared.get("other", make) == Made(2)
    assert shared.get("same", make) == Made(1)


def test_a_fault_is_not_kept():
    """Who is refused may ask again, and is answered when it is right."""
    shared = Shared()

    def refuse() -> Made:
        raise AskError("theme", found="x")

    for _ in range(2):
        with pytest.raises(AskError):
            shared.get("key", refuse)
    assert shared.get("key", lambda: Made(1)) == Made(1)


def test_old_answers_go():
    """Only the last are kept."""
    shared = Shared()
    for number in range(200):
        shared.get(number, lambda number=number: Made(number))
    assert shared.get(0, lambda: Made(-1)) == Made(-1)
    assert shared.get(199, lambda: Made(-1)) == Made(199)
