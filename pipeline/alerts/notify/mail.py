"""E-mail by SMTP: one thread an alert and reader."""

from __future__ import annotations

import smtplib
import ssl
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pipeline.alerts.notify.config import EmailConfig
from pipeline.alerts.notify.http import tls
from pipeline.alerts.notify.message import Notification, Receipt, key_of
from pipeline.alerts.notify.text import lines, subject
from pipeline.errors import ChannelBusyError, ChannelRefusedError
from pipeline.model import fingerprint


def message_id(key: str, to: str, domain: str) -> str:
    """Of the message with this key to this reader: the same when it is sent again, so that mail programs show it once."""
    return f"<{fingerprint(key, to)}@{domain}>"


def message(one: Notification, sender: str, to: str) -> EmailMessage:
    """The e-mail. Later messages of an alert refer to the earlier ones, and have the first one's subject."""
    domain = sender.rpartition("@")[2]
    earlier = [message_id(key_of(one.alert, number), to, domain) for number in range(1, one.sequence)]
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = ("Re: " if earlier else "") + subject(one)
    mail["Date"] = format_datetime(one.sent.astimezone(UTC))
    mail["Message-ID"] = message_id(one.key, to, domain)
    if earlier:
        mail["In-Reply-To"] = earlier[-1]
        mail["References"] = " ".join(earlier if len(earlier) <= _REFERENCES else [earlier[0], *earlier[1 - _REFERENCES :]])
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Fjaril-Alert"] = one.alert
    mail.set_content("\n".join(lines(one)) + "\n", cte="quoted-printable")
    return mail


#: A line of references holds so many; the first one is what the thread hangs by.
_REFERENCES = 12


class Mail:
    """The channel."""

    def __init__(self, name: str, config: EmailConfig, password: str) -> None:
        """:raises ChannelRefusedError: if the file of certificates cannot be read."""
        self.name, self._config, self._password, self._tls = name, config, password, tls(config.ca)

    def send(self, notification: Notification, to: str | None) -> Receipt:
        """Hand it to the server.

        :raises ChannelRefusedError: 5xx: the server takes neither this sender, this reader nor this login; or it has no TLS.
        :raises ChannelBusyError: no connection, a time-out, or 4xx.
        """
        if to is None:
            raise ChannelRefusedError(f"channel {self.name}: an e-mail needs an address")
        mail = message(notification, self._config.sender, to)
        try:
            self._hand_over(mail, to)
        except smtplib.SMTPException as error:
            raise self._told(error) from None  # it repeats addresses
        except OSError as error:
            why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.strerror or type(error).__name__
            raise ChannelBusyError(
                f"channel {self.name}: {self._config.host}:{self._config.port}: {why}; is the mail server running?"
            ) from None
        return Receipt(channel=self.name, key=notification.key, reference=str(mail["Message-ID"]))

    def _hand_over(self, mail: EmailMessage, to: str) -> None:
        config = self._config
        if config.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(config.host, config.port, timeout=config.timeout, context=self._tls)
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=config.timeout)
        with server:
            if config.security == "starttls":
                server.starttls(context=self._tls)
            if config.username:
                server.login(config.username, self._password)
            server.send_message(mail, config.sender, [to])

    def _told(self, error: smtplib.SMTPException) -> ChannelBusyError | ChannelRefusedError:
        code = _code(error)
        said = f"channel {self.name}: {self._config.host}:{self._config.port}: {_step(error)}" + (f", it answered {code}" if code else "")
        if isinstance(error, smtplib.SMTPNotSupportedError) or 500 <= code < 600:
            return ChannelRefusedError(f"{said}; check host, security, username, secret and the addresses")
        return ChannelBusyError(f"{said}; it may take it later")


def _code(error: smtplib.SMTPException) -> int:
    """0 where the server said none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0]
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def _step(error: smtplib.SMTPException) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "the login was not taken"
        case smtplib.SMTPRecipientsRefused():
            return "the reader was not taken"
        case smtplib.SMTPSenderRefused():
            return "the sender was not taken"
        case smtplib.SMTPNotSupportedError():
            return "it lacks what security or username ask for"
        case smtplib.SMTPServerDisconnected():
            return "it closed the connection"
        case _:
            return "the message was not taken"
