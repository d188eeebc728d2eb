"""What is in force of a file that people edit while the program runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.errors import SettingsError

T = TypeVar("T")


class Current(Generic[T]):
    """The last version of a file, or of a directory's files, that could be read: a bad edit leaves it in force.

    Not for several threads at once; what :attr:`value` gave stays as it is.
    """

    def __init__(self, path: Path, load: Callable[[Path], T]) -> None:
        """Read it for the first time.

        :raises SettingsError: if it is not right: there is nothing older to go on with.
        """
        self._path, self._load = path, load
        self._seen = _digest(path)
        self.value = load(path)
        #: Of the content in force: 16 hexadecimal digits.
        self.version = self._seen
        #: Why what now stands in the file is not in force; None if it is.
        self.fault: SettingsError | None = None

    def refresh(self) -> bool:
        """Look whether the content changed, and take it if it is right. True: there is something to tell, a new :attr:`value` or
        a new :attr:`fault`; what was found wrong is told once.
        """
        now = _digest(self._path)
        if now == self._seen:
            return False
        self._seen = now  # of before it is read: what is written meanwhile is another change
        try:
            self.value = self._load(self._path)
        except SettingsError as error:
            self.fault = error
        else:
            self.version, self.fault = now, None
        return True


def _digest(path: Path) -> str:
    """Of names and content; that of nothing where there is nothing to read."""
    digest = hashlib.blake2b(digest_size=8)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:  # gone, or not to be read: the loader says so
            continue
        for part in (str(file.relative_to(path)).encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
