"""YAML of the user's with its lines: read, converted, and refused with file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeGuard

import msgspec
import yaml

from pipeline.errors import SettingsError
from pipeline.settings import NO_YAML, YAML_LOADER, at_fault, yaml_fault


class Source:
    """A YAML document of a file: what it holds, and where each key of it stands."""

    def __init__(self, path: Path, node: yaml.Node, help_page: str, key: str = "") -> None:
        """:param key: where in the file it stands, if it is a part of a document."""
        self.path, self.node, self._page, self._key = path, node, help_page, key

    def parts(self) -> list[Source]:
        """The entries of a list, each by itself; else the document as it is."""
        if isinstance(self.node, yaml.SequenceNode):
            return [Source(self.path, item, self._page) for item in self.node.value]
        return [self]

    def under(self, name: str) -> dict[str, Source]:
        """What stands under the key, each by the name that it has there; nothing where it holds no names."""
        node = next((value for key, value in self.node.value if str(key.value) == name), None) if _is_mapping(self.node) else None
        if not _is_mapping(node):
            return {}
        return {str(key.value): Source(self.path, value, self._page, f"{self._key}{name}.{key.value}.") for key, value in node.value}

    def convert(self, kind: Any) -> Any:
        """What it holds as the type.

        :raises SettingsError: naming the key that is not as the type wants it.
        """
        self._refuse_doubles(self.node, set())
        loader = YAML_LOADER("")
        try:
            given = loader.construct_document(self.node)
        except NO_YAML as error:
            raise _no_yaml(self.path, error, self._page, self.node.start_mark) from error
        finally:
            loader.dispose()
        try:
            return msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            key, found = at_fault(given, error)
            raise self.wrong(key, found, f"{error}; {self._page}") from error

    def wrong(self, key: str, found: object, allowed: str) -> SettingsError:
        """What to raise of the value at ``key``, a path as ``regions.nord.shifts[0].from``."""
        return SettingsError(f"{self.path}:{self.line(key)}", (self._key + key.lstrip(".")).rstrip("."), found, allowed)

    def line(self, key: str) -> int:
        """The line of the node at a path as ``filter[0].term.themes``; of the last part that is there."""
        node, line = self.node, self.node.start_mark.line + 1
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

    def _refuse_doubles(self, node: yaml.Node, seen: set[int]) -> None:
        """YAML takes the last of two equal keys in silence; what stands under the first would be lost.

        :param seen: nodes that were looked at: an alias is the same node again, and may stand in itself.
        """
        if id(node) in seen:
            return
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._refuse_doubles(item, seen)
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for name, value in node.value:
                key, line = str(name.value), name.start_mark.line + 1
                if key in lines and key != "<<":
                    raise SettingsError(
                        f"{self.path}:{line}", key, key, f"each key once; it stands on line {lines[key]} already; {self._page}"
                    )
                lines[key] = line
                self._refuse_doubles(value, seen)


def read(path: Path, *, help_page: str, expected: str) -> list[Source]:
    """The YAML documents of a file, without empty ones.

    :param help_page: where it is written what may stand there: the end of a sentence in the errors.
    :param expected: what kind of file it is.
    :raises SettingsError: if the file cannot be read or is no YAML.
    """
    try:
        nodes = list(yaml.compose_all(path.read_text(encoding="utf-8"), Loader=YAML_LOADER))
    except OSError as error:
        raise SettingsError(str(path), "", error.strerror, expected) from error
    except NO_YAML as error:
        raise _no_yaml(path, error, help_page) from error
    return [Source(path, node, help_page) for node in nodes if node is not None and not _is_empty(node)]


def _is_mapping(node: yaml.Node | None) -> TypeGuard[yaml.MappingNode]:
    return isinstance(node, yaml.MappingNode)


def _is_empty(node: yaml.Node) -> bool:
    """What stands between two ``---`` with nothing in between, or after the last."""
    return isinstance(node, yaml.ScalarNode) and not node.value and node.tag == "tag:yaml.org,2002:null"


def _no_yaml(path: Path, error: Exception, help_page: str, near: yaml.Mark | None = None) -> SettingsError:
    """:param near: where to look if the error does not say."""
    mark, said = yaml_fault(error)
    mark = mark or near
    return SettingsError(f"{path}:{mark.line + 1}" if mark else str(path), "", said, f"YAML in UTF-8; {help_page}")
