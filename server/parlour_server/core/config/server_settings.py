"""The settings that every server has: one struct, its sections, each value with its unit, default and reason.

The file in the data folder, the environment and flags override these defaults
(`host/config/settings_loader.py`). A server that no one configured is safe: it listens on loopback, limits
everything, and knows no account. A program with settings of its own inherits from ``Settings`` and adds
sections, or replaces one by a subclass of it with more keys. Capabilities add sections to those
(``with_sections``).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.limits import TICKET_SECONDS
from parlour_server.core.errors import SetupError


def setting(
    unit: str,
    reason: str,
    *,
    ge: int = 1,
    le: int | None = None,
    reloads: bool = False,
    of_account: bool = False,
) -> Meta:
    """Describe a number: its unit, its reason, its bounds, and whether SIGHUP applies a new value.

    ``of_account``: an account can have one of its own (``AccountLimits``).
    """
    extra = {"unit": unit, "reloads": reloads, "of_account": of_account}
    return Meta(ge=ge, le=le, description=reason, extra=extra)


def refuse_url(url: str, *schemes: str) -> None:
    """Raise SetupError for another kind of URL, which it doesn't show: it may have a password in it."""
    if url and not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise SetupError(f"write {schemes[0]}://…, or leave it empty")


def without_secrets(url: str, *, has_token: bool = False) -> str:
    """Return a URL for everyone to see; ``has_token``: a name without a password is a secret, too."""
    scheme, _, rest = url.partition("://")
    name, _, server = rest.rpartition("@")
    place, mark, query = server.partition("?")
    options = "&".join(f"{key}={'…' if 'password' in key else text}" for key, text in parse_qsl(query))
    user, secret, _ = name.partition(":")
    if name and not secret and has_token:
        user = "…"
    shown = f"{user}{':…' if secret else ''}@" if name else ""
    return f"{scheme}://{shown}{place}{mark}{options}" if rest else url


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the configuration file."""

    added: ClassVar[tuple[type["Section"], ...]] = ()
    """Sections whose keys it has besides its own (``with_sections``)."""

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Return what raises SetupError for text of the right type that is invalid, by its key."""
        return {}


class Keys(Section, frozen=True):
    """Keys that are added to a section of others."""


class Listen(Section, frozen=True):
    """Where the server listens and by which names it is known."""

    address: Annotated[str, Meta(description="host:port; loopback unless you choose a public address")] = (
        "127.0.0.1:8443"
    )
    names: Annotated[
        tuple[str, ...],
        Meta(description="names allowed in the Host header; `name:port` behind a load balancer (H3)"),
    ] = ("localhost", "127.0.0.1", "::1")
    origins: Annotated[
        tuple[str, ...],
        Meta(
            description="Origins whose pages in browsers may be clients, each exactly as browsers send it: "
            "https://app.example.org; native clients send none (H1)"
        ),
    ] = ()
    proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="addresses or networks of load balancers: each connection from there must start with "
            "a PROXY protocol v2 header, which is trusted (L6)"
        ),
    ] = ()
    metrics: Annotated[
        str, Meta(description="loopback host:port of the metrics listener; empty turns it off")
    ] = ""


class Connections(Section, frozen=True):
    """Limits of sockets: their number, lifetime and unsent bytes."""

    total: Annotated[int, setting("connections", "file descriptors and memory are finite (H6)")] = 10_000
    per_address: Annotated[int, setting("connections", "one address must not take them all (H6)")] = 64
    per_user: Annotated[int, setting("connections", "devices times windows (H6)", of_account=True)] = 16
    tls_seconds: Annotated[int, setting("seconds", "a silent socket before TLS is an attack (H5)")] = 5
    request_seconds: Annotated[
        int, setting("seconds", "a request head must be complete by then, however slowly it arrives (H5)")
    ] = 5
    body_seconds: Annotated[int, setting("seconds", "a request body must be complete by then (K9)")] = 5
    body_bytes_per_second: Annotated[
        int,
        setting("bytes per second", "a large body gets more time at this rate (K9: slow upload)", ge=1024),
    ] = 65_536
    stalled_seconds: Annotated[
        int, setting("seconds", "a client that takes nothing of an answer for this long is cut off (R2)")
    ] = 20
    ping_seconds: Annotated[
        int,
        setting(
            "seconds", "between pings; a client that sends nothing for 2.1 times as long is cut off (R3, L30)"
        ),
    ] = 20
    unsent_bytes: Annotated[
        int, setting("bytes", "unsent to one client; a client above it is cut off (R2)", ge=65_536)
    ] = 1_048_576
    close_seconds: Annotated[
        int,
        setting(
            "seconds",
            "a closing handshake, then the socket is aborted (S2); the rest of a large answer gets more "
            "time, at `body_bytes_per_second` and at most `stalled_seconds`",
        ),
    ] = 2
    drain_seconds: Annotated[
        int,
        setting(
            "seconds",
            "after SIGTERM `/readyz` answers 503 for so long, so that a load balancer sends no one any more, "
            "before the server stops; a second signal ends the wait",
            ge=0,
        ),
    ] = 0
    outage_seconds: Annotated[
        int,
        setting(
            "seconds",
            "connections are kept for so long while a database of several servers does not answer; then they "
            "are closed, so that people reach another server",
        ),
    ] = 30


class Rates(Section, frozen=True):
    """Rate limits of accounts, connections and addresses."""

    messages_per_minute: Annotated[
        int,
        setting(
            "requests per minute",
            "messages and other changes of one account over all its connections (R1)",
            of_account=True,
        ),
    ] = 600
    message_burst: Annotated[int, setting("requests", "a pasted conversation, a bot's start")] = 240
    message_bytes_per_minute: Annotated[
        int,
        setting(
            "bytes per minute",
            "the same in bytes: people write far less, and a tunnel through messages gets no more (D25)",
            ge=32_768,
            of_account=True,
        ),
    ] = 524_288
    message_bytes_burst: Annotated[
        int, setting("bytes", "the same, at once: a pasted conversation of long messages", ge=32_768)
    ] = 1_048_576
    message_bytes_per_day: Annotated[
        int,
        setting(
            "bytes per day",
            "the same in a day, so that one person can't fill the disk",
            ge=1_048_576,
            of_account=True,
        ),
    ] = 268_435_456
    requests_per_minute: Annotated[
        int, setting("requests per minute", "any request on one connection (R1)")
    ] = 1_200
    request_burst: Annotated[int, setting("requests", "opening a client asks for many pages at once")] = 600
    bytes_per_minute: Annotated[
        int, setting("bytes per minute", "frames of one connection, as bytes (R1)", ge=32_768)
    ] = 4_194_304
    bytes_burst: Annotated[int, setting("bytes", "the same, at once", ge=32_768)] = 1_048_576
    reads_per_minute: Annotated[
        int,
        setting("requests per minute", "pages and lists read by one account over all its connections (L26)"),
    ] = 1_200
    read_burst: Annotated[
        int, setting("requests", "a new device fetches a hundred thousand messages in about 500 pages")
    ] = 600
    read_bytes_per_minute: Annotated[
        int, setting("bytes per minute", "the same in bytes (L26)", ge=1_048_576)
    ] = 134_217_728
    read_bytes_burst: Annotated[int, setting("bytes", "the same, at once", ge=1_048_576)] = 134_217_728
    read_shares_per_address: Annotated[
        int, setting("accounts", "one address may read as much as this many accounts (L26)")
    ] = 4
    strikes: Annotated[
        int, setting("refused requests in a row", "a client that continues anyway is disconnected (R1)")
    ] = 200
    http_per_minute: Annotated[
        int,
        setting(
            "requests per minute",
            "requests of one address, and of one account, to the HTTPS API; what secures an account is "
            "counted for each session (P6, L26, P34)",
            reloads=True,
        ),
    ] = 600
    http_burst: Annotated[int, setting("requests", "several people behind one address", reloads=True)] = 200


class Logins(Section, frozen=True):
    """Passwords, sessions, tickets."""

    session_days: Annotated[
        int, setting("days", "a session ends after this time, used or not (S3)", reloads=True)
    ] = 30
    idle_days: Annotated[
        int, setting("days", "a session that is not used for this long ends (S3)", reloads=True)
    ] = 14
    sessions_per_user: Annotated[
        int,
        setting(
            "sessions",
            "above it, the session that has been idle longest ends (S6)",
            reloads=True,
            of_account=True,
        ),
    ] = 20
    ticket_seconds: Annotated[
        int,
        setting(
            "seconds", "a ticket is meant to be used right away (K4)", le=TICKET_SECONDS.value, reloads=True
        ),
    ] = 30
    tickets_per_session: Annotated[
        int, setting("tickets per minute", "reconnecting in a loop", reloads=True)
    ] = 240
    session_keys: Annotated[
        Literal["optional", "required"],
        Meta(
            description="`required` refuses sessions that are not bound to a key, such as those of scripts: "
            "anyone who copies their token can use it (K50)",
            extra={"reloads": True},
        ),
    ] = "optional"
    hash_threads: Annotated[
        int, setting("threads", "argon2 uses one core and 64 MiB each; 0 means one per core (P6)", ge=0)
    ] = 0
    hash_queue: Annotated[int, setting("logins", "logins waiting for a thread; more get 503 (P6)")] = 64
    hash_queue_per_address: Annotated[
        int, setting("logins", "of these, from one address; addresses take turns (L13)")
    ] = 24
    failures_per_account: Annotated[
        int,
        setting(
            "failures",
            "after that, each failure doubles the wait; NIST allows at most 100 (P5)",
            le=100,
            reloads=True,
        ),
    ] = 10
    failures_per_address: Annotated[
        int, setting("failures", "the same for one address (P5)", reloads=True)
    ] = 50
    longest_wait_seconds: Annotated[
        int, setting("seconds", "the longest wait, so no one is locked out permanently (P5)", reloads=True)
    ] = 900


class LogSettings(Section, frozen=True):
    """The log on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning"],
        Meta(
            description="debug adds a line for each request, without its content; warning leaves out what "
            "needs no action, audit records too",
            extra={"reloads": True},
        ),
    ] = "info"


class Packages(Section, frozen=True):
    """Capabilities that other packages bring. None is loaded because it is installed."""

    packages: Annotated[
        tuple[str, ...],
        Meta(
            description="capabilities of installed packages that are loaded, by their names (entry points of "
            "the group `parlour_server.capabilities`); each has all the rights of the server"
        ),
    ] = ()


class Settings(Section, frozen=True):
    """The settings of a program that has none of its own."""

    listen: Listen = Listen()
    connections: Connections = Connections()
    rates: Rates = Rates()
    logins: Logins = Logins()
    log: LogSettings = LogSettings()
    capabilities: Packages = Packages()


_Settings = TypeVar("_Settings", bound=Settings)
_Section = TypeVar("_Section", bound=Section)


def with_sections(settings: type[_Settings], sections: Mapping[str, type[Section]]) -> type[_Settings]:
    """Return these settings with more sections, by name, or ``Keys`` in sections that they have.

    Raises ProgramError for a section or a key that there is already, and for keys without a section.
    """
    own_sections, fields = msgspec.structs.asdict(settings()), []
    for name, kind in sections.items():
        own: Section | None = own_sections.get(name)
        if own is None and issubclass(kind, Keys):
            keys = ", ".join(kind.__struct_fields__)
            raise ProgramError(f"{settings.__name__} has no section {name} for {keys}")
        if own is not None and not issubclass(kind, Keys):
            raise ProgramError(f"{settings.__name__} has a section {name} already")
        whole = kind if own is None else _with_keys(name, type(own), kind)
        fields.append((name, whole, whole() if own is None else whole(**msgspec.structs.asdict(own))))
    return cast("type[_Settings]", _derived(settings, fields))


def _with_keys(name: str, section: type[Section], kind: type[Section]) -> type[Section]:
    if taken := set(kind.__struct_fields__) & set(section.__struct_fields__):
        raise ProgramError(f"the section {name} has a key {min(taken)} already")
    fields = [(field.encode_name, field.type, field.default) for field in msgspec.structs.fields(kind)]
    return _derived(section, fields, added=(*section.added, kind))


def _derived(base: type[Section], fields: Iterable[tuple[str, Any, Any]], **more: Any) -> type[Section]:
    made = msgspec.defstruct(
        base.__name__,
        fields,
        bases=(base,),
        namespace={"__doc__": base.__doc__, **more},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return cast("type[Section]", made)


def section(settings: Settings, kind: type[_Section]) -> _Section:
    """Return the section of this kind, or the keys of this kind that were added to one.

    With its defaults, if the settings were made without it.
    """
    for table in msgspec.structs.asdict(settings).values():
        if isinstance(table, kind):
            return table
        if isinstance(table, Section) and kind in table.added:
            return msgspec.convert(table, kind, from_attributes=True)
    return kind()
