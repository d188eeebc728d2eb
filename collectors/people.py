"""Who wrote something is not stored: an author is a keyed pseudonym, and only where the source may withdraw all of somebody's posts.

The key stands in the settings' secrets as ``pseudonyms``, else in a file of the data directory that only its owner can read.
Without the key nobody can tell whose pseudonym it is; with another key everything of a source of posts would come once more.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from collectors.failures import Blocked

FILE_NAME = "pseudonyms.key"
#: Bytes of a key that is made here.
_SIZE = 32
_HANDLES = re.compile(
    r"(?P<profile>\b(?:bsky\.app/profile|(?:instagram|tiktok|twitter|x)\.com|t\.me)/)[^\s/?#,;<>()]+"
    r"|(?P<did>\bdid:(?:plc|web):)[\w.:%-]*\w"
    r"|(?P<at>(?<![\w.+-])@)[A-Za-z0-9_](?:[\w.-]*\w)?(?:@[\w.-]*\w)?"
    r"|(?P<user>(?<![\w.])/?(?:u|users|user)/)[\w.-]*\w"
)
#: Links to somebody's page, not to something said.
_PROFILE = re.compile(r"//[^/]+/(?:@|u/|users?/|profile/|intent/)|bsky\.app/profile/|[?&]user=")


class Private(Struct, frozen=True):
    """What only this installation knows."""

    #: Of pseudonyms.
    key: bytes = b""
    #: Name → value, as the settings have them.
    secrets: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "Private(…)"

    def pseudonym(self, author: str) -> str:
        """32 hexadecimal digits that always stand for this author here, and say nothing to others (HMAC-SHA-256).

        :raises Blocked: if there is no key.
        """
        if not self.key:
            raise Blocked("posts of people are collected only with a key for pseudonyms; see secrets.pseudonyms in docs/sources.md")
        return hmac.digest(self.key, author.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def secret(self, name: str) -> str:
        """The secret of this name.

        :raises Blocked: if the settings have none.
        """
        if name not in self.secrets:
            raise Blocked(f"the settings have no secret {name!r}: set secrets.{name} to it, or to file:PATH")
        return self.secrets[name]


def load_key(directory: Path) -> bytes:
    """The key of the data directory; made, readable for its owner alone, where there is none yet."""
    path = directory / FILE_NAME
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)  # of two that make one at the same time the first counts
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text(encoding="ascii").strip().encode()


def without_handles(text: str) -> str:
    """The text of a post without the names by which networks know people: ``@…`` stands for each."""
    return _HANDLES.sub(_blank, text) if "@" in text or "/" in text or "did:" in text else text


def _blank(found: re.Match[str]) -> str:
    return f"{found['profile'] or found['did'] or found['at'] or found['user']}…"


def impersonal(links: Iterable[str]) -> tuple[str, ...]:
    """Those links that do not lead to somebody's page, each once."""
    return tuple(dict.fromkeys(link for link in links if not _PROFILE.search(link)))
