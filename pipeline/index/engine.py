"""Search: one tantivy directory, holding terms and columns but no text. All it has can be made again from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import tantivy

from pipeline.errors import SearchIndexError
from pipeline.index import keys
from pipeline.index.analysis import ANALYZER, analyzer, composed
from pipeline.index.store import Numbered
from pipeline.model import Document

#: Memory of the writer, in bytes; one thread uses it. More gave no more speed at a commit per 5,000 documents.
HEAP = 50_000_000
#: Points of a document that have fields of their own, so that a latitude is only ever matched with its own longitude.
POINTS = 4
#: Facet → field that it is counted by.
FACETS = {"place": "area", "county": "county", "theme": "theme", "source": "source", "language": "language"}
#: Most values of a facet that are given.
FACET_VALUES = 1_000


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("title", tokenizer_name=ANALYZER)
    builder.add_text_field("text", tokenizer_name=ANALYZER)
    for name in ("within", "about"):  # places and themes, each with what it lies in
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in FACETS.values():
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("published", indexed=True, fast=True)
    builder.add_boolean_field("copy", indexed=True)
    for i in range(POINTS):
        builder.add_float_field(f"latitude_{i}", fast=True)
        builder.add_float_field(f"longitude_{i}", fast=True)
    return builder.build()


def fields(number: int, document: Document) -> tantivy.Document:
    """What search stores of a document."""
    entry = tantivy.Document()
    entry.add_unsigned("number", number)
    entry.add_text("title", composed(document.title))
    entry.add_text("text", composed(document.text))
    for name, values in _exact(document).items():
        for value in values:
            entry.add_text(name, value)
    entry.add_integer("published", keys.microseconds(document.published))
    entry.add_boolean("copy", document.copy_of is not None)
    for i, (latitude, longitude) in enumerate(keys.points(document)[:POINTS]):
        entry.add_float(f"latitude_{i}", latitude)
        entry.add_float(f"longitude_{i}", longitude)
    return entry


def _exact(document: Document) -> dict[str, Iterable[str]]:
    themes = {theme.id for theme in document.themes}
    return {
        "within": {code for place in document.places for code in keys.place_line(place.code)},
        "about": {above for theme in themes for above in keys.theme_line(theme)},
        "area": keys.areas(document),
        "county": keys.counties(document),
        "theme": themes,
        "source": (document.provenance.source,),
        "language": (document.language,),
    }


def further_points(item: Numbered) -> Iterable[tuple[int, float, float]]:
    """(number, latitude, longitude) of the points beyond those that have fields."""
    return ((item.number, latitude, longitude) for latitude, longitude in keys.points(item.document)[POINTS:])


class Engine:
    """One directory of tantivy: a searcher that changes at :meth:`refresh` only, and a writer once it is asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.schema = _schema()
        self.analyzer = analyzer()
        directory.mkdir(exist_ok=True)
        try:
            self._index = tantivy.Index(self.schema, str(directory))
        except (ValueError, OSError) as error:
            raise SearchIndexError(f"{directory}: cannot be read: {error}; remove this directory, it is made again") from error
        self._index.register_tokenizer(ANALYZER, self.analyzer)
        self._index.config_reader("manual")
        self._writer: tantivy.IndexWriter | None = None
        self._seen = _state(directory)
        self.searcher = self._index.searcher()

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is a tantivy directory."""
        return directory.is_dir() and tantivy.Index.exists(str(directory))

    def refresh(self) -> None:
        """Let searches see what is committed; does nothing if that is what they see."""
        state = _state(self.directory)  # before the reload: a commit in between is seen at the next call
        if state != self._seen:
            self._index.reload()
            self.searcher = self._index.searcher()
            self._seen = state

    def replace(self, items: Iterable[Numbered], remove: Iterable[int]) -> None:
        """Take out the numbers of ``remove``, then put in ``items``; to be committed."""
        writer = self._write()
        for number in remove:
            writer.delete_documents_by_term("number", number)
        for item in items:
            writer.add_document(fields(*item))

    def commit(self) -> None:
        """Make it durable; visible after :meth:`refresh`."""
        self._write().commit()

    def stop(self) -> None:
        """Release the writer after its merges; what is not committed is forgotten."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()

    def abandon(self) -> None:
        """Let go of a writer that failed."""
        self._writer = None

    def count(self, query: tantivy.Query) -> int:
        """Number of documents that the query finds."""
        return int(self.searcher.search(query, limit=1, count=True).count)  # type: ignore[attr-defined]  # its stub forgets count

    def count_by(self, query: tantivy.Query, facets: Iterable[str]) -> Mapping[str, tuple[tuple[str, int], ...]]:
        """Documents by value of each facet, most first, then by value.

        :raises SearchIndexError: if there are more different values than tantivy counts.
        """
        wanted = {facet: {"terms": {"field": FACETS[facet], "size": FACET_VALUES}} for facet in facets}
        if not wanted:
            return {}
        try:
            found = self.searcher.aggregate(query, wanted)
        except ValueError as error:
            raise SearchIndexError(f"facets: more different values than can be counted ({error}); narrow the search") from error
        pairs = {facet: [(b["key"], b["doc_count"]) for b in found[facet]["buckets"]] for facet in wanted}
        return {facet: tuple(sorted(counts, key=lambda pair: (-pair[1], pair[0]))) for facet, counts in pairs.items()}

    def _write(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(heap_size=HEAP, num_threads=1)
        return self._writer


def _state(directory: Path) -> tuple[int, int]:
    """Differs after every commit: each puts a new file in the place of the old."""
    status = (directory / "meta.json").stat()
    return status.st_ino, status.st_mtime_ns
