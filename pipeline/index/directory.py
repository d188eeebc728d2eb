"""The directory of the embedded index: which search directory is in force, who may write, what is left from a crash."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import IO

from pipeline import disk
from pipeline.errors import SearchIndexError
from pipeline.index.engine import Engine
from pipeline.index.store import Store

_LOCK = "writer.lock"


class Directory:
    """Store and engine of one directory. ``reading`` guards the engine and the store's reader; the caller guards writing.

    :raises SearchIndexError: if it is of a newer layout, or damaged.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.reading = threading.Lock()
        self._lock: IO[bytes] | None = None
        self.store = Store(path)
        try:
            self.engine = self._open()
        except BaseException:
            self.release()
            self.store.close()
            raise

    @property
    def is_writer(self) -> bool:
        """Whether this process holds the right to write."""
        return self._lock is not None

    def become_writer(self) -> None:
        """Take the right to write, and do what a crash left undone.

        :raises SearchIndexError: if another process has it.
        """
        if not self._acquire():
            raise SearchIndexError(f"{self.path}: another process writes to this index; stop it, or let it do the work")
        self.follow()
        self._remove_strays()
        self._recover(self.engine)

    def release(self) -> None:
        """Give the right to write back."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def abandon(self) -> None:
        """Forget all that is not durable, and the right to write with it; the next writer takes up what is."""
        self.store.rollback()
        self.engine.abandon()
        self.release()

    def follow(self) -> None:
        """See what another process has committed; the caller holds ``reading`` or has the directory for itself."""
        while True:
            current = self._search(self.store.generation())
            try:
                if self.engine.directory != current:
                    self.engine = Engine(current)
                self.engine.refresh()
            except (SearchIndexError, ValueError, OSError):  # a writer may have put another in force, and removed this one
                if current == self._search(self.store.generation()):
                    raise
            else:
                return

    def rebuild(self) -> None:
        """Make search anew from the store, in a new directory, and put it in force in one transaction."""
        with self.reading:
            generation = self.store.generation() + 1
        fresh = self._build(generation)
        self.store.set_generation(generation)
        with self.reading:
            old, self.engine = self.engine, fresh
        old.stop()
        self._remove_strays()

    def close(self) -> None:
        """Finish merges and close the files."""
        if self.is_writer:
            self.store.clear_pending()
        self.engine.stop()
        self.store.close()
        self.release()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _open(self) -> Engine:
        if not Engine.exists(self._search(self.store.generation())):
            self._make()
        engine = Engine(self._search(self.store.generation()))
        # A writer at work in another process has pending numbers, too: they are its business.
        if self.store.pending()[1] and self._acquire():
            self._recover(engine)
            engine.stop()
            self.release()
        return engine

    def _make(self) -> None:
        """A new index, or one whose search directory was removed."""
        if not self._acquire():
            if Engine.exists(self._search(self.store.generation())):  # a writer has put another in force meanwhile
                return
            raise SearchIndexError(f"{self.path}: another process is making this index; open it again when that is done")
        self._build(self.store.generation())
        self.store.clear_pending()
        self.release()

    def _build(self, generation: int) -> Engine:
        directory = self._search(generation)
        shutil.rmtree(directory, ignore_errors=True)
        engine = Engine.make(directory)
        engine.replace(self.store.live(), ())
        engine.commit()
        engine.stop()
        engine.refresh()
        disk.sync(self.path)
        return engine

    def _recover(self, engine: Engine) -> None:
        """Replace in search all that the last transaction touched: by itself, if it was there already."""
        engine.sweep()
        documents, numbers = self.store.pending()
        if numbers:
            engine.replace(documents, numbers)
            engine.commit()
            engine.refresh()
            self.store.clear_pending()

    def _remove_strays(self) -> None:
        """Search directories that are not in force: of a rebuild that was killed before or after its last step."""
        for directory in self.path.glob("search-*"):
            if directory != self.engine.directory:
                shutil.rmtree(directory)

    def _search(self, generation: int) -> Path:
        return self.path / f"search-{generation}"

    def _acquire(self) -> bool:
        self._lock = disk.lock(self.path / _LOCK)
        return self._lock is not None
