"""What deployment files say is done, tried with the program itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pytest

import pipeline.settings
from pipeline.app import STAGES
from pipeline.settings import Settings
from tests.e2e.commands import fjaril


def is_understood(arguments: Sequence[str]) -> None:
    """The program knows the command, its options and, of ``run``, the stages."""
    fjaril(*arguments, "--help")
    if "run" in arguments:
        stages = arguments[arguments.index("run") + 1 :]
        assert set(stages) <= set(STAGES), stages


def is_accepted(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that these variables give."""
    for name in [name for name in os.environ if name.startswith(pipeline.settings.PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith(pipeline.settings.PREFIX):
            monkeypatch.setenv(name, value)
    return pipeline.settings.load()
