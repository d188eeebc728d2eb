"""Rule files: read, checked, and refused with file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from pipeline.alerts.engine import Runner
from pipeline.alerts.nodes import Source, read
from pipeline.alerts.rule import AnyType, NewTermRule, Span
from pipeline.errors import QueryError, SettingsError

SUFFIXES = (".yaml", ".yml")
_PAGE = "docs/rules.md lists the options of each type"


def load(path: Path) -> tuple[AnyType, ...]:
    """The rule of a file, or the rules of a directory in the order of the files' names. A file may hold several as YAML documents.

    :raises SettingsError: naming the file, line and key, what was found and what is allowed.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
        if not files:
            raise SettingsError(str(path), "", "no file that ends in .yaml", "a rule file, or a directory of them")
    else:
        files = [path]
    rules: dict[str, tuple[AnyType, Source]] = {}
    for file in files:
        for source, rule in _file(file):
            if rule.name in rules:
                raise source.wrong("name", rule.name, f"a name of its own; it is that of {rules[rule.name][1].path}")
            rules[rule.name] = (rule, source)
    if path.is_dir():  # of one file alone the others are not known
        for rule, source in rules.values():
            _refuse_unknown(source, rule, rules)
    return tuple(rule for rule, _ in rules.values())


def _refuse_unknown(source: Source, rule: AnyType, known: Collection[str]) -> None:
    for number, name in enumerate(rule.inhibits.rules if rule.inhibits is not None else ()):
        if name not in known:
            raise source.wrong(f"inhibits.rules[{number}]", name, f"a rule of this set: {', '.join(known)}")


def _file(path: Path) -> Iterator[tuple[Source, AnyType]]:
    found = read(path, help_page=_PAGE, expected="a rule file that can be read, or a directory of them")
    if not found:
        raise SettingsError(str(path), "", "nothing", "a rule: name, purpose and type, as docs/rules.md shows")
    for document in found:
        for source in document.parts():  # a list of rules in one YAML document is taken too
            rule: AnyType = source.convert(AnyType)
            _check(source, rule)
            yield source, rule


def _check(source: Source, rule: AnyType) -> None:
    for name in rule.__struct_fields__:
        span = getattr(rule, name)
        positive = name not in {"realert", "aggregation", "group_wait"}
        if isinstance(span, Span) and (span.delta.total_seconds() < 0 or (positive and not span.delta)):
            raise source.wrong(name, span.delta, "a stretch of time above 0, as {hours: 6}")
    if isinstance(rule, NewTermRule) and not (rule.fields or rule.keys):
        raise source.wrong("fields", rule.fields, "a field or a list of them; or query_key")
    for pair in (("max_cardinality", "min_cardinality"), ("max_threshold", "min_threshold"), ("max_percentage", "min_percentage")):
        if hasattr(rule, pair[0]) and all(getattr(rule, name) is None for name in pair):
            raise source.wrong(pair[0], None, f"a number for {pair[0]} or {pair[1]}, or both")
    try:
        Runner(rule)
    except QueryError as error:
        key, _, rest = str(error).partition(": ")
        raise source.wrong(key, rest, "a query, as docs/rules.md shows") from error
