"""Why a broker could not be reached: the library only says that it gave up."""

from __future__ import annotations

import socket
import ssl
import struct

from pipeline.settings import Kafka

#: Seconds for each step.
_PATIENCE = 5.0
#: ApiVersions, version 0: what every broker answers to anybody, before credentials are shown.
_HELLO = struct.pack(">ihhih", 10, 18, 0, 1, -1)
#: First byte of a TLS record that holds an alert.
_ALERT = 0x15


def context(options: Kafka) -> ssl.SSLContext:
    """What TLS with the brokers goes by.

    :raises ValueError: if a file does not hold what it should, naming the setting.
    """
    try:
        found = ssl.create_default_context(cafile=options.ca)
    except ssl.SSLError as error:
        raise ValueError(f"kafka.ca: {options.ca}: holds no certificates in PEM ({error.reason})") from error
    if options.certificate:
        try:
            found.load_cert_chain(options.certificate, options.key)
        except ssl.SSLError as error:
            pair = f"kafka.certificate: {options.certificate}, kafka.key: {options.key or 'none'}"
            raise ValueError(f"{pair}: no certificate and its private key in PEM ({error.reason})") from error
    return found


def cause(broker: str, options: Kafka) -> str:
    """Which setting to look at, found by trying it step by step."""
    host, _, port = broker.rpartition(":")
    try:
        plain = socket.create_connection((host or broker, int(port) if host else 9092), _PATIENCE)
    except (OSError, ValueError) as error:
        return f"{broker}: nothing answers there ({error}): see that it runs, and bus"
    with plain:
        if not options.tls:
            return _greeted(broker, plain, options)
        try:
            with context(options).wrap_socket(plain, server_hostname=host) as wrapped:
                return _greeted(broker, wrapped, options)
        except ssl.SSLCertVerificationError as error:
            return f"{broker}: its certificate is not to be trusted ({error.verify_message}): see kafka.ca, and the name in bus"
        except (ssl.SSLError, OSError) as error:
            return f"{broker}: speaks no TLS ({error}): see kafka.tls"


def _greeted(broker: str, connection: socket.socket, options: Kafka) -> str:
    """What it makes of a first question."""
    try:
        connection.sendall(_HELLO)
        answer = connection.recv(5)
    except OSError as error:
        if isinstance(error, ssl.SSLError) and "CERTIFICATE" in str(error).upper():
            return f"{broker}: wants a certificate of this client's ({error.reason}): see kafka.certificate and kafka.key"
        answer = b""
    if answer and answer[0] == _ALERT:
        return f"{broker}: speaks TLS: set kafka.tls: true"
    if len(answer) < 4:
        return f"{broker}: hangs up: see that it is a broker, and kafka.tls"
    if options.username:
        return f"{broker}: refuses the credentials: see kafka.username, kafka.password and kafka.mechanism"
    return f"{broker}: answers, but tells nothing: it wants credentials, see kafka.username and kafka.password, or another broker is gone"
