"""What the pipeline tells of itself while it runs: logs, metrics, progress."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, start_http_server
from structlog.typing import Processor

from pipeline.health import Condition, condition, volume_change
from pipeline.model import SourceState


def configure_logs(file: Path | None = None) -> None:
    """JSON lines with UTC times: to the file if one is given (a live view has the terminal), else to stderr.

    What libraries log, and Python's own warnings, come out the same way.
    """
    stream: TextIO = file.open("a", encoding="utf-8") if file else sys.stderr
    facts: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    handler = logging.StreamHandler(stream)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=facts, processors=[strip, *rendering]))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*facts, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


class Progress:
    """Counts what the workers did: the one thread in which they take turns writes, others may read."""

    def __init__(self) -> None:
        #: Worker → records taken.
        self.records: dict[str, int] = {}

    def batch(self, worker: str, records: int, seconds: float) -> None:  # noqa: ARG002
        """Count the records."""
        self.records[worker] = self.records.get(worker, 0) + records


class Metrics:
    """For Prometheus."""

    def __init__(self, port: int, address: str) -> None:
        """Begin to serve.

        :param address: of this machine; on ``127.0.0.1`` nobody else reads them.
        :raises OSError: if the port is taken, or the address none of this machine's.
        """
        registry = CollectorRegistry()
        self._records = Counter("fjaril_stage_records", "Records that a stage has taken", ["stage"], registry=registry)
        self._seconds = Histogram("fjaril_stage_batch_seconds", "Time that a stage took for a batch", ["stage"], registry=registry)
        self._lag = Gauge("fjaril_stage_lag_records", "Records that wait before a stage", ["stage"], registry=registry)
        self._source = Gauge("fjaril_source_failures", "Failed fetches of a source in a row", ["source"], registry=registry)
        self._condition = Enum(
            "fjaril_source_condition",
            "How a source does",
            ["source"],
            states=[condition.value for condition in Condition],
            registry=registry,
        )
        self._changed = Gauge(
            "fjaril_source_changed_seconds", "When a source last gave something new (Unix time)", ["source"], registry=registry
        )
        self._took = Gauge("fjaril_source_answer_seconds", "Usual time to a source's answer", ["source"], registry=registry)
        self._volume = Gauge(
            "fjaril_source_volume_ratio",
            "How many times as much a source gives as before a change; 1 without one",
            ["source"],
            registry=registry,
        )
        self._server, self._thread = start_http_server(port, addr=address, registry=registry)

    def batch(self, worker: str, records: int, seconds: float) -> None:
        """Count the records and the time."""
        self._records.labels(worker).inc(records)
        self._seconds.labels(worker).observe(seconds)

    def lag(self, lags: dict[str, int]) -> None:
        """Note what waits."""
        for stage, records in lags.items():
            self._lag.labels(stage).set(records)

    def source(self, state: SourceState) -> None:
        """Note how a source does."""
        self._source.labels(state.source).set(state.failures)
        self._condition.labels(state.source).state(condition(state, state.checked).value)
        self._took.labels(state.source).set(state.took)
        if state.changed:
            self._changed.labels(state.source).set(state.changed.timestamp())
        change = volume_change(state.volume)
        self._volume.labels(state.source).set(change.ratio if change else 1.0)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Observers:
    """Several observers as one."""

    def __init__(self, *observers: Progress | Metrics) -> None:
        self._observers = observers

    def batch(self, worker: str, records: int, seconds: float) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.batch(worker, records, seconds)
