"""Files of sources, written to: what a command adds to the list stands at its end, and nothing else of the file is touched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from pipeline.errors import UsageError
from pipeline.model import Source
from pipeline.settings import BUNDLED_SOURCES, load_sources

if TYPE_CHECKING:
    from enrich.gazetteer import Gazetteer

#: What stands in every entry; anything else only where it is not the default.
_ALWAYS = ("id", "kind", "url", "name", "purpose", "area", "reliability", "interval", "terms")


def as_yaml(sources: Sequence[Source]) -> str:
    """The sources as entries of a file, indented as there."""
    blank = msgspec.to_builtins(Source(id="x", kind="", url="http://x", name="", purpose="xxx"))
    entries = []
    for source in sources:
        fields = msgspec.to_builtins(source)
        entries.append({name: value for name, value in fields.items() if name in _ALWAYS or value != blank[name]})
    if not entries:
        return ""
    text = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=140)
    return "".join(f"  {line}\n" for line in text.splitlines())


def append(path: Path, sources: Sequence[Source], purpose: str) -> None:
    """Add the sources to the file, all of them or none.

    :raises UsageError: if the list is the bundled one, or there is no purpose.
    :raises SettingsError: if the file would not be right with them.
    """
    if path.resolve() == BUNDLED_SOURCES:
        raise UsageError(f"{path}: these are the bundled sources; copy the file, name the copy in the settings (sources), and add there")
    if not purpose:
        raise UsageError("without a purpose no source is collected: say with --purpose why this one is")
    if not sources:
        return
    before = path.read_text(encoding="utf-8")
    made = path.with_name(f"{path.name}.new")
    made.write_text(f"{before.rstrip()}\n{as_yaml(sources)}", encoding="utf-8")
    try:
        load_sources(made)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def area_of(text: str, gazetteer: Gazetteer) -> str:
    """Code of the municipality, else the county, that the name or address of a source has; ``SE`` where it has none, or several."""
    spoken = f" {' '.join(re.split(r'[^a-zåäö]+', text.lower()))} "
    plain = spoken.translate(str.maketrans("åäöé", "aaoe"))
    found: dict[str, set[str]] = {"municipality": set(), "county": set()}
    for place in gazetteer.places:
        if place.kind not in found:
            continue
        name = place.name.lower().removesuffix(" kommun").removesuffix(" län")
        # a county is only meant where it is called one: many are towns, too
        wanted = f" {name} län " if place.kind == "county" else f" {name} "
        spelled = wanted.translate(str.maketrans("åäöé", "aaoe"))
        if wanted in spoken or (len(name) > 3 and spelled in plain):
            found[place.kind].add(place.code)
    for codes in found.values():
        if len(codes) == 1:
            return codes.pop()
    return "SE"
