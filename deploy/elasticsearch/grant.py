"""Gives Kibana its password and Fjäril its API keys, on an Elasticsearch that was just made; once more changes nothing.

Reads ``ELASTICSEARCH`` (URL), ``ELASTIC_PASSWORD``, ``KIBANA_PASSWORD`` and ``KEYS``, the folder that gets a file for each key:
``elastic`` for ``elastic.api_key``, ``kibana`` for ``kibana.api_key``. Needs Python alone.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

#: What the names of Fjäril's indices and templates begin with.
PREFIX = "fjaril"
#: File → what its key may do.
ROLES: dict[str, dict[str, object]] = {
    "elastic": {
        "cluster": ["monitor", "manage_index_templates"],
        "indices": [{"names": [f"{PREFIX}-*"], "privileges": ["manage", "read", "write"]}],
    },
    "kibana": {"applications": [{"application": "kibana-.kibana", "privileges": ["all"], "resources": ["*"]}]},
}


class RefusedError(Exception):
    """The server did not do what was asked; the text says what, and its answer."""


def ask(url: str, authorization: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """The server's answer to a POST of the body, or to a GET.

    :raises RefusedError: if it is none of success.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310  (a URL that whoever runs this names)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found: dict[str, object] = json.loads(answer.read() or b"{}")
            return found
    except urllib.error.HTTPError as error:
        raise RefusedError(f"{url}: {error.code} {error.read()[:300].decode(errors='replace')}") from error
    except OSError as error:
        raise RefusedError(f"{url}: {error}; see that Elasticsearch runs there") from error


def grant(url: str, password: str, kibana: str, keys: Path) -> list[str]:
    """Do all of it; a line for each thing done.

    :raises RefusedError: if the server does not.
    """
    root = "Basic " + base64.b64encode(f"elastic:{password}".encode()).decode()
    ask(f"{url}/_security/user/kibana_system/_password", root, {"password": kibana})
    done = ["kibana_system: has its password"]
    for name, role in ROLES.items():
        file = keys / name
        if works(url, file):
            continue
        made = ask(f"{url}/_security/api_key", root, {"name": f"{PREFIX}-{name}", "role_descriptors": {name: role}})
        file.touch(mode=0o600)
        file.write_text(str(made["encoded"]), encoding="ascii")
        done.append(f"{file}: a new key")
    return done


def works(url: str, file: Path) -> bool:
    """Whether the file holds a key that the server takes."""
    if not file.exists():
        return False
    try:
        ask(f"{url}/_security/_authenticate", "ApiKey " + file.read_text(encoding="ascii"))
    except RefusedError as refused:
        if " 401 " in str(refused):
            return False
        raise
    return True


def main() -> int:
    """Do it; 0 if all went well."""
    try:
        url, password, kibana, keys = (os.environ[name] for name in ("ELASTICSEARCH", "ELASTIC_PASSWORD", "KIBANA_PASSWORD", "KEYS"))
        lines = grant(url, password, kibana, Path(keys))
    except KeyError as error:
        print(f"environment: {error.args[0]} is missing", file=sys.stderr)
        return 2
    except RefusedError as refused:
        print(refused, file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
