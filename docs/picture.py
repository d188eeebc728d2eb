"""Draws docs/demo.svg: what ``fjaril demo`` prints, from the data directory that it left."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console

import pipeline.settings
from pipeline.cli.story import tell


def main(data: Path) -> None:
    """Record the closing words of the demo as a picture without any address to load a font from."""
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    tell(pipeline.settings.load(data=data), console, f".venv/bin/fjaril --data {data}")
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    Path(__file__).with_name("demo.svg").write_text(console.export_svg(title="make demo", code_format=plain), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
