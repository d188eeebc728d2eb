"""Installs templates, and says what that changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.index.elastic.connection import Connection

Templates = Mapping[str, Mapping[str, Any]]


def install(connection: Connection, components: Templates, indices: Templates, *, dry_run: bool) -> list[str]:
    """Make the server's templates these; returns a line for each that it had otherwise, or not at all.

    An index that is there keeps its fields: what is new holds from the next month on.
    """
    client, lines = connection.client, []
    with connection.explained("installing the templates"):
        for name, wanted in components.items():
            found = client.options(ignore_status=404).cluster.get_component_template(name=name).get("component_templates", [])
            if line := _difference("component template", name, [entry["component_template"] for entry in found], wanted):
                lines.append(line)
                if not dry_run:
                    client.cluster.put_component_template(name=name, **_arguments(wanted))
        for name, wanted in indices.items():
            found = client.options(ignore_status=404).indices.get_index_template(name=name).get("index_templates", [])
            if line := _difference("index template", name, [entry["index_template"] for entry in found], wanted):
                lines.append(line)
                if not dry_run:
                    client.indices.put_index_template(name=name, **_arguments(wanted))
    return lines


def _arguments(template: Mapping[str, Any]) -> dict[str, Any]:
    """The library's names of the parts."""
    return {name.lstrip("_"): value for name, value in template.items()}


def _difference(kind: str, name: str, found: list[Any], wanted: Mapping[str, Any]) -> str:
    if not found:
        return f"{kind} {name}: new"
    parts = [part for part in wanted if _plain(found[0].get(part)) != _plain(wanted[part])]
    return f"{kind} {name}: {', '.join(parts)} changed" if parts else ""


def _plain(value: Any) -> Any:
    """As the server writes it: every setting a text, under ``index``; nothing where it is empty."""
    if isinstance(value, Mapping):
        return {key: _settings(part) if key == "settings" else _plain(part) for key, part in value.items()}
    return value


def _settings(value: Mapping[str, Any], path: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, part in value.items():
        where = f"{path}.{key}" if path else key
        if isinstance(part, Mapping):
            flat |= _settings(part, where)
        else:
            flat[where.removeprefix("index.")] = ",".join(part) if isinstance(part, list) else str(part)
    return flat
