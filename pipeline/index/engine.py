"""Search: one tantivy directory, holding terms and columns but no text. All it has can be made again from the store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
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
_POINT_FIELDS = tuple((f"latitude_{i}", f"longitude_{i}") for i in range(POINTS))
#: Facet → field that it is counted by.
FACETS = {"place": "area", "county": "county", "theme": "theme", "source": "source", "language": "language"}
#: Most values of a facet that are given.
FACET_VALUES = 1_000


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("title", tokenizer_name=ANALYZER)
    builder.add_text_field("text", tokenizer_name=ANALYZER)
    for name in ("within", "about", "told", "story"):  # places and themes, each with what it lies in, and both together
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in FACETS.values():
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("published", indexed=True, fast=True)
    builder.add_boolean_field("copy", indexed=True)
    for pair in _POINT_FIELDS:
        for name in pair:
            builder.add_float_field(name, fast=True)
    return builder.build()


def fields(number: int, document: Document) -> tantivy.Document:
    """What search stores of a document."""
    entry = tantivy.Document()
    entry.add_unsigned("number", number)
    entry.add_text("title", composed(document.title))
    entry.add_text("text", composed(document.text))
    add = entry.add_text
    for name, value in _of_places(frozenset([place.code for place in keys.places(document)])):
        add(name, value)
    for name, value in _of_themes(frozenset([theme.id for theme in keys.themes(document)])):
        add(name, value)
    for told in keys.told(document):
        add("told", told)
    add("source", document.provenance.source)
    add("language", document.language)
    if document.story:
        add("story", document.story)
    entry.add_integer("published", keys.microseconds(document.published))
    entry.add_boolean("copy", document.copy_of is not None)
    for (latitude_field, longitude_field), point in zip(_POINT_FIELDS, keys.points(document), strict=False):
        entry.add_float(latitude_field, point[0])
        entry.add_float(longitude_field, point[1])
    return entry


@lru_cache(maxsize=10_000)
def _of_places(codes: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """(field, value) of places: many documents have the same."""
    return (
        *(("within", outer) for outer in {outer for code in codes for outer in keys.place_line(code)}),
        *(("area", area) for area in {keys.area(code) for code in codes}),
        *(("county", county) for county in set(map(keys.county, codes)) - {""}),
    )


@lru_cache(maxsize=10_000)
def _of_themes(ids: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return (
        *(("theme", theme) for theme in ids),
        *(("about", above) for above in {above for theme in ids for above in keys.theme_line(theme)}),
    )


def further_points(item: Numbered) -> Iterable[tuple[int, float, float]]:
    """(number, latitude, longitude) of the points beyond those that have fields."""
    found = keys.points(item.document)[POINTS:]
    return ((item.number, latitude, longitude) for latitude, longitude in found)


class Engine:
    """One directory of tantivy: a searcher that changes at :meth:`refresh` only, and a writer once it is asked for."""

    def __init__(self, directory: Path) -> None:
        """Open the directory; it is not made, for a reader may come when a writer has just removed it.

        :raises SearchIndexError: if it is not there, damaged, or of another schema.
        """
        self.directory = directory
        self.schema = _schema()
        self.analyzer = analyzer()
        try:
            self._index = tantivy.Index.open(str(directory))
        except (ValueError, OSError) as error:
            raise SearchIndexError(
                f"{directory}: cannot be read: {error}; if its files are damaged, remove this directory, it is made again"
            ) from error
        if self._index.schema != self.schema:
            raise SearchIndexError(f"{directory}: found fields of another version; remove this directory, it is made again")
        self._index.register_tokenizer(ANALYZER, self.analyzer)
        self._index.config_reader("manual")
        self._writer: tantivy.IndexWriter | None = None
        #: Which commit searches see.
        self.seen = _state(directory)
        self.searcher = self._index.searcher()

    @classmethod
    def make(cls, directory: Path) -> Engine:
        """A new, empty one."""
        directory.mkdir()
        tantivy.Index(_schema(), str(directory))
        return cls(directory)

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is a tantivy directory."""
        return directory.is_dir() and tantivy.Index.exists(str(directory))

    def refresh(self) -> None:
        """Let searches see what is committed; does nothing if that is what they see."""
        state = _state(self.directory)  # before the reload: a commit in between is seen at the next call
        if state != self.seen:
            self._index.reload()
            self.searcher = self._index.searcher()
            self.seen = state

    def replace(self, items: Iterable[Numbered], remove: Iterable[int]) -> None:
        """Take out the numbers of ``remove``, then put in ``items``; to be committed."""
        writer = self._write()
        for number in remove:
            # By query: the writer's own delete by term makes a signed term of the number, which matches nothing.
            writer.delete_documents_by_query(tantivy.Query.term_query(self.schema, "number", number))
        for item in items:
            writer.add_document(fields(*item))

    def sweep(self) -> None:
        """Remove the lists of deleted documents that a commit wrote and a kill kept from coming into force.

        tantivy names such a file after its segment and the number of the operation, both of which come again: the next commit
        would find the file there, and fail. Only for the one process that may write, before it does.
        """
        segments = json.loads((self.directory / "meta.json").read_bytes())["segments"]
        in_force = {f"{s['segment_id'].replace('-', '')}.{s['deletes']['opstamp']}.del" for s in segments if s["deletes"]}
        for file in self.directory.glob("*.del"):
            if file.name not in in_force:
                file.unlink()

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

    def count_between(self, query: tantivy.Query, edges: Sequence[int]) -> tuple[int, ...]:
        """Documents published from each edge up to the next, in microseconds."""
        spans = list(pairwise(edges))
        ranges = [{"from": start, "to": end} for start, end in spans if start < end]
        if not ranges:
            return (0,) * len(spans)
        found = self.searcher.aggregate(query, {"stretches": {"range": {"field": "published", "ranges": ranges}}})["stretches"]["buckets"]
        counts = {
            bucket["from"]: bucket["doc_count"] for bucket in found if "from" in bucket and "to" in bucket
        }  # the rest lies around them
        return tuple(counts.get(float(start), 0) if start < end else 0 for start, end in spans)

    def _write(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(heap_size=HEAP, num_threads=1)
        return self._writer


def _state(directory: Path) -> tuple[int, int]:
    """Differs after every commit: each puts a new file in the place of the old."""
    status = (directory / "meta.json").stat()
    return status.st_ino, status.st_mtime_ns
