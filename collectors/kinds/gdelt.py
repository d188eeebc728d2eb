"""The kind ``gdelt``: articles of the world's press that GDELT 2 has found to be about a country, every 15 minutes.

``http://data.gdeltproject.org/gdeltv2/lastupdate.txt`` (``lastupdate-translation.txt`` for other languages than English) names the last
files; those since the last visit are read, too. Of each article the title, the address and the places in the country are kept; names
of people, which the files list, are not. Codes of countries are FIPS: Sweden is SW.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from msgspec import Struct

from collectors.failures import Failure, Malformed, Unreachable
from collectors.html_text import absolute, plain
from collectors.items import Fetched, Item, More, Parsed, Plain, options_of
from collectors.kinds.feed_items import entry_item
from pipeline.model import Entry, Source

#: Files that are read at one visit, and bytes of one after decompression.
MAX_FILES, MAX_BYTES = 8, 100_000_000
_STEP = timedelta(minutes=15)
_LINE = re.compile(r"(\d+) ([0-9a-f]{32}) (\S+/(\d{14})(\.translation)?\.gkg\.csv\.zip)")
_TITLE = re.compile(r"<PAGE_TITLE>(.*?)</PAGE_TITLE>", re.DOTALL)
#: Columns of the Global Knowledge Graph, version 2.1: 27 of them.
_COLUMNS, _DATE, _SOURCE_KIND, _ADDRESS, _LOCATIONS, _EXTRAS = 27, 1, 2, 4, 9, 26
_WEB = "1"


class GdeltOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a source of kind ``gdelt``."""

    #: FIPS codes.
    countries: tuple[str, ...] = ("SW",)


class Gdelt(Plain):
    """The kind ``gdelt``."""

    obeys_robots = False  # files that are published to be fetched

    async def parse(self, fetched: Fetched, source: Source, more: More) -> Parsed:
        """The articles of the files since the last visit, earliest first.

        :raises Malformed: if the list names no such file, or the last file is not what the list says.
        """
        found = _LINE.search(fetched.body.decode("ascii", "replace"))
        if found is None:
            raise Malformed(f"no list of files: found {fetched.body[:60]!r}, expected a line that ends in .gkg.csv.zip")
        last, countries = found[4], frozenset(options_of(source, GdeltOptions).countries)
        items: dict[str, Item] = {}
        problems: list[str] = []
        for moment in _missed(more.cursor, last):
            url = urljoin(fetched.url, found[3]).replace(last, moment)
            try:
                data = (await more.get(url)).body
            except Failure as failure:
                if moment == last:
                    raise Unreachable(f"{url}: {failure.reason}") from failure
                problems.append(f"{url}: {failure.reason}")
                continue
            if moment == last and hashlib.md5(data, usedforsecurity=False).hexdigest() != found[2]:
                raise Malformed(f"{url} is not what the list says: its checksum differs")
            items |= {item.native_id: item for item in await asyncio.to_thread(_articles, data, countries)}
        return Parsed(items=tuple(items.values()), problems=tuple(problems), cursor=last)


def _articles(data: bytes, countries: frozenset[str]) -> list[Item]:
    return list(read_articles(data, countries))


def _missed(cursor: str, last: str) -> list[str]:
    """Names of the files after ``cursor`` up to ``last``, at most :data:`MAX_FILES`, latest kept."""
    end = _moment(last)
    start = _moment(cursor) if cursor else end - _STEP
    number = min(max(int((end - start) / _STEP), 1), MAX_FILES)
    return [f"{end - back * _STEP:%Y%m%d%H%M%S}" for back in range(number - 1, -1, -1)]


def _moment(name: str) -> datetime:
    return datetime.strptime(name, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def read_articles(data: bytes, countries: frozenset[str]) -> Iterator[Item]:
    """Those of a packed file that are about the countries.

    :raises Malformed: if it is no such file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            (name,) = packed.infolist()
            if name.file_size > MAX_BYTES:
                raise Malformed(f"a file of {name.file_size:,} bytes after decompression; at most {MAX_BYTES:,} are read")
            with packed.open(name) as file:
                text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise Malformed(f"no packed file: {error}") from error
    for line in text.split("\n"):
        row = line.rstrip("\r").split("\t")
        if len(row) == _COLUMNS and row[_SOURCE_KIND] == _WEB and (item := _item(row, countries)):
            yield item


def _item(row: list[str], countries: frozenset[str]) -> Item | None:
    # type#name#country#first division#latitude#longitude#feature
    parts = [place.split("#") for place in row[_LOCATIONS].split(";") if place]
    here = [part for part in parts if len(part) == 7 and part[2] in countries]
    url, title = absolute(row[_ADDRESS], "http://localhost/"), _TITLE.search(row[_EXTRAS])
    if not here or url is None or title is None:
        return None
    named = list(dict.fromkeys(plain(part[1].partition(",")[0]) for part in here))
    entry = Entry(
        title=plain(html.unescape(title[1])).replace("\n", " "),
        text=f"Platser: {', '.join(named)}",
        url=url,
        published=_published(row[_DATE]),
    )
    return entry_item(url, entry)


def _published(text: str) -> datetime | None:
    try:
        return _moment(text)
    except ValueError:
        return None
