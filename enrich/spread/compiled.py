"""Compiled loops: numba behind one typed decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of numbers and arrays; it lets go of the interpreter, so threads share the cores.

    The machine code is kept beside the module, or in the user's cache directory, and made again when the module changes.
    """
    return njit(nogil=True, cache=True)(function)  # type: ignore[return-value]
