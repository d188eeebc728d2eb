"""The progress view: a live one on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.app import writable
from pipeline.live import Live
from pipeline.observe import configure_logs
from pipeline.settings import Settings

#: Seconds between two plain lines.
_QUIET = 5.0


class View:
    """Shows how far a replay or a run has come; used as a context manager, told from the event loop."""

    def __init__(self, settings: Settings, title: str, total: int | None = None) -> None:
        self._console = Console(stderr=True)
        self._title, self._total, self._done, self._skipped = title, total, 0, 0
        self._live: Live | None = None
        self._moment: datetime | None = None
        self._told = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[moment]}"),
            console=self._console,
        )
        self._task = self._bar.add_task(title, total=total, moment="")
        self._screen = Screen(get_renderable=self._render, console=self._console, refresh_per_second=4) if sys.stderr.isatty() else None
        writable(settings.data_dir)
        configure_logs(settings.data_dir / "fjaril.log" if self._screen else None)

    def __enter__(self) -> Self:
        if self._screen:
            self._screen.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._screen:
            self._screen.stop()
        elif kind is None and self._total is not None:  # without an end to reach, the logs tell all
            self._line()

    def watch(self, live: Live) -> None:
        """Show this pipeline."""
        self._live = live

    def advance(self, moment: datetime, *, skipped: bool = False) -> None:
        """One more answer was played, of this moment."""
        self._done, self._moment = self._done + 1, moment
        self._skipped += skipped
        self._bar.update(self._task, completed=self._done, moment=f"{moment:%Y-%m-%d %H:%M}")
        if not self._screen and time.monotonic() - self._told > _QUIET:
            self._line()

    def _line(self) -> None:
        self._told = time.monotonic()
        of = f" of {self._total}" if self._total else ""
        passed = f", {self._skipped} of them collected before" if self._skipped else ""
        at = f", at {self._moment:%Y-%m-%d %H:%M} UTC" if self._moment else ""
        stages = ", ".join(f"{name} {n}" for name, n in sorted(self._live.progress.records.items())) if self._live else ""
        self._console.print(
            f"{self._title}: {self._done}{of} answers{passed}{at}; records processed: {stages or 'none yet'}",
            highlight=False,
            soft_wrap=True,
        )

    def _render(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("stage", "records", "waiting"):
            table.add_column(column, justify="left" if column == "stage" else "right")
        if self._live:
            for stage, waiting in self._live.lag().items():
                table.add_row(stage, str(self._live.progress.records.get(stage, 0)), str(waiting))
        return Group(self._bar, table)
