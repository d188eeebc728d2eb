"""Real receivers on loopback: an HTTP server that answers by a script, a mail server, and a certificate for both."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Got(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What the receiver does: wait, answer, and let its head or its body drip, a byte each tenth of a second."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    delay: float = 0
    drips: Literal["", "head", "body"] = ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Receiver:
    """Answers by its script, then with its last line for ever; can be stopped and started again on the same port."""

    def __init__(self, *script: Answer, context: ssl.SSLContext | None = None) -> None:
        self.script, self.port, self._context = list(script) or [Answer()], free_port(), context
        self.got: list[Got] = []
        self._stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}/in"

    def start(self) -> None:  # noqa: C901  (the handler is a part of it)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it is gone: half a request is none (RFC 9112, 8)
                    return
                receiver.got.append(Got(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                said = receiver.script.pop(0) if len(receiver.script) > 1 else receiver.script[0]
                receiver._stopping.wait(said.delay)
                if said.drips == "head":
                    self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: yes\r\n\r\n")
                    return
                self.send_response(said.status)
                for name, value in said.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                if said.drips:
                    self.drip(said.body)
                else:
                    self.wfile.write(said.body)

            def drip(self, content: bytes) -> None:
                for byte in content:
                    if receiver._stopping.wait(0.1):
                        return
                    self.wfile.write(bytes([byte]))

            do_POST = do_PUT = do_GET = answer  # noqa: N815  (as the base class calls them)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that went away is what some tests are about."""

        self._stopping.clear()
        self._server = Server(("127.0.0.1", self.port), Handler)
        if self._context:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def receiving(*script: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that runs."""
    receiver = Receiver(*script, context=context)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


class Letter(NamedTuple):
    """A mail that came."""

    sender: str
    readers: list[str]
    content: bytes
    #: Whether the connection was encrypted, and who had logged in.
    tls: bool
    user: str


class Post:
    """A mail server; what it answers to RCPT and DATA can be set."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, password: str = "") -> None:
        self.letters: list[Letter] = []
        self.answer = "250 OK"
        self.rcpt = "250 OK"
        self._password = password
        options: dict[str, Any] = {"tls_context": context, "require_starttls": True} if context else {}
        if password:
            options |= {"authenticator": self._login, "auth_required": True}
        self._controller = Controller(self, hostname="127.0.0.1", port=port, **options)
        self._controller.start()

    def _login(self, _server: Any, session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        session.user = data.login.decode()
        return AuthResult(success=data.password.decode() == self._password, handled=False, auth_data=data)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802  (as it is called)
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  (as it is called)
        self.letters.append(
            Letter(envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None, getattr(session, "user", ""))
        )
        return self.answer

    def stop(self) -> None:
        self._controller.stop()


@contextmanager
def posting(port: int | None = None, context: ssl.SSLContext | None = None, password: str = "") -> Iterator[tuple[Post, int]]:
    """A mail server that runs, and its port."""
    port = port or free_port()
    post = Post(port, context, password)
    try:
        yield post, port
    finally:
        post.stop()


def certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server on loopback needs for TLS, and the file by which its clients know it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file, secret = directory / "ca.pem", directory / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


class Watch:
    """A clock that goes on when somebody sleeps, and remembers how long: attempts without waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        time.sleep(0)
