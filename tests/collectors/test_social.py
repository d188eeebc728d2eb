"""Collectors of networks and forums that are asked. Where there is no recording, the answer is synthetic, made from the documented shape."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.failures import Malformed
from collectors.kinds.gdelt import MAX_FILES, read_articles
from collectors.matching import Filters
from collectors.people import Private, impersonal, load_key, without_handles
from pipeline.model import Entry, Health
from tests.collectors.server import Asked, Reply
from tests.collectors.world import World, in_world, item, rss

TAG = "/api/v1/timelines/tag/hoot"


def timeline(*statuses: dict[str, Any]) -> bytes:
    return json.dumps(statuses).encode()


def status(number: int, text: str = "Brand i påhittade hamnen", **changes: Any) -> dict[str, Any]:
    account = {
        "id": "1",
        "username": "pahittad",
        "acct": "pahittad",
        "display_name": "Påhittad Person",
        "noindex": False,
        "indexable": True,
    }
    values = {
        "id": str(number), "created_at": "2026-03-01T11:00:00.000Z", "visibility": "public", "language": "sv", "spoiler_text": "",
        "uri": f"https://x.example/users/pahittad/{number}", "url": f"https://x.example/@pahittad/{number}", "content": f"<p>{text}</p>",
        "account": account | changes.pop("account", {}), "tags": [], "reblog": None, "edited_at": None,
    }  # fmt: skip
    return values | changes


def test_a_recorded_timeline_without_its_author(shared_data: Path) -> None:
    """A post of a real instance is stored with its text and tag; neither name nor handle of its author is in any record."""
    lines = (shared_data / "feeds/mastodon/hashtag_tl.jsonl").read_text(encoding="utf-8").splitlines()
    answer = next(record for record in map(json.loads, lines) if record["path"].startswith(TAG))
    account = json.loads(answer["body"])[0]["account"]

    async def main(w: World) -> None:
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, answer["body"].encode())
        await w.collector.collect(w.source("mastodon", TAG))
        (entry,) = w.bus.entries()
        assert entry.tags == ("hoot",)
        stored = b"".join(record.value for record in w.bus.records())
        assert account["username"].encode() not in stored
        assert account["id"].encode() not in stored

    in_world(main)


def test_who_wants_not_to_be_found_is_not() -> None:
    """Posts that are not public, of authors with noindex or not indexable, and boosts are never stored; nor are names in the text."""
    hidden = [
        status(1, visibility="unlisted"),
        status(2, account={"noindex": True}),
        status(3, account={"indexable": False}),
        status(4, reblog={"id": "9"}),
        status(5, "hemlig", language="en"),
    ]
    mention = (
        '<a href="https://x.example/@nagon" class="u-url mention">@<span>nagon</span></a> och @annan@y.example '
        'såg <a href="https://t.example/a">röken</a>'
    )

    async def main(w: World) -> None:
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(status(6, mention), *hidden))
        await w.collector.collect(w.source("mastodon", TAG, options={"languages": ["sv"]}))
        (entry,) = w.bus.entries()
        assert entry.text == "@… och @… såg röken"
        assert entry.links == ("https://t.example/a",)
        assert entry.url is not None
        assert entry.url.endswith("/statuses/6")
        assert b"nagon" not in b"".join(record.value for record in w.bus.records())
        w.balance("mastodon")

    in_world(main)


def test_deleted_and_edited_posts() -> None:
    """An edit is a revision; what is missing between others was deleted; what is older than the answer is left as it is."""

    async def main(w: World) -> None:
        source = w.source("mastodon", TAG)
        for answer in (
            timeline(status(30), status(20), status(10)),
            timeline(status(40), status(30, "Släckt"), status(15)),
            timeline(status(40), status(30, "Släckt", account={"indexable": False})),
        ):
            w.server.routes[f"{TAG}?limit=40"] = Reply(200, answer)
            await w.collector.collect(source)
        found = [(raw.native_id, raw.revision, raw.withdrawn) for raw in w.bus.raw()]
        assert found[:3] == [("30", 1, False), ("20", 1, False), ("10", 1, False)]
        assert found[3:] == [("40", 1, False), ("30", 2, False), ("15", 1, False), ("20", 2, True), ("30", 3, True)]
        w.balance("mastodon")

    in_world(main)


def test_older_posts_are_looked_at_again() -> None:
    """In rounds: what is deleted or edited further back than the timeline reaches; an instance that cannot show them loses none."""
    paths: list[str] = []

    async def main(w: World) -> None:
        source = w.source("mastodon", TAG)
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(*(status(number) for number in range(30, 0, -1))))
        await w.collector.collect(source)
        first = "&".join(f"id%5B%5D={number}" for number in range(1, 21))
        second = "&".join(f"id%5B%5D={number}" for number in range(21, 31))
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(status(40)))
        await w.collector.collect(source)
        assert not [raw for raw in w.bus.raw() if raw.withdrawn]
        kept = [status(number) for number in range(1, 21) if number != 7]
        kept[2] = status(3, "Ändrat")
        w.server.routes[f"/api/v1/statuses?{first}"] = Reply(200, timeline(*kept))
        w.server.routes[f"/api/v1/statuses?{second}"] = Reply(200, timeline(*(status(number) for number in range(21, 30))))
        for _ in range(2):  # the timeline says nothing new
            await w.collector.collect(source)
        changed = [(raw.native_id, raw.revision, raw.withdrawn) for raw in w.bus.raw()[31:]]
        assert ("3", 2, False) in changed
        assert [number for number, _, withdrawn in changed if withdrawn] == ["7", "30"]
        paths.extend(w.server.paths())
        w.balance("mastodon")

    in_world(main)
    assert sum("/statuses?" in path for path in paths) == 3


def test_after_an_outage_further_pages_are_read() -> None:
    """As long as all of a page are new, up to what is known."""

    async def main(w: World) -> None:
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(status(1)))
        await w.collector.collect(w.source("mastodon", TAG))
        link = f'<{w.server.url("/page?max_id=5")}>; rel="next", <{w.server.url("/x")}>; rel="prev"'
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(status(6), status(5)), {"Link": link})
        w.server.routes["/page?max_id=5"] = Reply(200, timeline(status(4), status(1)), {"Link": f'<{w.server.url("/never")}>; rel="next"'})
        await w.collector.collect(w.source("mastodon", TAG))
        assert [raw.native_id for raw in w.bus.raw()] == ["1", "6", "5", "4"]
        assert "/never" not in w.server.paths()

    in_world(main)


def test_an_instance_without_calls_left_is_left_alone() -> None:
    """Until the time that it names."""

    async def main(w: World) -> None:
        fields = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-03-01T12:04:00.5Z", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}
        w.server.routes[f"{TAG}?limit=40"] = Reply(200, timeline(status(1)), fields)
        assert (await w.collector.collect(w.source("mastodon", TAG, interval=60))).wait == 240.5

    in_world(main)


def test_a_closed_timeline_is_blocked() -> None:
    """Many instances show it only to those who are logged in."""

    async def main(w: World) -> Health:
        w.server.routes[f"{TAG}?limit=40"] = Reply(401, b'{"error":"This method requires an authenticated user"}')
        return (await w.collector.collect(w.source("mastodon", TAG))).health

    assert in_world(main) is Health.BLOCKED


def test_telegram_preview_as_recorded(shared_data: Path) -> None:
    """The same messages, times and texts as another reader finds in a recorded page; one that goes is withdrawn."""
    page = (shared_data / "feeds/telegram/tgme_sample.html").read_bytes()
    expected = json.loads((shared_data / "feeds/telegram/tgme_sample_expected.json").read_bytes())

    async def main(w: World) -> None:
        w.server.routes["/s/telegram"] = Reply(200, page)
        await w.collector.collect(w.source("telegram", "/s/telegram"))
        entries = {raw.native_id: msgspec.json.decode(raw.body, type=Entry) for raw in w.bus.raw()}
        wanted = {str(message["msg_id"]): message for message in expected if message["text"]}
        assert entries.keys() == wanted.keys()
        for number, entry in entries.items():
            assert entry.published == datetime.fromisoformat(wanted[number]["date"])
            ours, theirs = ("".join(text.split()) for text in (entry.text, wanted[number]["text"]))
            assert ours[:60] == without_handles(wanted[number]["text"]).replace("\n", "").replace(" ", "")[:60], theirs
        w.server.routes["/s/telegram"] = Reply(200, page.replace(b'data-post="telegram/440"', b'data-post="telegram/x"'))
        await w.collector.collect(w.source("telegram", "/s/telegram"))
        assert [raw.native_id for raw in w.bus.raw() if raw.withdrawn] == ["440"]
        w.balance("telegram")

    in_world(main)


def test_a_channel_without_preview_is_blocked() -> None:
    """It redirects to a page that only says how to open the app."""

    async def main(w: World) -> None:
        w.server.routes |= {"/s/closed": Reply(302, b"", {"Location": "/closed"}), "/closed": Reply(200, b"<html></html>")}
        state = await w.collector.collect(w.source("telegram", "/s/closed"))
        assert (state.health, "no public preview" in state.detail) == (Health.BLOCKED, True)

    in_world(main)


def test_a_recorded_youtube_channel_is_a_feed(shared_data: Path) -> None:
    """Its videos, with address and time."""

    async def main(w: World) -> None:
        w.server.routes["/feeds/videos.xml?channel_id=x"] = Reply(200, (shared_data / "feeds/youtube/huginn__youtube.xml").read_bytes())
        await w.collector.collect(w.source(path="/feeds/videos.xml?channel_id=x"))
        entries = w.bus.entries()
        assert len(entries) == 15
        assert all(entry.title and entry.published and entry.url and "watch?v=" in entry.url for entry in entries)

    in_world(main)


def test_posts_in_a_feed_lose_their_handles() -> None:
    """Reddit's entries name who submitted them, in text and links."""
    text = "submitted by &lt;a href='https://www.reddit.com/user/pahittad'&gt; /u/pahittad &lt;/a&gt; @nagon"

    async def main(w: World) -> None:
        w.server.routes["/r/x.rss"] = Reply(200, rss(item(1, text)))
        await w.collector.collect(w.source(path="/r/x.rss", options={"posts": True}))
        (entry,) = w.bus.entries()
        assert (entry.text, entry.links) == ("submitted by /u/… @…", ())

    in_world(main)


def test_lemmy_posts() -> None:
    """By their numbers; removed ones are withdrawn, and so is what is missing."""
    creator = {"name": "pahittad", "actor_id": "https://x.example/u/pahittad"}

    def posts(*given: tuple[int, bool]) -> bytes:
        views = [
            {
                "post": {"id": number, "name": "Rök över stan", "body": "Säger @nagon@x.example", "published": "2026-03-01T10:00:00.123Z",
                         "url": "https://example.org/a", "deleted": False, "removed": removed},
                "creator": creator,
            }
            for number, removed in given
        ]  # fmt: skip
        return json.dumps({"posts": views}).encode()

    async def main(w: World) -> None:
        path = "/api/v3/post/list"
        for answer in (posts((3, False), (2, False), (1, False)), posts((4, False), (3, True), (1, False))):
            w.server.routes[f"{path}?sort=New&type_=Local&limit=50"] = Reply(200, answer)
            await w.collector.collect(w.source("lemmy", path))
        assert [(raw.native_id, raw.withdrawn) for raw in w.bus.raw()[3:]] == [("4", False), ("3", True), ("2", True)]
        entry = w.bus.entries()[0]
        assert (entry.title, entry.text, entry.links) == ("Rök över stan", "Säger @…", ("https://example.org/a",))
        assert entry.published == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert b"pahittad" not in b"".join(record.value for record in w.bus.records())
        w.balance("lemmy")

    in_world(main)


def test_discourse_topics_and_posts() -> None:
    """Both lists; whoever is quoted is not named; hidden and deleted posts are withdrawn."""
    quote = '<aside class="quote"><div class="title">pahittad:</div><blockquote>Vad hände?</blockquote></aside><p>Det brann.</p>'

    def posts(*hidden: int) -> bytes:
        made = [
            {"id": number, "cooked": quote, "topic_id": 7, "topic_title": "Branden", "topic_slug": "branden", "username": "pahittad",
             "created_at": "2026-03-01T10:00:00.000Z", "updated_at": "2026-03-01T10:00:00.000Z", "post_number": number, "hidden": bool(flag)}
            for number, flag in enumerate(hidden, 1)
        ]  # fmt: skip
        return json.dumps({"latest_posts": made}).encode()

    async def main(w: World) -> None:
        topics = {"topic_list": {"topics": [{"id": 7, "title": "Branden", "slug": "branden", "created_at": "2026-03-01T10:00:00Z"}]}}
        w.server.routes |= {"/latest.json": Reply(200, json.dumps(topics).encode()), "/posts.json": Reply(200, posts(0, 0))}
        await w.collector.collect(w.source("discourse", "/latest.json", id="topics"))
        await w.collector.collect(w.source("discourse", "/posts.json", id="posts"))
        w.server.routes["/posts.json"] = Reply(200, posts(0, 1))
        await w.collector.collect(w.source("discourse", "/posts.json", id="posts"))
        assert [(raw.native_id, raw.withdrawn) for raw in w.bus.raw()] == [("topic-7", False), ("1", False), ("2", False), ("2", True)]
        assert w.bus.entries()[1].text == "Vad hände?\nDet brann."
        assert b"pahittad" not in b"".join(record.value for record in w.bus.records())

    in_world(main)


def article(number: int, country: str = "SW") -> str:
    """A row of the Global Knowledge Graph, 27 columns, as documented."""
    row = [""] * 27
    row[0], row[1], row[2], row[3], row[4] = (
        f"20260301120000-{number}",
        "20260301120000",
        "1",
        "example.org",
        f"https://example.org/{number}",
    )
    row[9] = f"4#Malmö, Skåne, Sweden#{country}#SW27#55.6#13#-2500;1#Norway#NO#NO#60#10#NO"
    row[11], row[26] = "påhittad person", f"<PAGE_TITLE>Brand &amp; rök {number}</PAGE_TITLE>"
    return "\t".join(row)


def packed(*rows: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.gkg.csv", "\n".join(rows))
    return data.getvalue()


def listed(name: str, data: bytes) -> bytes:
    line = f"{len(data)} {hashlib.md5(data).hexdigest()} http://data.example/gdeltv2/{name}.gkg.csv.zip"  # noqa: S324
    return f"1 {'0' * 32} http://data.example/gdeltv2/{name}.export.CSV.zip\n{line}\n".encode()


def test_gdelt_files_since_the_last_visit() -> None:
    """Articles about Sweden, without persons; after an outage the files in between, at most so many; a file that differs is refused."""

    async def main(w: World) -> None:
        def lists(name: str, data: bytes) -> None:
            url = w.server.url("").encode()
            w.server.routes["/lastupdate.txt"] = Reply(200, listed(name, data).replace(b"http://data.example", url))
            w.server.routes[f"/gdeltv2/{name}.gkg.csv.zip"] = Reply(200, data)

        source = w.source("gdelt", "/lastupdate.txt")
        lists("20260301120000", packed(article(1), article(2, "NO"), "too\tshort"))
        await w.collector.collect(source)
        (entry,) = w.bus.entries()
        assert (entry.title, entry.text, entry.url) == ("Brand & rök 1", "Platser: Malmö", "https://example.org/1")
        assert entry.published == datetime(2026, 3, 1, 12, tzinfo=UTC)
        w.server.routes["/gdeltv2/20260301121500.gkg.csv.zip"] = Reply(200, packed(article(3)))
        lists("20260301124500", packed(article(4)))
        state = await w.collector.collect(source)
        assert [raw.native_id[-1] for raw in w.bus.raw()] == ["1", "3", "4"]
        assert "20260301123000.gkg.csv.zip: answered 404" in state.detail
        lists("20260401000000", packed(article(5)))
        w.server.routes["/gdeltv2/20260401000000.gkg.csv.zip"] = Reply(200, packed(article(6)))
        assert (await w.collector.collect(source)).health is Health.MALFORMED
        assert sum("/gdeltv2/" in path for path in w.server.paths()) == 1 + 3 + MAX_FILES
        assert b"person" not in b"".join(record.value for record in w.bus.records())

    in_world(main)


def test_a_zip_bomb_is_not_unpacked() -> None:
    """What it says of its size is enough, and what is no archive is no crash."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.csv", bytes(101_000_000))
    for body in (data.getvalue(), b"PK\x03\x04no", b"", packed()[:-5]):
        with pytest.raises(Malformed):
            list(read_articles(body, frozenset({"SW"})))


def test_names_by_which_networks_know_people() -> None:
    """Each gives way; addresses by e-mail are another matter, and prices and times no handles."""
    for text, expected in {
        "@anna.b såg det": "@… såg det",
        "via @anna@x.example.": "via @….",
        "(@anna) @bo!": "(@…) @…!",
        "mejla anna@example.org": "mejla anna@example.org",
        "bsky.app/profile/anna.bsky.social/post/1": "bsky.app/profile/…/post/1",
        "at://did:plc:abc234/app.bsky.feed.post": "at://did:plc:…/app.bsky.feed.post",
        "/u/anna och u/bo": "/u/… och u/…",
        "2 @ 5 kr": "2 @ 5 kr",
    }.items():
        assert without_handles(text) == expected
    links = ("https://x.example/@anna/1", "https://bsky.app/profile/anna", "https://example.org/a", "https://example.org/a")
    assert impersonal(links) == ("https://example.org/a",)


def test_a_pseudonym_is_the_same_here_and_another_elsewhere(tmp_path: Path) -> None:
    """The key is made once, for its owner alone; without it nothing of people is collected."""
    key = load_key(tmp_path / "data")
    assert load_key(tmp_path / "data") == key
    assert len(key) == 64
    assert (tmp_path / "data/pseudonyms.key").stat().st_mode & 0o777 == 0o600
    here, elsewhere = Private(key=key), Private(key=load_key(tmp_path / "other"))
    assert here.pseudonym("did:plc:a") == here.pseudonym("did:plc:a") != elsewhere.pseudonym("did:plc:a")
    assert key.decode() not in repr(here)
    assert here.pseudonym("did:plc:a") != here.pseudonym("did:plc:b")


def _filtered() -> Iterator[tuple[Filters, str, tuple[str, ...] | None, bool]]:
    swedish, fire = Filters(languages=("sv",)), Filters(languages=("sv",), words=("brand", "*olycka", "Ed"))
    yield swedish, "x", ("sv",), True
    yield swedish, "x", ("sv-SE", "en"), True
    yield swedish, "x", ("en",), False
    yield swedish, "x", None, False
    yield fire, "En BRAND!", None, True
    yield fire, "En brand", ("en",), False
    yield fire, "branden", ("sv",), False
    yield fire, "bilolycka i dag", ("sv",), True
    yield fire, "med", ("sv",), False
    yield fire, "i Ed.", ("sv",), True
    yield Filters(words=("brand*",)), "branden", ("en",), True
    yield Filters(), "x", None, True


@pytest.mark.parametrize(("filters", "text", "languages", "taken"), list(_filtered()))
def test_what_is_wanted_of_a_network(filters: Filters, text: str, languages: tuple[str, ...] | None, taken: bool) -> None:  # noqa: FBT001
    """Languages and whole words; a post that says no language needs one of the words."""
    assert filters.wanted().takes(text, languages) is taken


def test_answers_of_another_shape_are_malformed() -> None:
    """For each kind that reads JSON: other JSON, and none."""

    async def main(w: World) -> None:
        def any_answer(asked: Asked) -> Reply:
            return Reply(200, bodies[asked.path.partition("?")[0]])

        bodies = {"/html": b"<html>", "/other": b'{"a": 1}', "/cut": b'[{"id": '}
        for kind in ("vma", "krisinformation", "smhi", "trafikverket", "mastodon", "lemmy", "discourse", "gdelt"):
            for path in bodies:
                for query in ("", "?limit=40", "?sort=New&type_=Local&limit=50"):
                    w.server.routes[f"{path}{query}"] = any_answer
                state = await w.collector.collect(w.source(kind, path, id=f"{kind}{path.replace('/', '.')}"))
                assert state.health in {Health.MALFORMED, Health.EMPTY}, (kind, path, state)

    in_world(main)
