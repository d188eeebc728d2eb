"""The pipeline while it runs in this process: stages in a thread, collectors in the event loop, both held to a pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import inf

from pipeline import app
from pipeline.errors import UsageError
from pipeline.model import Source, SourceState
from pipeline.observe import Metrics, Observers, Progress
from pipeline.ports import Bus, Clock, Index
from pipeline.runner import IndexWorker, Runner
from pipeline.settings import Settings
from pipeline.tables import TablesWorker

#: Workers that wait until a batch is worth it; what they have left they write when the pipeline ends.
_PACED = frozenset({IndexWorker.name, TablesWorker.name})

#: Seconds between two counts of what waits.
_MOMENT = 0.1


class Live:
    """A running pipeline, and what it has done."""

    def __init__(
        self, settings: Settings, bus: Bus, index: Index | None, runner: Runner, progress: Progress, metrics: Metrics | None
    ) -> None:
        self.bus, self.index, self.progress, self.metrics = bus, index, progress, metrics
        self._runner, self._max_lag = runner, settings.runner.max_lag
        self._was_ready = -inf

    def lag(self) -> dict[str, int]:
        """Records waiting before each stage."""
        lags = self._runner.lag()
        if self.metrics:
            self.metrics.lag(lags)
        return lags

    def visited(self, source: Source, state: SourceState) -> None:  # noqa: ARG002  (as schedules tell it)
        """Note how a visit went."""
        if self.metrics:
            self.metrics.source(state)

    async def ready(self) -> None:
        """Return once no stage has more waiting than ``runner.max_lag``: what holds the collectors back.

        Counting takes longer than many an answer does, so what was found holds for a moment.

        :raises FjarilError: if a stage has stopped; then it would never be.
        """
        if time.monotonic() - self._was_ready >= _MOMENT:
            while max(self.lag().values(), default=0) > self._max_lag:
                self.check()
                await asyncio.sleep(_MOMENT)
            self._was_ready = time.monotonic()
        self.check()

    async def drained(self) -> None:
        """Return once all there is has come as far as the index; what still waits there is written when the block ends."""
        while any(waiting for stage, waiting in self.lag().items() if stage not in _PACED):
            self.check()
            await asyncio.sleep(_MOMENT)
        self.check()

    def check(self) -> None:
        """Raise what stopped a stage, if one has stopped."""
        if self._runner.failure:
            raise self._runner.failure


@contextmanager
def running(settings: Settings, stages: Sequence[str], clock: Clock | None = None) -> Iterator[Live]:
    """Run the stages until the block ends; then each finishes what it has begun.

    Stages share the data directory with those of other processes, but one alone collects.

    :param clock: by which alerts are told; None in a replay, of which nobody is told.
    :raises UsageError: if another process collects, or the port for metrics is taken.
    """
    app.writable(settings.data_dir)
    with ExitStack() as stack:
        if "collect" in stages:
            stack.enter_context(app.only_one(settings))
        bus = app.open_bus(settings)
        stack.callback(bus.close)
        index = app.open_index(settings) if "index" in stages else None
        if index is not None:
            stack.callback(index.close)
        metrics = _metrics(settings.metrics_port, settings.metrics_address) if settings.metrics_port else None
        if metrics:
            stack.callback(metrics.close)
        progress = Progress()
        observers = Observers(progress, *([metrics] if metrics else []))
        runner = Runner(bus, app.workers(settings, bus, index, stages, clock), observers)
        app.calm_collector()
        runner.start()
        stack.callback(runner.stop)
        yield Live(settings, bus, index, runner, progress, metrics)


def _metrics(port: int, address: str) -> Metrics:
    try:
        return Metrics(port, address)
    except OSError as error:
        raise UsageError(
            f"metrics_port: port {port} of {address}: {error.strerror}; stop what uses it, or set another, or metrics_address"
        ) from error
