"""The index on Elasticsearch 9.

==========================  ========================================================================================================
``PREFIX-documents-…``      a month of documents, by their time of publication: fields to search by, and the document whole
``PREFIX-revisions``        where a document is that had more than one revision, and tombstones
``PREFIX-findings`` …       records for those who look into the server: :mod:`pipeline.index.elastic.tables`
==========================  ========================================================================================================

The server compares revisions (external versions), so two processes may write at once. A first revision is written without
looking; of an edited or withdrawn document the month is looked up, since its time of publication may have moved.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pipeline.errors import QueryError, SearchIndexError
from pipeline.index.analysis import Highlighter, analyzer
from pipeline.index.cursor import OTHER_QUESTION, check_size, question, read, write
from pipeline.index.elastic.connection import Address, Connection
from pipeline.index.elastic.entry import Revised, entry, findable
from pipeline.index.elastic.question import Asked, between, translate
from pipeline.index.elastic.tables import ElasticTables
from pipeline.index.elastic.writer import Outcome, Write, Writer
from pipeline.index.engine import FACET_VALUES
from pipeline.index.keys import hour_number, hour_start, place_line, theme_line
from pipeline.index.question import HOURS, check_filters, check_trend
from pipeline.index.writes import Plan, plan
from pipeline.model import Document
from pipeline.ports import TABLES, Filters, Hit, Page, Search, TrendBucket, Written
from pipeline.settings import Elastic

#: Facet → field that it is counted by.
FACETS = {"place": "place.area", "county": "place.county", "theme": "theme.id", "source": "event.provider", "language": "language"}
#: How long the server keeps the view that pages are taken from, after each page.
KEPT = "2m"
#: Seconds until a flush has the server forget what was deleted: its clock for that moves on five times a second.
_FORGETS = 0.3
#: Cells of a trend in one answer.
_CELLS = 5_000
_NEWEST = [{"@timestamp": {"order": "desc", "format": "strict_date_optional_time_nanos"}}, {"event.id": "asc"}]
_HOUR = timedelta(hours=1)


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """After which values the next page begins, and the view that it is taken from."""

    question: str
    after: tuple[float | str, ...]
    view: str


class _Stands(Struct, frozen=True):
    """Where a document is."""

    revision: int
    #: Empty for a withdrawn one.
    month: str
    #: Whether the revisions' index says so.
    noted: bool


class ElasticIndex:
    """The port ``Index`` (:class:`pipeline.ports.Index`) on Elasticsearch; several processes may use it at once."""

    def __init__(self, url: str, options: Elastic | None = None, named: Callable[[str], str] = str) -> None:
        """Connect.

        :param url: ``https://HOST:PORT/PREFIX``.
        :param named: code of a municipality, a county or a country → what people call it.
        :raises SearchIndexError: if the server does not answer, refuses, is of another version, or lacks the templates.
        """
        self._address = Address.parse(url)
        self._connection = Connection(self._address, options or Elastic())
        self._client = self._connection.client
        self._writer = Writer(self._connection)
        #: See :class:`pipeline.ports.TabledIndex`.
        self.tables = ElasticTables(self._connection, self._writer)
        self._named = named
        self._analyzer = analyzer()
        self._lock = threading.RLock()
        try:
            self._check()
        except BaseException:
            self._client.close()
            raise

    # --- writing -----------------------------------------------------------------------------------------------------

    def upsert(self, documents: Sequence[Document]) -> Written:
        """See :meth:`pipeline.ports.Index.upsert`; durable at once, visible after a flush."""
        if not documents:
            return Written()
        with self._lock:
            stands = self._stands(documents)
            planned = plan(documents, {key: found.revision for key, found in stands.items()})
            writes = (self._write(document) for document in planned.documents if not document.withdrawn)
            outcome = self._writer.write(chain(writes, self._removals(planned.documents, stands)))
            self._note(documents, planned.documents, stands, outcome)
        return _told(planned, stands, outcome)

    def delete(self, ids: Iterable[str]) -> int:
        """See :meth:`pipeline.ports.Index.delete`."""
        with self._lock:
            wanted = list(dict.fromkeys(ids))
            noted = self._noted(wanted)
            months = self._found(wanted)
            known = {*noted, *months}
            writes = [Write(month, key, None, None) for key, (_, month) in months.items()]
            writes += [Write(self._address.revisions, key, None, None) for key in noted]
            if writes:
                self._writer.write(writes)
                time.sleep(_FORGETS)
                self.flush()  # the server forgets which version it was
            return len(known)

    def flush(self) -> None:
        """See :meth:`pipeline.ports.Index.flush`; the server has written what it acknowledged to its disk."""
        with self._connection.explained("flushing"):
            self._client.indices.refresh(index=f"{self._address.months},{self._address.revisions}", ignore_unavailable=True)

    def expire(self, before: datetime) -> int:
        """See :meth:`pipeline.ports.Index.expire`: a month is an index, dropped whole."""
        border = self._month(before)
        with self._lock, self._connection.explained("removing old months"):
            old = sorted(name for name in self._client.indices.get_alias(index=self._address.months) if name < border)
            if not old:
                return 0
            self.flush()
            count = int(self._client.count(index=",".join(old))["count"])
            self._client.indices.delete(index=",".join(old))
        return count

    def purge(self) -> None:
        """See :meth:`pipeline.ports.Index.purge`: the server writes anew what holds something deleted, which it counts itself."""
        with self._connection.explained("rewriting the index"):
            stats = self._client.indices.stats(index=self._address.months, metric="docs", filter_path="indices.*.primaries.docs.deleted")
            touched = [name for name, found in stats.get("indices", {}).items() if found["primaries"]["docs"]["deleted"]]
            for name in touched:
                self._client.options(request_timeout=3600).indices.forcemerge(index=name, only_expunge_deletes=True)
                self._client.indices.flush(index=name, force=True)

    def close(self) -> None:
        """See :meth:`pipeline.ports.Index.close`."""
        self._client.close()

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, document_id: str) -> Document | None:
        """See :meth:`pipeline.ports.Index.get`."""
        with self._connection.explained("looking up a document"):
            noted = self._client.options(ignore_status=404).get(index=self._address.revisions, id=document_id)
            if noted.get("found") and (withdrawn := noted["_source"].get("tombstone")):
                return msgspec.convert(withdrawn, Document)
            query = {"ids": {"values": [document_id]}}
            hits = self._client.search(index=self._address.months, query=query, source_includes=["document"])["hits"]["hits"]
        return msgspec.convert(hits[0]["_source"]["document"], Document) if hits else None

    def search(self, search: Search) -> Page:
        """See :meth:`pipeline.ports.Index.search`; pages are of one moment as long as the server keeps it (:data:`KEPT`)."""
        if strange := [name for name in search.facets if name not in FACETS]:
            raise QueryError(f"facets: found {strange[0]!r}; what can be counted is {', '.join(FACETS)}")
        check_size(search)
        check_filters(search.filters)
        asked = translate(search.text, search.filters, self._analyzer)
        cursor = self._cursor(search)
        with self._connection.explained("searching"):
            view = cursor.view if cursor else self._client.open_point_in_time(index=self._address.months, keep_alive=KEPT)["id"]
            found = self._page(search, asked, cursor, view)
            hits = found["hits"]["hits"]
            more = len(hits) > search.size
            if not more:
                self._client.options(ignore_status=404).close_point_in_time(id=found.get("pit_id", view))
        highlighter = Highlighter(asked.terms, self._analyzer)
        shown = hits[: search.size]
        after = write(Cursor(question(search), tuple(shown[-1]["sort"]), found.get("pit_id", view))) if more else None
        return Page(
            hits=tuple(_hit(hit, highlighter) for hit in shown),
            total=found["hits"]["total"]["value"],
            facets=_facets(search, found),
            after=after,
        )

    def over_time(self, search: Search, edges: Sequence[datetime]) -> tuple[int, ...]:
        """See :meth:`pipeline.ports.Index.over_time`; by queries, for the server's own stretches of time are of whole milliseconds."""
        filters = msgspec.structs.replace(search.filters, since=edges[0], until=edges[-1])
        check_filters(filters)
        query = translate(search.text, filters, self._analyzer).query
        stretches = {"filters": {"filters": [between(start, end) for start, end in pairwise(edges)]}}
        with self._connection.explained("counting"):
            found = self._client.search(
                index=self._address.months, size=0, query=query, aggregations={"stretches": stretches}, track_total_hits=False
            )
        counts = found.get("aggregations", {}).get("stretches", {}).get("buckets", [])
        return tuple(bucket["doc_count"] for bucket in counts) or (0,) * (len(edges) - 1)

    def trend(
        self, filters: Filters, bucket: Literal["hour", "day", "week"] = "day", by: Sequence[Literal["place", "theme"]] = ()
    ) -> tuple[TrendBucket, ...]:
        """See :meth:`pipeline.ports.Index.trend`."""
        check_trend(filters, bucket, by)
        places, themes = set(filters.places), set(filters.themes)
        counts: Counter[tuple[int, str, str]] = Counter()
        step = HOURS[bucket]
        for found in self._cells(filters):
            place, _, theme = found["key"]["cell"].partition("|")
            if (places and places.isdisjoint(place_line(place))) or (themes and themes.isdisjoint(theme_line(theme))):
                continue
            hour = hour_number(datetime.fromtimestamp(found["key"]["hour"] / 1000, UTC))
            counts[hour // step * step, place if "place" in by else "", theme if "theme" in by else ""] += found["doc_count"]
        return tuple(
            TrendBucket(start=hour_start(start), place=place, theme=theme, count=count)
            for (start, place, theme), count in sorted(counts.items())
        )

    def count(self) -> int:
        """See :meth:`pipeline.ports.Index.count`."""
        with self._connection.explained("counting"):
            return int(self._client.count(index=self._address.months)["count"])

    def about(self) -> str:
        """See :meth:`pipeline.ports.Index.about`; says how Kibana's own searches find words, too."""
        kibana = "by the server's Swedish stems" if self._connection.has_swedish() else "as they stand: the server has no Swedish stems"
        return f"Elasticsearch {self._connection.version}: search finds words by Fjäril's own Swedish stems, Kibana {kibana}"

    # --- inside ------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """The templates are there, or documents would be stored without their fields; and the indices that are one each are."""
        single = [self._address.revisions, *map(self._address.table, TABLES)]
        with self._connection.explained("looking for the templates"):
            for name in (self._address.documents, *single):
                if not self._client.indices.exists_index_template(name=name):
                    raise SearchIndexError(f"index: {self._address.url}: the template {name} is missing: run `fjaril setup`")
            for name in single:
                self._client.options(ignore_status=400).indices.create(index=name)  # 400: it is there

    def _month(self, moment: datetime) -> str:
        moment = findable(moment).astimezone(UTC)
        return f"{self._address.documents}-{moment.year:04}.{moment.month:02}"

    def _write(self, document: Document) -> Write:
        return Write(self._month(document.published), document.id, document.revision, entry(document, self._analyzer.analyze, self._named))

    def _removals(self, documents: Iterable[Document], stands: Mapping[str, _Stands]) -> Iterable[Write]:
        """What takes the documents out of the months that they are no longer in."""
        for document in documents:
            found = stands.get(document.id)
            if found and found.month and (document.withdrawn or found.month != self._month(document.published)):
                yield Write(found.month, document.id, document.revision, None)

    def _note(self, given: Sequence[Document], written: Sequence[Document], stands: Mapping[str, _Stands], outcome: Outcome) -> None:
        """Say where the edited and withdrawn ones are now; also of one that a killed process had written but not noted."""
        notes: dict[str, Revised] = {}
        for key in {document.id for document in given if document.revision > 1 or document.withdrawn}:
            if key in stands and not stands[key].noted:
                notes[key] = Revised(revision=stands[key].revision, month=stands[key].month)
        for document in written:
            if document.id in outcome.stale or document.id in outcome.refused:
                continue
            if document.withdrawn:
                notes[document.id] = Revised(revision=document.revision, tombstone=document)
            elif document.revision > 1 or document.id in stands:
                notes[document.id] = Revised(revision=document.revision, month=self._month(document.published))
        if notes:
            self._writer.write([Write(self._address.revisions, key, note.revision, note) for key, note in notes.items()])

    def _stands(self, documents: Sequence[Document]) -> dict[str, _Stands]:
        """Where the documents are: what is noted, and of edited ones that are not noted the month that they are found in."""
        noted = self._noted(list({document.id for document in documents}))
        known = {key: _Stands(note.revision, note.month, noted=True) for key, note in noted.items()}
        times = Counter(document.id for document in documents)
        edited = {d.id for d in documents if d.revision > 1 or d.withdrawn or times[d.id] > 1} - set(noted)
        return known | {key: _Stands(revision, month, noted=False) for key, (revision, month) in self._found(list(edited)).items()}

    def _noted(self, ids: Sequence[str]) -> dict[str, Revised]:
        if not ids:
            return {}
        with self._connection.explained("looking up revisions"):
            found = self._client.mget(index=self._address.revisions, ids=ids)["docs"]
        return {doc["_id"]: msgspec.convert(doc["_source"], Revised) for doc in found if doc.get("found")}

    def _found(self, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Id → (revision, month), looked for in every month, flushed or not."""
        if not ids:
            return {}
        with self._connection.explained("looking up documents"):
            months = sorted(self._client.indices.get_alias(index=self._address.months))
            docs = [{"_index": month, "_id": key, "_source": False} for key in ids for month in months]
            found = self._client.mget(docs=docs)["docs"] if docs else []
        return {doc["_id"]: (doc["_version"], doc["_index"]) for doc in found if doc.get("found")}

    def _cursor(self, search: Search) -> Cursor | None:
        if search.after is None:
            return None
        cursor = read(search.after, Cursor)
        if cursor.question != question(search):
            raise QueryError(OTHER_QUESTION)
        return cursor

    def _page(self, search: Search, asked: Asked, cursor: Cursor | None, view: str) -> dict[str, Any]:
        """One more than the page has, to know whether there is another. A view that is no longer kept is left out."""
        by_score = search.order == "relevance" and asked.terms
        body: dict[str, Any] = {
            "query": asked.query, "size": search.size + 1, "sort": [{"_score": "desc"}, *_NEWEST] if by_score else _NEWEST,
            "track_total_hits": True, "source_includes": ["document"],
            "aggregations": {
                facet: {"terms": {"field": FACETS[facet], "size": FACET_VALUES, "order": [{"_count": "desc"}, {"_key": "asc"}]}}
                for facet in search.facets
            },
        }  # fmt: skip
        if cursor:
            body["search_after"] = cursor.after
        client = self._client.options(ignore_status=404)
        found = client.search(**body, pit={"id": view, "keep_alive": KEPT}, search_type="dfs_query_then_fetch")
        if "hits" not in found:
            if cursor:
                body["search_after"] = cursor.after[: len(body["sort"])]  # less what the server adds to tell its shards apart
            found = self._client.search(**body, index=self._address.months, search_type="dfs_query_then_fetch")
        return dict(found)

    def _cells(self, filters: Filters) -> Iterable[Mapping[str, Any]]:
        """Hour × cell with its number of documents, page by page."""
        query = translate("", msgspec.structs.replace(filters, since=None, until=None), self._analyzer).query
        query["bool"]["filter"] = [part for part in query["bool"]["filter"] if "told" not in part.get("terms", {})]
        query["bool"]["filter"].append(between(*_whole_hours(filters)))
        sources = [
            {"hour": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}}, {"cell": {"terms": {"field": "cell"}}},
        ]  # fmt: skip
        after: Any = None
        while True:
            composite = {"size": _CELLS, "sources": sources} | ({"after": after} if after else {})
            with self._connection.explained("counting"):
                found = self._client.search(
                    index=self._address.months,
                    size=0,
                    query=query,
                    aggregations={"cells": {"composite": composite}},
                    track_total_hits=False,
                )
            cells = found.get("aggregations", {}).get("cells", {"buckets": []})
            yield from cells["buckets"]
            after = cells.get("after_key")
            if after is None or len(cells["buckets"]) < _CELLS:
                return


def _whole_hours(filters: Filters) -> tuple[datetime | None, datetime | None]:
    """[since, until) widened to whole hours."""
    since = filters.since and hour_start(hour_number(filters.since))
    until = filters.until and hour_start(hour_number(filters.until))
    return since, until + _HOUR if until and filters.until and until < filters.until else until


def _told(planned: Plan, stands: Mapping[str, _Stands], outcome: Outcome) -> Written:
    """What was planned, less what the server knew better or refused."""
    written = planned.written
    lost = [d for d in planned.documents if not d.withdrawn and (d.id in outcome.stale or d.id in outcome.refused)]
    created = sum(document.id not in stands for document in lost)
    stale = sum(document.id in outcome.stale for document in lost)
    return msgspec.structs.replace(
        written, created=max(0, written.created - created), updated=max(0, written.updated - (len(lost) - created)), stale=written.stale + stale,
        refused=dict(outcome.refused),
    )  # fmt: skip


def _hit(hit: Mapping[str, Any], highlighter: Highlighter) -> Hit:
    document = msgspec.convert(hit["_source"]["document"], Document)
    return Hit(document=document, score=hit["_score"] or 0.0, highlight=highlighter.passage(document.text))


def _facets(search: Search, found: Mapping[str, Any]) -> dict[str, tuple[tuple[str, int], ...]]:
    return {
        facet: tuple(
            (bucket["key"], bucket["doc_count"]) for bucket in found.get("aggregations", {}).get(facet, {"buckets": []})["buckets"]
        )
        for facet in search.facets
    }
