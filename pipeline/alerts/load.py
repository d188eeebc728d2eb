"""Rule files: read, checked, and refused with file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from pipeline.alerts.engine import Runner
from pipeline.alerts.rule import AnyType, NewTermRule, Span
from pipeline.errors import QueryError, SettingsError
from pipeline.settings import NO_YAML, YAML_LOADER, at_fault, yaml_fault

SUFFIXES = (".yaml", ".yml")


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
    rules: dict[str, tuple[AnyType, Path]] = {}
    for file in files:
        for rule in _file(file):
            if rule.name in rules:
                raise SettingsError(str(file), "name", rule.name, f"a name of its own; it is that of {rules[rule.name][1]}")
            rules[rule.name] = (rule, file)
    return tuple(rule for rule, _ in rules.values())


def _file(path: Path) -> Iterator[AnyType]:
    try:
        nodes = list(yaml.compose_all(path.read_text(encoding="utf-8"), Loader=YAML_LOADER))
    except OSError as error:
        raise SettingsError(str(path), "", error.strerror, "a rule file that can be read, or a directory of them") from error
    except NO_YAML as error:
        raise _no_yaml(path, error) from error
    found = [node for node in nodes if node is not None]
    if not found:
        raise SettingsError(str(path), "", "nothing", "a rule: name, purpose and type, as docs/rules.md shows")
    for node in found:
        yield from _rules(path, node)


def _rules(path: Path, node: yaml.Node) -> Iterator[AnyType]:
    """A list of rules in one YAML document is taken too."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield _rule(path, item)
    else:
        yield _rule(path, node)


def _rule(path: Path, node: yaml.Node) -> AnyType:
    try:
        given = _value(node)
    except NO_YAML as error:
        raise _no_yaml(path, error, node.start_mark) from error
    try:
        rule: AnyType = msgspec.convert(given, AnyType)
    except msgspec.ValidationError as error:
        key, found = at_fault(given, error)
        raise _wrong(path, node, key, found, f"{error}; docs/rules.md lists the options of each type") from error
    _check(path, node, rule)
    return rule


def _value(node: yaml.Node) -> Any:
    loader = YAML_LOADER("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check(path: Path, node: yaml.Node, rule: AnyType) -> None:
    for name in rule.__struct_fields__:
        span = getattr(rule, name)
        positive = name not in {"realert", "aggregation"}
        if isinstance(span, Span) and (span.delta.total_seconds() < 0 or (positive and not span.delta)):
            raise _wrong(path, node, name, span.delta, "a stretch of time above 0, as {hours: 6}")
    if isinstance(rule, NewTermRule) and not (rule.fields or rule.keys):
        raise _wrong(path, node, "fields", rule.fields, "a field or a list of them; or query_key")
    for pair in (("max_cardinality", "min_cardinality"), ("max_threshold", "min_threshold"), ("max_percentage", "min_percentage")):
        if hasattr(rule, pair[0]) and all(getattr(rule, name) is None for name in pair):
            raise _wrong(path, node, pair[0], None, f"a number for {pair[0]} or {pair[1]}, or both")
    try:
        Runner(rule)
    except QueryError as error:
        key, _, rest = str(error).partition(": ")
        raise SettingsError(f"{path}:{_line(node, key)}", key, rest, "a query, as docs/rules.md shows") from error


def _no_yaml(path: Path, error: Exception, near: yaml.Mark | None = None) -> SettingsError:
    """:param near: where to look if the error does not say."""
    mark, said = yaml_fault(error)
    mark = mark or near
    return SettingsError(f"{path}:{mark.line + 1}" if mark else str(path), "", said, "YAML in UTF-8, as docs/rules.md shows")


def _wrong(path: Path, node: yaml.Node, key: str, found: object, allowed: str) -> SettingsError:
    return SettingsError(f"{path}:{_line(node, key)}", key.lstrip("."), found, allowed)


def _line(node: yaml.Node, key: str) -> int:
    """The line of the node at a path as ``filter[0].term.themes``; of the last part that is there."""
    line = node.start_mark.line + 1
    for part in key.replace("[", ".").replace("]", "").split("."):
        if isinstance(node, yaml.MappingNode):
            pair = next(((name, value) for name, value in node.value if str(name.value) == part), None)
            if pair is None:
                continue
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
    return line
