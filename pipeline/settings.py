"""Settings: the only place that reads files of settings and environment variables.

Later ones win: defaults, the settings file (``--config``, else ``fjaril.yaml`` in the data directory), environment
variables (``FJARIL_HTTP__CONTACT`` is ``http.contact``), ``--data``. An unknown key or a bad value is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
import yaml
from msgspec.structs import replace
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from pipeline.errors import SettingsError
from pipeline.model import Source

PREFIX = "FJARIL_"
#: The one in C reads the lexicon in 50 ms, the other in 300; a build of the library may lack it.
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What reading YAML raises; ValueError: it is not UTF-8, or a date that there is not.
NO_YAML = (yaml.YAMLError, ValueError, RecursionError)
#: Names the folder of real data for tests and benchmarks; a shell in which it is set may run the command, too.
_OF_THE_TESTS = "FJARIL_DATA"
FILE_NAME = "fjaril.yaml"
#: The sources that come with the program; a user's own file replaces them.
BUNDLED_SOURCES = Path(__file__).resolve().parent.parent / "collectors" / "sources.yaml"


_FROM_FILE = "file:"


def _secret(given: SecretStr) -> SecretStr:
    """Of a file where it names one."""
    written = given.get_secret_value()
    if not written.startswith(_FROM_FILE):
        return given
    path = Path(written.removeprefix(_FROM_FILE))
    try:
        return SecretStr(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error.strerror if isinstance(error, OSError) else 'it is no text in UTF-8'}") from error


#: A text that is not shown, or file:PATH: the file that holds it.
Secret = Annotated[SecretStr, AfterValidator(_secret)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Http(_Part):
    """How pages are fetched."""

    #: An address where the owner of a site reaches you; polisen.se answers only who says it.
    contact: str = Field("", description="an e-mail address or URL where sites can reach you", pattern=r"^[\x21-\x7e]*$")
    timeout: float = Field(20, gt=0, le=300, description="seconds for one answer, from first to last byte")
    max_bytes: int = Field(15_000_000, ge=10_000, description="largest answer after decompression, in bytes")
    host_delay: float = Field(1.0, ge=0, le=3600, description="least number of seconds between two calls to one host")
    private_addresses: bool = Field(default=False, description="allow addresses on this machine and its private networks")
    shorteners: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(?::\d+)?$")], ...] = Field(
        (), description="link shorteners, as bit.ly, that may be asked where their addresses lead; each learns what is watched"
    )


class Kafka(_Part):
    """How the brokers that ``bus`` names are reached."""

    tls: bool = Field(default=False, description="whether the brokers speak TLS")
    ca: FilePath | None = Field(None, description="file with the certificates that the brokers' are signed by; without it the system's")
    certificate: FilePath | None = Field(None, description="file with a certificate of this client's, where the brokers want one")
    key: FilePath | None = Field(None, description="file with the certificate's private key")
    username: str = Field("", description="user that the brokers know, where they want one")
    password: Secret = Field(SecretStr(""), description="the user's password, or file:PATH")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field("SCRAM-SHA-512", description="how the password is shown (SASL)")
    session: float = Field(10, ge=6, le=300, description="seconds that a process may be silent before another takes over what it had")
    transaction: float = Field(30, ge=10, le=900, description="seconds after which what a dead process had begun is taken back")


class Elastic(_Part):
    """How the server that ``index`` names is reached."""

    api_key: Secret = Field(SecretStr(""), description="the server's API key, encoded, as it gives one out, or file:PATH")
    ca: FilePath | None = Field(None, description="file with the certificates that the server's is signed by; without it the system's")
    timeout: float = Field(30, gt=0, le=600, description="seconds for one answer")
    retries: int = Field(5, ge=0, le=100, description="how often a request that fails is sent again")


class Kibana(_Part):
    """How the Kibana that ``fjaril setup --kibana`` names is reached."""

    api_key: Secret = Field(
        SecretStr(""), description="an API key that may manage saved objects, encoded, as Elasticsearch gives it out, or file:PATH"
    )
    ca: FilePath | None = Field(None, description="file with the certificates that the server's is signed by; without it the system's")
    timeout: float = Field(60, gt=0, le=600, description="seconds for one answer")


class Analysis(_Part):
    """What is looked for beyond places and themes; each costs time and memory."""

    incidents: bool = Field(default=True, description="whether a round-up is taken apart into its incidents")
    stories: bool = Field(default=True, description="whether documents on the same occurrence are put together")
    spread: bool = Field(default=True, description="whether events that spread from place to place are looked for")


class Alerts(_Part):
    """What people are told of while it runs; whom, the rota says."""

    rules: Path | None = Field(None, description="file with alert rules, or directory of them; without it there are no alerts")
    link: str = Field(
        "",
        description="address of the console, as https://fjaril.kommun.example, for links to acknowledge by",
        pattern=r"^(https?://\S+)?$",
    )


class Runner(_Part):
    """How records flow."""

    batch: int = Field(1_000, ge=1, le=10_000, description="records a stage takes at a time")
    max_lag: int = Field(5_000, ge=100, description="records that may wait before a stage; then what comes before it waits")
    flush_seconds: float = Field(2.0, gt=0, le=60, description="longest time before an indexed document can be found")
    flush_documents: int = Field(5_000, ge=1, description="most documents before they are made durable in the index")


class Keep(_Part):
    """How long records stay on the bus, and documents in the index, in days."""

    raw: int = Field(30, ge=1, description="days that fetched items are kept")
    documents: int = Field(30, ge=1, description="days that enriched documents are kept")
    related: int = Field(400, ge=1, description="days that related documents are kept; state is rebuilt from them")
    dead: int = Field(90, ge=1, description="days that records which could not be processed are kept")
    answers: int = Field(30, ge=0, description="most days that sources' answers are archived, for `fjaril rebuild`; 0: none are")
    index: int | None = Field(None, ge=1, description="days that documents can be found, by whole months; without it until withdrawn")
    purposes: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="days that what was collected for a purpose is kept: the purpose as sources state it, with * for anything, and the days",
    )
    erase_nightly: bool = Field(default=True, description="whether what is past its source's or its purpose's days is erased each night")
    erase_hour: int = Field(2, ge=0, le=23, description="hour (UTC) in which it is")

    def days(self, source: Source) -> int:
        """Days that what the source gives is kept: its own limit and those of its purpose all hold."""
        return min([source.retention_days, *(days for purpose, days in self.purposes.items() if _states(source, purpose))])


def _states(source: Source, purpose: str) -> bool:
    """Whether the source states the purpose; ``*`` stands for anything, capitals count as small letters."""
    return re.fullmatch(".*".join(map(re.escape, purpose.casefold().split("*"))), source.purpose.casefold(), re.DOTALL) is not None


class OidcGroup(_Part):
    """What somebody in a group of the provider's may do."""

    role: Literal["viewer", "analyst", "officer", "admin"] = Field(description="viewer, analyst, officer or admin")
    agency: str = Field("", description="the agency that they work for")
    areas: tuple[Annotated[str, StringConstraints(pattern=r"^(\d{2}|\d{4})$")], ...] = Field((), description="what a viewer sees")


class Oidc(_Part):
    """A login provider of the organisation's own, by OpenID Connect."""

    issuer: str = Field(
        "", description="the provider's address, as it writes it itself; empty: there is none", pattern=r"^(https?://\S+)?$"
    )
    client_id: str = Field("", description="the name by which the provider knows this installation")
    client_secret: Secret = Field(SecretStr(""), description="the secret that the provider gave for it, or file:PATH")
    ca: FilePath | None = Field(None, description="file with the certificates that the provider's is signed by; without it the system's")
    scope: str = Field("openid profile", description="what is asked for; with openid", pattern=r"(^| )openid( |$)")
    name: str = Field("preferred_username", description="claim with the name that the audit log shows; without it sub")
    claim: str = Field("groups", description="claim with the groups that somebody is in")
    groups: dict[str, OidcGroup] = Field(default_factory=dict, description="groups that may come in, each with role, agency and areas")


class Access(_Part):
    """How long somebody who logged in stays so, and who else says who they are."""

    idle: float = Field(30, ge=1, le=1440, description="minutes without use that end a session")
    longest: float = Field(12, gt=0, le=168, description="hours that end a session in any case")
    oidc: Oidc = Oidc()


class Console(_Part):
    """Where people look at what was found."""

    address: str = Field("127.0.0.1:8765", description="HOST:PORT that the console answers at, empty for none", pattern=r"^(.+:\d{1,5})?$")
    rate: int = Field(600, ge=10, description="requests that one visitor may make in a minute: a page with its live parts needs a handful")


class Export(_Part):
    """What is written each night for other tools."""

    nightly: bool = Field(default=True, description="whether each day is exported in the night that follows")
    directory: Path | None = Field(
        None, description="directory that each day's export is written to; without it export in the data directory"
    )
    keep: int = Field(400, ge=1, description="days that exports are kept")
    publisher: str = Field("Fjäril", min_length=1, description="who publishes them, for the metadata")
    address: str = Field(
        "", description="address that the directory is offered at, ending in /, for the metadata", pattern=r"^(https?://\S+/)?$"
    )


class WebSub(_Part):
    """Where hubs push feeds to, so that what is new comes at once."""

    callback: str = Field("", pattern=r"^(https?://\S+)?$", description="address under which hubs reach us; without it nothing is pushed")
    port: int = Field(8466, ge=0, le=65535, description="port that listens for what comes to the callback, behind your own proxy")
    address: str = Field("127.0.0.1", description="address of this machine that it listens on")


class Settings(BaseSettings):
    """All settings, checked. ``data_dir`` is the directory that everything is stored in."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", validate_default=True)

    data_dir: Path = Field(Path("data"), description="directory for everything that is stored")
    bus: Annotated[str, Field(pattern=r"^(sqlite:///|kafka://).+")] = Field(
        "sqlite:///{data_dir}/bus.db", description="where the bus is: sqlite:///FILE or kafka://HOST:PORT,…/PREFIX"
    )
    index: Annotated[str, Field(pattern=r"^(embedded:///|https?://).+")] = Field(
        "embedded:///{data_dir}/index", description="where the index is: embedded:///DIRECTORY or https://HOST:PORT/PREFIX"
    )
    partitions: int = Field(4, ge=1, le=256, description="partitions of the topics raw, documents and related")
    sources: Path = Field(BUNDLED_SOURCES, description="file with the sources to collect")
    lexicon: Path | None = Field(None, description="file with the themes' lexicon; without it the bundled one")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="port that serves metrics for Prometheus")
    metrics_address: str = Field("127.0.0.1", description="address that metrics are served on; 0.0.0.0 in a container, for others to read")
    rota: Path | None = Field(None, description="file with the rota: who is told of alerts, when, and by which channel")
    secrets: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")], Secret] = Field(
        default_factory=dict, description="names and values of what channels need: a text, or file:PATH"
    )
    http: Http = Http()
    kafka: Kafka = Kafka()
    elastic: Elastic = Elastic()
    kibana: Kibana = Kibana()
    analysis: Analysis = Analysis()
    alerts: Alerts = Alerts()
    runner: Runner = Runner()
    keep: Keep = Keep()
    websub: WebSub = WebSub()
    access: Access = Access()
    export: Export = Export()
    console: Console = Console()
    areas: dict[
        Annotated[str, StringConstraints(pattern=r"^[^\W_][\w -]{0,63}$")],
        tuple[Annotated[str, StringConstraints(pattern=r"^(\d{2}|\d{4})$")], ...],
    ] = Field(default_factory=dict, description="areas of your own for situation pictures: a name and codes of municipalities or counties")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the library calls it by name)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file's values come in as initial values."""
        return EnvSettingsSource(settings_cls), init_settings

    @property
    def bus_path(self) -> Path:
        """File of the embedded bus."""
        return self._path(self.bus)

    @property
    def index_path(self) -> Path:
        """Directory of the embedded index."""
        return self._path(self.index)

    @property
    def cache(self) -> Path:
        """Directory for what can be made again, as the gazetteer."""
        return self.data_dir / "cache"

    @property
    def export_path(self) -> Path:
        """Directory of exports."""
        return self.export.directory or self.data_dir / "export"

    def _path(self, url: str) -> Path:
        return Path(url.split("///", 1)[1].replace("{data_dir}", str(self.data_dir)))


def load(config: Path | None = None, data: Path | None = None) -> Settings:
    """The settings in force.

    :raises SettingsError: naming file or environment, dotted key, what was found and what is allowed.
    """
    path = config or _default_file(data)
    values = read_yaml(path) if path else {}
    _refuse_unknown_environment()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise _explain(error, path, values) from error
    except UnreadableError as error:
        name = next(name for part in Settings.model_fields if (name := PREFIX + part.upper()) in os.environ and f'"{part}"' in str(error))
        raise SettingsError("environment", name, _shown(name), f"name one key with its value, as {name}__KEY") from error
    return settings.model_copy(update={"data_dir": data}) if data else settings


def _default_file(data: Path | None) -> Path | None:
    directory = data or Path(os.environ.get(PREFIX + "DATA_DIR", "data"))
    return next((d / FILE_NAME for d in (directory, Path()) if (d / FILE_NAME).is_file()), None)


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file.

    :raises SettingsError: naming the file, the line and column where it is no YAML, and what was found.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER) or {}  # noqa: S506  (a safe one)
    except OSError as error:
        raise SettingsError(str(path), "(file)", error.strerror, "name a file that can be read") from error
    except NO_YAML as error:
        mark, said = yaml_fault(error)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "(file)"
        raise SettingsError(str(path), where, said, "it must be YAML in UTF-8") from error
    if not isinstance(values, dict):
        raise SettingsError(str(path), "(file)", type(values).__name__, "it must hold keys and values")
    if strange := [key for key in values if not isinstance(key, str)]:
        raise SettingsError(str(path), str(strange[0]), strange[0], "a key is a word")
    return values


def yaml_fault(error: Exception) -> tuple[yaml.Mark | None, str]:
    """Where one of :data:`NO_YAML` lies, if it says, and what is wrong there."""
    if isinstance(error, yaml.MarkedYAMLError):
        return error.problem_mark or error.context_mark, error.problem or error.context or ""
    return None, " ".join(str(error).split())


def _refuse_unknown_environment() -> None:
    """pydantic-settings ignores variables that name no field: a typing error would go unseen."""
    known = set(Settings.model_fields)
    for name in os.environ:
        part = name[len(PREFIX) :].split("__")[0].lower()
        if name.startswith(PREFIX) and part not in known and name != _OF_THE_TESTS:
            raise SettingsError("environment", name, _shown(name), f"allowed: {_names(known)}")


def _shown(name: str) -> str:
    """The value of a variable of the environment, unless its name says that it may be a secret."""
    return "•••" if re.search("SECRET|PASSWORD|KEY|TOKEN", name.upper()) else os.environ[name]


def _names(keys: set[str]) -> str:
    return ", ".join(PREFIX + key.upper() for key in sorted(keys))


def _explain(error: ValidationError, path: Path | None, values: dict[str, Any]) -> SettingsError:
    first = error.errors()[0]
    if first["loc"][0] == "secrets":
        return _explain_secret(first["loc"], first["msg"], path)
    key = ".".join(str(part) for part in first["loc"])
    variable = PREFIX + key.upper().replace(".", "__")
    from_environment = any(name.upper() == variable for name in os.environ) or not _holds(
        values, first["loc"][:-1] if first["type"] == "missing" else first["loc"]
    )
    where = "environment" if from_environment else str(path)
    return SettingsError(where, key, first["input"], _allowed(first["loc"], first["type"], first["msg"]))


def _explain_secret(loc: tuple[int | str, ...], message: str, path: Path | None) -> SettingsError:
    """Without what was found: a part of it may be a secret."""
    key = ".".join(str(part) for part in loc if part != "[key]")
    allowed = "secrets holds names in small letters, digits and _, each with a text or file:PATH"
    where = f"{path} or environment" if path else "environment"
    return SettingsError(where, key, "•••", f"{message[0].lower()}{message[1:]}; {allowed}")


def _holds(values: Any, loc: tuple[int | str, ...]) -> bool:
    for part in loc:
        if isinstance(values, list):
            values = dict(enumerate(values))
        if part == "[key]":
            continue
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def _allowed(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    model: Any = Settings
    description = ""
    for part in loc:
        if get_origin(model) is dict:  # names of the user's own
            model = get_args(model)[1]
        elif str(part) in getattr(model, "model_fields", ()):
            field = model.model_fields[str(part)]
            model, description = field.annotation, field.description or ""
    if kind == "extra_forbidden":
        return f"there is no such key; allowed here: {', '.join(model.model_fields)}"
    if kind == "model_type":
        return f"it holds keys: {', '.join(model.model_fields)}"
    return f"{message[0].lower()}{message[1:]} ({description})"


def load_sources(path: Path) -> tuple[Source, ...]:
    """The sources of a YAML file: a list under ``sources``.

    :raises SettingsError: naming the file, the source, the key, what was found and what is allowed.
    """
    entries = read_yaml(path).get("sources")
    if not isinstance(entries, list):
        raise SettingsError(str(path), "sources", entries, "a list of sources")
    sources: dict[str, Source] = {}
    for number, entry in enumerate(entries):
        name = entry.get("id", number) if isinstance(entry, dict) else number
        try:
            source = msgspec.convert(entry, Source)
        except msgspec.ValidationError as error:
            key, found = at_fault(entry, error)
            allowed = f"{error}; every source needs id, kind, url, name and purpose"
            raise SettingsError(str(path), f"sources[{name}]{key}", found, allowed) from error
        if source.id in sources:
            raise SettingsError(str(path), f"sources[{name}].id", source.id, "each id once")
        _check_zone(path, source)
        sources[source.id] = source
    return tuple(sources.values())


def sources_of(settings: Settings) -> tuple[Source, ...]:
    """The sources, each with the days that what it gives is kept (:meth:`Keep.days`).

    :raises SettingsError: as of :func:`load_sources`.
    """
    return limited(load_sources(settings.sources), settings.keep)


def limited(sources: Iterable[Source], keep: Keep) -> tuple[Source, ...]:
    """The sources, each with the days that what it gives is kept."""
    return tuple(replace(source, retention_days=keep.days(source)) for source in sources)


def unstated(sources: Iterable[Source], keep: Keep) -> tuple[str, ...]:
    """The purposes of ``keep.purposes`` that no source states: each may be a slip."""
    stating = tuple(sources)
    return tuple(purpose for purpose in keep.purposes if not any(_states(source, purpose) for source in stating))


def at_fault(entry: object, error: msgspec.ValidationError) -> tuple[str, object]:
    """(key, value) that the error names by a path as ``$.terms[3]``; of an entry as a whole no key, and the names of its keys."""
    path = str(error).rpartition("`$")[2].removesuffix("`") if "`$" in str(error) else ""
    path = path.partition("[...]")[0]  # the key of a mapping, which the error does not name
    found: Any = entry
    for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        found = found[int(number) if number else name]
    return path, ", ".join(map(str, found)) if isinstance(found, dict) else found


def _check_zone(path: Path, source: Source) -> None:
    try:
        ZoneInfo(source.timezone)
    except (KeyError, ValueError, OSError) as error:
        allowed = "the name of a time zone, as Europe/Stockholm"
        raise SettingsError(str(path), f"sources[{source.id}].timezone", source.timezone, allowed) from error
