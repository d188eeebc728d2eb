"""``fjaril run`` with sources that are asked, pushed and listened to, and ``fjaril rebuild`` of what it kept."""

from __future__ import annotations

import asyncio
import hmac
import json
import signal
import socket
import subprocess
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from pipeline import app
from pipeline.model import Document, decode
from pipeline.settings import load
from tests.collectors.server import Asked, Reply, Server
from tests.collectors.test_streams import Firehose, post, serving
from tests.collectors.world import item, rss
from tests.e2e.commands import FJARIL, fjaril


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _documents(data: Path) -> dict[str, bytes]:
    with closing(app.open_bus(load(data=data))) as bus:
        return {record.key: record.value for record in bus.read("documents") if record.value}


def test_asked_pushed_heard_and_made_again(tmp_path: Path) -> None:
    """A feed that is asked, its hub's push, and a stream: all become documents, and the same ones again from the archive."""
    port, subscribed = _free_port(), list[dict[str, str]]()

    def hub(asked: Asked) -> Reply:
        subscribed.append({name: values[0] for name, values in parse_qs(asked.body.decode()).items()})
        return Reply(202)

    async def main() -> None:
        async with Server() as server, serving(Firehose([post(1, "Brand i Trollhättan, skriver @nagon")])) as stream:
            links = f'<{server.url("/hub")}>; rel="hub", <{server.url("/feed")}>; rel="self"'
            server.routes |= {"/hub": hub, "/feed": Reply(200, rss(item(1, "Vattenläcka i Ale")), {"Link": links})}
            sources = [
                {"id": "asked", "kind": "feed", "url": server.url("/feed"), "name": "A", "purpose": "prov", "area": "1440"},
                {
                    "id": "heard",
                    "kind": "jetstream",
                    "url": f"{stream}/subscribe",
                    "name": "B",
                    "purpose": "prov",
                    "options": {"languages": ["sv"]},
                },
            ]
            (tmp_path / "sources.yaml").write_text(json.dumps({"sources": sources}))
            settings = {
                "sources": str(tmp_path / "sources.yaml"),
                "http": {"private_addresses": True, "contact": "test@example.org", "host_delay": 0},
                "websub": {"callback": f"http://127.0.0.1:{port}/websub", "port": port},
                "analysis": {"spread": False},
            }
            (tmp_path / "fjaril.yaml").write_text(json.dumps(settings))
            process = await asyncio.create_subprocess_exec(
                str(FJARIL), "--data", str(tmp_path), "run", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            try:
                async with asyncio.timeout(90):
                    while not subscribed:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                    form = subscribed[0]
                    query = {"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "x", "hub.lease_seconds": "600"}
                    assert await asyncio.to_thread(_get, f"{form['hub.callback']}?{urlencode(query)}") == b"x"
                    body = rss(item(1, "Vattenläcka i Ale"), item(2, "Läckan i Ale är lagad"))
                    digest = hmac.new(form["hub.secret"].encode(), body, "sha256").hexdigest()
                    await asyncio.to_thread(_get, form["hub.callback"], body, {"X-Hub-Signature": f"sha256={digest}"})
                    while len(await asyncio.to_thread(_documents, tmp_path)) < 3:  # noqa: ASYNC110
                        await asyncio.sleep(0.2)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 30) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    asyncio.run(main())
    made = _documents(tmp_path)
    texts = {decode(value, Document).text for value in made.values()}
    assert texts == {"Vattenläcka i Ale", "Läckan i Ale är lagad", "Brand i Trollhättan, skriver @…"}
    assert (tmp_path / "pseudonyms.key").stat().st_mode & 0o777 == 0o600
    assert b"nagon" not in b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
    fjaril("rebuild", str(tmp_path / "new"), data=tmp_path)
    assert _documents(tmp_path / "new") == made


def _get(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(url, data=data, headers=headers or {})  # noqa: S310  (of this test)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: bytes = answer.read()
        return found
