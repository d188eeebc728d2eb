"""The index without a server: a directory with documents and counts in SQLite, and search in tantivy.

=====================  =================================================================================================
``documents.db``       every document as JSON, tombstones, the rollup (:mod:`pipeline.index.store`): the truth
``search-<number>``    terms and columns, no text (:mod:`pipeline.index.engine`): can be made again from the truth
``writer.lock``        held by the one process that writes; others may search at the same time
=====================  =================================================================================================

A flush is two commits: SQLite first, with the numbers of what it touched, then tantivy. Killed between them, the next opening
does what was pending again: replacing a document by itself changes nothing, so each is found exactly once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import apsw
from msgspec.structs import replace

from pipeline.errors import QueryError, SearchIndexError
from pipeline.index import rollup
from pipeline.index.analysis import Highlighter
from pipeline.index.directory import Directory
from pipeline.index.engine import FACETS, further_points
from pipeline.index.keys import microseconds, month_start
from pipeline.index.paging import page
from pipeline.index.question import check_filters
from pipeline.index.store import Numbered
from pipeline.index.translate import Translated, translate
from pipeline.index.writes import plan
from pipeline.model import Document
from pipeline.ports import Filters, Hit, Page, Search, TrendBucket, Written

#: Documents that are read to be removed: their counts go, too.
_AT_ONCE = 5_000
#: Questions whose facets are kept.
_QUESTIONS = 64
Facets = Mapping[str, tuple[tuple[str, int], ...]]


class EmbeddedIndex:
    """The port ``Index`` (:class:`pipeline.ports.Index`) in a directory, which is made if it is not there.

    One process writes, from any of its threads; it becomes the writer at its first write. Others may search meanwhile.

    :raises SearchIndexError: if the directory is of a newer layout, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._files = Directory(path)
        self._store = self._files.store
        self._writing = threading.RLock()
        self._touched: set[int] = set()
        self._changes: Counter[rollup.Cell] = Counter()
        self._closed = self._failed = False
        self._counted: dict[tuple[str, Filters, tuple[str, ...]], Facets] = {}
        self._counted_in: tuple[int, int] | None = None

    # --- writing -----------------------------------------------------------------------------------------------------

    def upsert(self, documents: Sequence[Document]) -> Written:
        """See :meth:`pipeline.ports.Index.upsert`; until a flush they are in an open transaction."""
        with self._write():
            known = self._store.known({document.id for document in documents})
            planned = plan(documents, {key: stored.revision for key, stored in known.items()})
            old = {document.id: known[document.id].number for document in planned.documents if document.id in known}
            replaced = list(old.values())
            items = [Numbered(old.get(d.id) or self._store.new_number(), d) for d in planned.documents]
            before = self._store.before(replaced) if replaced else []
            self._store.put(items, replaced, (point for item in items for point in further_points(item)))
            self._files.engine.replace((item for item in items if not item.document.withdrawn), replaced)
            self._note((item.number for item in items), before, planned.documents)
            return planned.written

    def delete(self, ids: Iterable[str]) -> int:
        """See :meth:`pipeline.ports.Index.delete`."""
        with self._write():
            numbers = [known.number for known in self._store.known(ids).values()]
            self._remove(numbers)
            return len(numbers)

    def expire(self, before: datetime) -> int:
        """See :meth:`pipeline.ports.Index.expire`."""
        with self._write():
            numbers = self._store.older(microseconds(month_start(before)))
            for start in range(0, len(numbers), _AT_ONCE):
                self._remove(numbers[start : start + _AT_ONCE])
        self.flush()
        return len(numbers)

    def flush(self) -> None:
        """See :meth:`pipeline.ports.Index.flush`.

        :raises SearchIndexError: if it failed; what came after the last flush that did not must be written again.
        """
        with self._opened(self._writing), self._explained():
            if self._failed:
                self._become_writer()  # which completes what the store has and search has not
            if self._store.writer.in_transaction:
                self._commit()

    def purge(self) -> None:
        """See :meth:`pipeline.ports.Index.purge`; searches go on meanwhile, writes wait.

        :raises IndexBusyError: if another process kept a file from being rewritten; purge again then.
        """
        with self._write():
            self._commit()
            if not self._store.has_unpurged():
                return
            self._files.rebuild()
            with self._files.reading:  # a snapshot of the reader's would keep the log
                self._store.rewrite()

    def close(self) -> None:
        """See :meth:`pipeline.ports.Index.close`; closing twice is no error."""
        with self._writing:
            if self._closed:
                return
            try:
                self.flush()
            finally:
                with self._files.reading:
                    self._closed = True
                    self._files.close()

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, document_id: str) -> Document | None:
        """See :meth:`pipeline.ports.Index.get`; sees what is not flushed yet, too."""
        with self._opened(self._writing):
            return self._store.get(document_id)

    def search(self, search: Search) -> Page:
        """See :meth:`pipeline.ports.Index.search`."""
        if strange := [name for name in search.facets if name not in FACETS]:
            raise QueryError(f"facets: found {strange[0]!r}; what can be counted is {', '.join(FACETS)}")
        check_filters(search.filters)
        with self._read():
            engine = self._files.engine
            asked = self._asked(search.text, search.filters)
            found = page(search, asked, engine, self._store.order)
            documents = self._store.load([number for number, _ in found.hits])
            facets = self._facets(search, asked)
        highlighter = Highlighter(asked.terms, engine.analyzer)
        hits = tuple(
            Hit(document=document, score=score, highlight=highlighter.passage(document.text))
            for number, score in found.hits
            if (document := documents.get(number)) is not None  # withdrawn since search was committed
        )
        return Page(hits=hits, total=found.total, facets=facets, after=found.after)

    def over_time(self, search: Search, edges: Sequence[datetime]) -> tuple[int, ...]:
        """See :meth:`pipeline.ports.Index.over_time`."""
        filters = replace(search.filters, since=edges[0], until=edges[-1])
        check_filters(filters)
        with self._read():
            asked = self._asked(search.text, filters)
            return self._files.engine.count_between(asked.query, [microseconds(edge) for edge in edges])

    def trend(
        self, filters: Filters, bucket: Literal["hour", "day", "week"] = "day", by: Sequence[Literal["place", "theme"]] = ()
    ) -> tuple[TrendBucket, ...]:
        """See :meth:`pipeline.ports.Index.trend`."""
        check_filters(filters)
        with self._read():
            return rollup.trend(self._store.reader, filters, bucket, by)

    def count(self) -> int:
        """See :meth:`pipeline.ports.Index.count`."""
        with self._read():
            return int(self._files.engine.searcher.num_docs)

    def about(self) -> str:
        """See :meth:`pipeline.ports.Index.about`."""
        return f"tantivy {version('tantivy')}: search finds words by their Swedish stems"

    # --- inside ------------------------------------------------------------------------------------------------------

    def _asked(self, text: str, filters: Filters) -> Translated:
        further = self._store.numbers_in(filters.box) if filters.box else []
        return translate(text, filters, further, self._files.engine)

    def _facets(self, search: Search, asked: Translated) -> Facets:
        """Counted once a question until something is committed: its pages show the same, and many ask for the same."""
        engine, question = self._files.engine, (search.text, search.filters, search.facets)
        if self._counted_in != engine.seen:
            self._counted, self._counted_in = {}, engine.seen
        if question not in self._counted:
            while len(self._counted) >= _QUESTIONS:
                del self._counted[next(iter(self._counted))]
            self._counted[question] = engine.count_by(asked.query, search.facets)
        return self._counted[question]

    def _remove(self, numbers: Sequence[int]) -> None:
        before = self._store.before(numbers)
        self._store.remove(numbers)
        self._files.engine.replace((), numbers)
        self._note(numbers, before, ())

    def _note(self, numbers: Iterable[int], before: Sequence[Document], after: Sequence[Document]) -> None:
        self._touched.update(numbers)
        rollup.change(self._changes, before, after)

    def _commit(self) -> None:
        """The two commits of a flush: documents and counts, then search."""
        rollup.apply(self._store.writer, self._changes)
        self._store.commit(self._touched)
        self._touched, self._changes = set(), Counter()
        self._files.engine.commit()
        with self._files.reading:
            self._files.engine.refresh()

    def _become_writer(self) -> None:
        with self._files.reading:
            self._files.become_writer()
        self._failed = False

    @contextmanager
    def _write(self) -> Iterator[None]:
        """The right to write, and an open transaction."""
        with self._opened(self._writing), self._explained():
            if not self._files.is_writer:
                self._become_writer()
            self._store.begin()
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """After a failure nothing is left half done: what no flush made durable is forgotten, and said to be."""
        try:
            yield
        except BaseException as error:
            self._touched, self._changes = set(), Counter()
            self._failed = True
            self._files.abandon()
            if isinstance(error, (apsw.Error, ValueError, OSError, OverflowError)):
                raise SearchIndexError(f"{self._files.path}: {error}; write again what came after the last flush") from error
            raise

    @contextmanager
    def _read(self) -> Iterator[None]:
        """A view of what is committed, by this process or another."""
        with self._opened(self._files.reading):
            if not self._files.is_writer:
                self._files.follow()
            yield

    @contextmanager
    def _opened(self, lock: threading.RLock | threading.Lock) -> Iterator[None]:
        with lock:
            if self._closed:
                raise SearchIndexError(f"{self._files.path}: the index is closed; open it again")
            yield
