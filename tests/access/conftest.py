"""A login provider that runs in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

USERS = {
    "anna": ["fjaril-analys", "annat"],
    "vera": ["fjaril-analys", "fjaril-vakt"],
    "rakel": ["raddning-umea", "raddning-skelleftea"],
    "olle": ["annat"],
    "ida": ["utan-omrade"],
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The address of a provider that runs, with its people."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("oidc-provider-mock")), "--port", str(port), "--require-nonce", "true"]
    for name, groups in USERS.items():
        command += ["--user-claims", json.dumps({"sub": name, "groups": groups, "preferred_username": name})]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 30
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=5) as answer:
                    yield json.load(answer)["issuer"]
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < limit
                time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """The gazetteer, made once."""
    from enrich.gazetteer import load

    folder = tmp_path_factory.mktemp("cache")
    load(folder)
    return folder
