"""Draws docs/console-now.png and docs/console-spread.png: the console over the data directory that ``fjaril demo`` left.

Needs a Chromium, as the console's tests do.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

import pipeline.settings
from pipeline.console.room import opened
from pipeline.console.server import Server

#: Of the window; drawn smaller, as a page of documentation shows it.
_SIZE, _SCALE = {"width": 1280, "height": 850}, 0.82


def main(data: Path) -> None:
    """Draw what somebody sees who opens the console after the demo."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with opened(pipeline.settings.load(data=data)) as room:
        server = Server(room, "127.0.0.1:0")
        with server.beside(), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport=_SIZE, device_scale_factor=_SCALE, locale="sv-SE")
            finding = next(one.id for one in room.state.standing if one.kind == "spread")
            for name, path in (("now", "?period=7d"), ("spread", f"spridning/{finding}")):
                page.goto(server.url + path, wait_until="load")
                page.screenshot(path=Path(__file__).with_name(f"console-{name}.png"))
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
