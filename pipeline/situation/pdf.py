"""The picture as PDF: tagged (PDF/UA-1), with its own fonts, the same bytes for the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typst

from pipeline.situation.model import Situation
from pipeline.situation.pictures import PAPER
from pipeline.situation.sheet import sheet
from pipeline.situation.words import Words

_TEMPLATE = Path(__file__).with_name("templates") / "paper.typ"


def pdf(situation: Situation, words: Words) -> bytes:
    """The picture on A4."""
    (made,) = _compile(situation, words, "pdf", None)
    return made


def pages(situation: Situation, words: Words, ppi: float = 110) -> list[bytes]:
    """The pages of the PDF as PNG."""
    return _compile(situation, words, "png", ppi)


def _compile(situation: Situation, words: Words, kind: typst.OutputFormat, ppi: float | None) -> list[bytes]:
    inputs = {
        "sheet": msgspec.json.encode(sheet(situation, words, PAPER)).decode(),
        "words": msgspec.json.encode({key: words(key) for key in ("machine", "people", "page", "brief")}).decode(),
    }
    made: Any = typst.compile(
        _TEMPLATE.read_bytes(),
        format=kind,
        ppi=ppi,
        sys_inputs=inputs,
        ignore_system_fonts=True,
        pdf_standards="ua-1" if kind == "pdf" else [],
        timestamp=int(situation.made.timestamp()),
    )
    return made if isinstance(made, list) else [made]
