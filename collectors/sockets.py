"""WebSockets, as guarded as every other call: a public address that was checked is what is connected to, and no message is too large."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException

from collectors.addresses import addresses_of, is_public
from collectors.engine import user_agent
from collectors.failures import Blocked, Failure, Gone, Unreachable
from collectors.validators import retry_after
from pipeline.settings import Http

#: Bytes of one message.
MAX_MESSAGE = 1_000_000
_REFUSALS: dict[int, type[Failure]] = {401: Blocked, 403: Blocked, 429: Blocked, 410: Gone}


@asynccontextmanager
async def opened(url: str, http: Http, headers: Mapping[str, str] | None = None) -> AsyncGenerator[ClientConnection, None]:
    """A connection, pinged while it is open; what breaks it is raised as a failure.

    :raises Blocked: if the address is not public, or the server refuses.
    :raises Unreachable: if there is no connection, or it broke.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or "@" in parts.netloc:
        raise Blocked(f"{url!r} is not an address that may be listened to; expected wss, a host, and no user name")
    address = await _checked(parts.hostname, private=http.private_addresses)
    secure = parts.scheme == "wss"
    try:
        async with connect(
            url,
            host=address,
            port=parts.port or (443 if secure else 80),
            proxy=None,  # behind which an address could not be checked
            user_agent_header=user_agent(http),
            additional_headers=dict(headers or {}),
            max_size=MAX_MESSAGE,
            open_timeout=http.timeout,
            ping_timeout=http.timeout,
            close_timeout=1,
            ssl=ssl.create_default_context() if secure else None,
            server_hostname=parts.hostname if secure else None,
        ) as connection:
            yield connection
    except InvalidStatus as error:
        status = error.response.status_code
        wait = retry_after({"retry-after": error.response.headers.get("Retry-After", "")}, datetime.now(UTC))
        raise _REFUSALS.get(status, Unreachable)(f"answered {status} instead of opening a stream", wait) from error
    except (InvalidURI, InvalidHandshake) as error:
        raise Unreachable(f"no stream: {error}"[:300]) from error
    except (WebSocketException, OSError, TimeoutError, EOFError) as error:
        raise Unreachable(f"the stream broke: {type(error).__name__}: {error}"[:300]) from error


async def _checked(name: str, *, private: bool) -> str:
    addresses = await addresses_of(name)
    if not addresses:
        raise Unreachable(f"the name {name} cannot be resolved")
    bad = [] if private else [address for address in addresses if not is_public(address)]
    if bad:
        raise Blocked(f"{name} has the address {bad[0]}, which is not a public one; http.private_addresses would allow it")
    return addresses[0]


async def gathered(connection: ClientConnection, seconds: float, most: int) -> AsyncGenerator[list[bytes], None]:
    """Messages as they come, those of so many seconds together, at most so many at once; an empty list where none came."""
    loop = asyncio.get_running_loop()
    while True:
        batch: list[bytes] = []
        end = loop.time() + seconds
        try:
            async with asyncio.timeout_at(end):
                while len(batch) < most:
                    batch.append(await connection.recv(decode=False))
        except TimeoutError:
            pass
        except ConnectionClosed:
            if not batch:  # what came before the end counts; the next look meets the end again
                raise
        yield batch
