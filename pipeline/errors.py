"""Every error that Fjäril raises on purpose, in one tree.

Each carries what a person needs to go on: which file, key, URL or id, what was found, and what would be right.
Errors of libraries are chained as ``__cause__``, never shown alone.
"""

from __future__ import annotations


class FjarilError(Exception):
    """Base of all errors below; the command line prints its text and exits with ``exit_code``."""

    #: What the command line exits with: 1 a finding of the command, 2 wrong use or settings.
    exit_code = 1


class UsageError(FjarilError):
    """A command was given arguments or input that it cannot take."""

    exit_code = 2


class SettingsError(FjarilError):
    """A settings file, an environment variable or ``sources.yaml`` holds something that is not allowed.

    :param path: the file, or ``environment``.
    :param key: dotted path of the key, as ``http.contact``.
    :param found: the value found, as the user wrote it.
    :param allowed: what would be right.
    """

    exit_code = 2

    def __init__(self, path: str, key: str, found: object, allowed: str) -> None:
        super().__init__(f"{path}: {key}: found {found!r}; {allowed}")
        self.path, self.key, self.found, self.allowed = path, key, found, allowed


class WireError(FjarilError):
    """Bytes on the bus are not a record of the expected type, or of a version that this reader does not know."""


class BusError(FjarilError):
    """The bus could not do what was asked; nothing of the call took effect."""


class UnknownTopicError(BusError):
    """A topic was named that the bus was not opened with."""


class BusCorruptError(BusError):
    """A stored record does not match its checksum, or the file is not a sound database."""


class StaleBatchError(BusError):
    """Another consumer of the group committed first; the batch must be polled again."""


class SearchIndexError(FjarilError):
    """The index could not do what was asked."""


class IndexBusyError(SearchIndexError):
    """Another process reads the index, so something could not be finished now; the index remembers, ask again later."""


class QueryError(SearchIndexError):
    """A search query cannot be understood; the text says where and what would be right.

    :param fault: which fault it is, for those who say it in another language; empty for one that people do not type.
    :param values: what the text names, as ``position``, the first character at fault.
    """

    exit_code = 2

    def __init__(self, text: str, fault: str = "", **values: object) -> None:
        super().__init__(text)
        self.fault, self.values = fault, values


class NightError(FjarilError):
    """The process that looks at all events each night died of something."""

    def __init__(self, code: int | None) -> None:
        super().__init__(
            f"the nightly look at all events ended with exit code {code}; its error stands above (-9: it was killed, for want of memory "
            "perhaps). What was learned before stays in force; `fjaril spread night` tries again"
        )


class KibanaError(FjarilError):
    """Kibana did not take the dashboards; the text names its URL, the setting, and what it answered."""


class PoisonError(FjarilError):
    """A stage cannot process this record, and never will; it goes to topic ``dead``."""


class ChannelError(FjarilError):
    """A notification did not go out. The text names the channel and says what its receiver answered, never a secret or an address."""


class ChannelBusyError(ChannelError):
    """It may go out later: no connection, no answer in time, too many at once, a fault at the receiver.

    :param after: seconds that the receiver asks to wait, if it says so.
    """

    def __init__(self, text: str, after: float | None = None) -> None:
        super().__init__(text)
        self.after = after


class ChannelRefusedError(ChannelError):
    """It will not go out, however often it is sent: the receiver refuses it, or the channel is set up wrongly."""


class TokenError(FjarilError):
    """A link to acknowledge by is not ours, too old, or was used; the text says which."""


class AccessError(FjarilError):
    """Somebody is not let in, or may not do what they ask."""


class LoginError(AccessError):
    """Name and password, token or session do not belong together; which of them is wrong is not said."""


class LoginLimitError(AccessError):
    """Too many failed logins.

    :param after: seconds until the next try is heard.
    """

    def __init__(self, text: str, after: float) -> None:
        super().__init__(text)
        self.after = after


class AuditError(FjarilError):
    """The audit log is not as it was written, or cannot be written: what is to be logged is not done then."""
