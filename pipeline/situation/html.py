"""The picture as one HTML file: nothing is fetched, no script runs."""

from __future__ import annotations

from pathlib import Path

import jinja2

from pipeline.situation.model import Situation
from pipeline.situation.pictures import SCREEN
from pipeline.situation.sheet import sheet
from pipeline.situation.words import Words

_TEMPLATES = Path(__file__).with_name("templates")


def page(situation: Situation, words: Words) -> str:
    """The picture as a page of its own."""
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html").render(sheet=sheet(situation, words, SCREEN), words=words)
