"""Lists of sources as OPML 2.0 (http://opml.org/spec2.opml), in and out. What OPML has no place for stands in an attribute of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, register_namespace, tostring

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collectors.discovery import short_id
from pipeline.errors import UsageError
from pipeline.model import Source

_NAMESPACE = "urn:fjaril:source"
_OURS = f"{{{_NAMESPACE}}}source"
_MAX_BYTES = 10_000_000


def written(sources: Sequence[Source], title: str) -> bytes:
    """The list as OPML: other programs read the addresses of feeds, Fjäril everything."""
    register_namespace("fjaril", _NAMESPACE)
    root = Element("opml", version="2.0")
    SubElement(SubElement(root, "head"), "title").text = title
    body = SubElement(root, "body")
    for source in sources:
        attributes = {"text": source.name, "title": source.name, "type": "rss" if source.kind == "feed" else source.kind}
        attributes |= {"xmlUrl": source.url, "description": source.purpose, "language": source.language}
        SubElement(body, "outline", attributes | {_OURS: msgspec.json.encode(source).decode()})
    indent(root)
    data: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def read(data: bytes, purpose: str, taken: Iterable[str] = ()) -> list[Source]:
    """The sources of an OPML file, in its order, each address once.

    :param purpose: why those are collected that another program listed; without one such a file is refused.
    :param taken: ids that are used already.
    :raises UsageError: if it is no OPML, or names an address that is none.
    """
    if len(data) > _MAX_BYTES:
        raise UsageError(f"a file of {len(data):,} bytes; at most {_MAX_BYTES:,} are read")
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise UsageError(f"no OPML: {error}") from error
    if root.tag != "opml":
        raise UsageError(f"no OPML: found the element {root.tag[:60]!r}, expected opml")
    found: dict[str, Source] = {}
    ids = set(taken)
    for outline in root.iter("outline"):
        url = outline.get("xmlUrl", "").strip()
        if not url or url in found:
            continue
        source = _source(outline, url, purpose, ids)
        ids.add(source.id)
        found[url] = source
    return list(found.values())


def _source(outline: Element, url: str, purpose: str, taken: set[str]) -> Source:
    name = outline.get("title") or outline.get("text") or url
    ours = outline.get(_OURS)
    fields = msgspec.json.decode(ours) if ours else {"kind": "feed", "url": url, "name": name, "purpose": purpose}
    if not fields.get("purpose"):
        raise UsageError(f"{name}: without a purpose no source is collected; give one for the sources of this file with --purpose")
    given = fields.get("id")
    fields["id"] = given if given and given not in taken else short_id(name, url, taken)
    try:
        return msgspec.convert(fields, Source)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: {error}; found {url!r}") from error
