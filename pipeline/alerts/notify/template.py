"""Texts with fixed placeholders: ``{to}`` is replaced, nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def fault(template: str, allowed: Collection[str]) -> str | None:
    """What is wrong with it; None if all its placeholders are among the allowed."""
    strange = [name for name in _PLACEHOLDER.findall(template) if name not in allowed]
    if not strange and "{" not in (rest := _PLACEHOLDER.sub("", template)) and "}" not in rest:
        return None
    known = ", ".join(f"{{{name}}}" for name in sorted(allowed))
    return f"text with placeholders among {known}" if known else "text without placeholders"


def fill(template: str, values: Mapping[str, str], quote: Callable[[str], str] = str) -> str:
    """The text with the values in it; a value that looks like a placeholder stays as it is.

    :param template: one that :func:`fault` has nothing against.
    """
    return _PLACEHOLDER.sub(lambda found: quote(values[found[1]]), template)
