"""Draws docs/demo.svg, what ``fjaril demo`` prints, and docs/lagesbild.png, a situation picture, from the data directory that it left."""

from __future__ import annotations

import io
import re
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

from msgspec.structs import replace
from rich.console import CONSOLE_SVG_FORMAT, Console

import pipeline.settings
from pipeline import app
from pipeline.cli.story import tell
from pipeline.desk.state import read
from pipeline.settings import Settings
from pipeline.situation.areas import find
from pipeline.situation.model import Assessment, Marking, Sharing
from pipeline.situation.pdf import pages
from pipeline.situation.period import begin, midnight
from pipeline.situation.words import Words

#: The picture is of the county where the demo's fires began, of the week that ends with its last day.
_AREA, _DAYS, _END = "14", 7, midnight(date(2026, 3, 16))
_SAID = "Vi väntar fler bränder i helgen och håller extra beredskap i Trollhättan."


def main(data: Path) -> None:
    """Draw both."""
    settings = pipeline.settings.load(data=data)
    _told(settings, f".venv/bin/fjaril --data {data}")
    _paper(settings)


def _paper(settings: Settings) -> None:
    """Draw the first page of a picture that somebody has assessed."""
    with closing(app.open_bus(settings)) as bus:
        maker = app.picture_maker(settings, read(bus, "events", "findings", "stories", "sources"))
    made = maker.make(find(_AREA, app.gazetteer(settings), {}), begin(_END, _DAYS), _END, _END)
    said = Assessment(id=1, at=_END, who="Anna Exempel", agency="polisen", text=_SAID, sharing=Sharing(marking=Marking.OPEN))
    first, *_ = pages(replace(made, assessments=(said,)), Words("sv"), ppi=84)
    Path(__file__).with_name("lagesbild.png").write_bytes(first)


def _told(settings: Settings, command: str) -> None:
    """Record the closing words of the demo as a picture without any address to load a font from."""
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    tell(settings, console, command)
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    Path(__file__).with_name("demo.svg").write_text(console.export_svg(title="make demo", code_format=plain), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
