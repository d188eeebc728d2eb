"""In a real Chromium: every page in both languages, without a fault of accessibility, without a request that leaves the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import pipeline.settings
from pipeline.access.roles import Principal, Role
from pipeline.console.endpoint import ENDPOINTS
from pipeline.console.room import opened
from pipeline.model import Health, SourceState, encode
from pipeline.ports import Record
from tests.console import ids
from tests.console.alerting import alerting
from tests.console.serving import served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no Chromium here; `sh deploy/local/debian.sh chromium` installs it", allow_module_level=True)

AXE = __import__("axe_playwright_python").__path__[0]
PAGES = [one for one in ENDPOINTS if one.method == "GET" and one.name not in {"brush", "alert"}]
#: Rules of WCAG 2.0 to 2.2, levels A and AA, and what axe calls best practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What a browser says of a page that tells of a fault of its reader's: no fault of ours.
_REFUSED = "the server responded with a status of 400"
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "CI needs Chromium: sh deploy/local/debian.sh chromium"
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--no-first-run"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def axe() -> str:
    (found,) = Path(AXE).rglob("axe.min.js")
    return found.read_text(encoding="utf-8")


class Seen:
    """What went wrong while a page was open."""

    def __init__(self, page, url: str) -> None:
        self.faults: list[str] = []
        host = urlsplit(url).netloc
        page.on(
            "console",
            lambda said: self.faults.append(said.text) if said.type in {"error", "warning"} and _REFUSED not in said.text else None,
        )
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda asked: None if urlsplit(asked.url).netloc in {host, ""} else self.faults.append(f"left: {asked.url}"))
        page.on("response", lambda answer: self.faults.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None)


@pytest.fixture
def look(browser, url) -> Iterator:
    """Opens pages; in the end nothing may have gone wrong, no policy broken, and nothing asked of another machine."""
    contexts, all_seen = [], []

    def opened_page(path: str, width: int = 1280, scheme: str = "light", base: str = url):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale="sv-SE", reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        all_seen.append(Seen(page, base))
        page.goto(base.rstrip("/") + path, wait_until="load")
        return page

    yield opened_page
    for context in contexts:
        context.close()
    assert [fault for seen in all_seen for fault in seen.faults] == []


def violations(page, axe: str) -> list[str]:
    """What axe-core finds: rule, and the first element. Its code comes by the debugger, which the page's policy does not hold."""
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary'][:300]}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize(("language", "scheme", "width"), [("sv", "light", 1280), ("en", "dark", 360)])
@pytest.mark.parametrize("endpoint", PAGES, ids=lambda one: one.name)
def test_each_page_can_be_used_by_everybody(look, room, axe, endpoint, language, scheme, width):
    """axe-core finds no violation, light and dark; nothing sticks out at the side of a telephone."""
    page = look(f"{ids.filled(endpoint.page, room)}?lang={language}", width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.lang") == language
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_wall_is_large(look):
    """For a wall screen everything is half as large again, and fits."""
    usual, wall = look("/?period=7d", 1920), look("/?period=7d&vagg=1", 1920)
    size = "parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"
    assert wall.evaluate(size) == pytest.approx(1.5 * usual.evaluate(size))
    assert wall.evaluate("document.documentElement.scrollWidth") <= 1920


def test_the_wall_needs_nobody_to_scroll(look):
    """The map with its legend, the figures and the lists are all on the screen; no row of a list is cut in two."""
    page = look("/?period=7d&vagg=1", 1920)
    page.set_viewport_size({"width": 1920, "height": 1080})
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    for part in ("svg.land", ".legend", ".figures", ".list"):
        for box in (one.bounding_box() for one in page.locator(part).all()):
            assert box["height"] > 20
            assert box["y"] + box["height"] <= 1080
    shown = page.evaluate(
        "[...document.querySelectorAll('.rows')].map((rows) => { const b = rows.getBoundingClientRect();"
        " return [...rows.children].map((one) => one.getBoundingClientRect()).filter((one) => one.left < b.right)"
        ".map((one) => one.bottom - b.bottom); })"
    )
    assert all(rows and max(rows) <= 1 for rows in shown)
    assert page.locator("#clock").inner_text()


def test_what_matters_most_comes_first_on_a_telephone(look, room):
    """Hits stand before facets, how certain a story is before its documents, key figures before sources."""
    for path, first, then in (
        ("/sok?q=bilbrand", "#found", ".facets"),
        (f"/handelse/{ids.story(room)}", "#trust", "#docs"),
        ("/kommun/0780", "#figures", "#sources"),
    ):
        page = look(path, 360)
        assert page.locator(first).bounding_box()["y"] < page.locator(then).bounding_box()["y"]


def test_by_keyboard_alone(look):
    """The first Tab offers to skip the menu; a search can be made and a hit opened without a mouse."""
    page = look("/sok")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    page.keyboard.type("bilbrand")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sok?q=bilbrand**")
    hit = page.locator("article h3 a").first
    hit.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/handelse/**")
    assert page.locator("li.telling").count() >= 1


def test_from_a_bar_of_time_to_its_documents(look):
    """The time brush is loaded after the page, and each bar leads to what lies in it."""
    page = look("/sok?q=bilbrand")
    page.wait_for_selector("#brush ol")
    bar = page.locator("#brush a").filter(has_not_text=": 0 ").last
    expected = int(bar.get_attribute("title").rpartition(": ")[2])
    bar.click()
    page.wait_for_url("**since=**")
    assert page.locator("#found").inner_text().split()[0] == str(expected)


def test_spread_is_played(look, room):
    """The slider draws what came later faintly; played, all is there in the end."""
    page = look(f"/spridning/{ids.finding(room)}")
    later = "document.querySelectorAll('#player .later').length"
    assert page.evaluate(later) == 0
    page.locator("#player input").evaluate("(one) => { one.value = one.min; one.dispatchEvent(new Event('input')); }")
    assert page.evaluate(later) >= 5
    page.locator("#player button").click()
    page.wait_for_selector("#player .later", state="detached", timeout=15_000)


def test_a_municipality_is_opened_from_the_map(look):
    """The map is drawn of municipalities, and each that is coloured leads to its picture."""
    page = look("/?period=7d")
    box = page.locator("svg.land a use").first.bounding_box()
    assert box["width"] > 2
    href = page.locator("svg.land a").first.get_attribute("href")
    page.locator("svg.land a use").first.click(force=True)
    page.wait_for_url(f"**{href}")
    assert "Lägesbild" in page.locator("h1").inner_text()


def test_what_is_typed_wrongly_is_not_lost(look):
    """A query that cannot be understood is told in the page's language, and is still in the box to be mended."""
    page = look("/sok?lang=en")
    page.fill("#q", 'car "fire')
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "quotation mark is never closed" in page.locator("[role=alert]").inner_text()
    box = page.get_by_label("Words")
    assert box.input_value() == 'car "fire'
    box.fill("car")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url("**/sok?q=car**")


def test_news_come_by_themselves(look, copied):
    """What another process finds stands on the open page within seconds; what somebody has opened stays open."""
    with opened(pipeline.settings.load(data=copied())) as own, served(own) as client:
        page = look("/", base=str(client.base_url))
        page.locator("details summary").first.click()
        page.locator("h1").click()
        page.evaluate("document.activeElement.blur()")
        state = SourceState(source="ny-källa", url="http://ny.example", checked=NOON, failed=NOON, health=Health.BLOCKED, detail="403")
        own.bus.publish([Record(topic="sources", key=state.source, value=encode(state), timestamp=NOON)])
        page.wait_for_selector("text=ny-källa fungerar inte", timeout=15_000)
        assert page.locator("#live details").first.evaluate("one => one.open")
        page.context.close()


def test_the_picture_is_assessed(look, copied):
    """A person writes what they make of an area; it stands apart from what the machine says, with a name and a marking."""
    with opened(pipeline.settings.load(data=copied())) as own, served(own) as client:
        page = look("/kommun/Växjö", base=str(client.base_url))
        page.fill("#text", "Lugnt i stadsdelen sedan i går.")
        page.get_by_role("button", name="Spara bedömningen").click()
        page.wait_for_selector("section#assessments blockquote")
        assert "local" in page.locator("section#assessments blockquote").inner_text()
        assert page.locator("section#figures blockquote").count() == 0
        page.context.close()


def test_an_alert_is_taken(look, axe, copied):
    """From the list to an alert, acknowledged with a reason: the page says that it is sent. Nothing that anybody stumbles on."""
    with alerting(copied()) as own, served(own) as client:
        page = look("/larm", base=str(client.base_url))
        assert violations(page, axe) == []
        page.get_by_role("link", name="bilbrand 1: Trollhättan").click()
        page.wait_for_selector("#act")
        assert violations(page, axe) == []
        page.get_by_label("Vad du gör åt det (frivilligt)").fill("Ringer räddningstjänsten")
        page.get_by_role("button", name="Kvittera").click()
        page.wait_for_selector("[role=status].done")
        assert "Kvitteringen är skickad" in page.locator(".done").inner_text()
        page.context.close()


def test_somebody_logs_in(look, axe, copied):
    """Name and password, then once the purpose; wrong ones are told, and the name is still there."""
    password = "fyra ord som ingen gissar"  # noqa: S105  (invented)
    with opened(pipeline.settings.load(data=copied())) as own, served(own) as client:
        own.access.accounts.add(Principal(name="vakt", role=Role.OFFICER), password, own.clock.now())
        page = look("/spridning", base=str(client.base_url))
        assert violations(page, axe) == []
        page.get_by_label("Namn").fill("vakt")
        page.get_by_label("Lösenord").fill(password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/syfte**")
        assert violations(page, axe) == []
        page.get_by_label("Syfte, med egna ord").fill("nattens läge")
        page.keyboard.press("Enter")
        page.wait_for_url("**/spridning")
        assert "vakt" in page.locator("header").inner_text()
        page.get_by_role("button", name="Logga ut").click()
        page.wait_for_url("**/login")
        page.context.close()


def test_a_first_visit(look, tmp_path):
    """Without data the page explains itself; there is nothing that an eye or a screen reader stumbles on."""
    folder = tmp_path / "empty"
    folder.mkdir()
    with opened(pipeline.settings.load(data=folder)) as own, served(own) as client:
        page = look("/", base=str(client.base_url))
        assert "demo" in page.locator("pre").first.inner_text()
        page.context.close()
