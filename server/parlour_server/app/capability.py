"""Capabilities can be taken out of a server: each is a folder, named in `capabilities/__init__.py`.

One may also be of another package, which the configuration names (``Installed``).

The core never names one: it asks ``Hooks`` at the places that a capability may touch. Whoever removes the
folder and its lines has removed the capability, with its commands, its tables and what it does.

Every command imports the ``Capability``, so it is light. What only a server needs, and the few commands that
ask every capability for something, is a ``Served``, in a module of its own behind one door. What a capability
does not have is absent, and not a function that does nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from parlour_server.core.errors import SetupError
from parlour_server.core.store.table_facts import Tables

if TYPE_CHECKING:
    from http import HTTPStatus

    import click

    from parlour_protocol.kit.payload import Payload
    from parlour_server.app import finding
    from parlour_server.app.certificate_source import CertificateSource
    from parlour_server.app.hooks import Hooks, Opened
    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.app.process import ServerProcess
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.https.error_answer import ErrorAnswer
    from parlour_server.core.https.operations import Operation
    from parlour_server.core.store.engine.connection import Engine
    from parlour_server.core.store.records import AccountOverview

    Findings = Iterable[finding.Finding]

_Settings = TypeVar("_Settings", bound="Settings")

Sections: TypeAlias = "Mapping[str, type[Section]]"
"""Sections of the settings, by their names: one word each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The part of a capability that a server runs. `init`, `doctor` and what handles keys load it, too."""

    prepare: "Callable[[Opened], Awaitable[None]] | None" = None
    """Called once by a server before it makes its parts: for what keeps the first line of the audit log, too.

    Raises SetupError, which stops the start.
    """
    start: "Callable[[Parts[Any, Any]], Awaitable[None]] | None" = None
    """Called once by a server that starts, before the program: add to ``Parts.hooks``.

    Raises SetupError, which stops the start.
    """
    operations: "tuple[Operation, ...]" = ()
    """Of the HTTPS API; each needs a handler (``Hooks.handlers``)."""
    or_gives: "Mapping[str, tuple[HTTPStatus, type[Payload]]]" = field(default_factory=dict)
    """Another success of an operation, by its name, and its output."""
    error_answers: "Mapping[type[Exception], ErrorAnswer]" = field(default_factory=dict)
    """How the HTTPS API answers errors; they replace the core's answers."""
    metrics: "tuple[Metric, ...]" = ()
    """Its metrics, for their documentation."""
    audit_events: tuple[StrEnum, ...] = ()
    """Its own kinds of audit events."""
    repeatable_events: frozenset[StrEnum] = frozenset()
    """The events that anyone can cause as often as they like."""
    make: "Callable[[DataFolder], Sequence[str]] | None" = None
    """`init`: create its files that are missing; returns what it created, in a few words."""
    claim_keys: "Callable[[DataFolder, Engine, bool], None] | None" = None
    """`init`, and what replaces keys: make the database know those of the folder.

    Raises SetupError if it knows others, unless (True) they are to be replaced.
    """
    findings: "Callable[[DataFolder, Settings | None, Engine | None], Findings] | None" = None
    """`doctor`: what it finds; without the settings or the database, if they can't be read."""
    certificates: "Callable[[DataFolder, Settings], CertificateSource] | None" = None
    """Asks another CA for the server's certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """A capability. Its functions import what they need when they are called."""

    name: str
    """The name of its folder."""
    served: Callable[[], Served] | None = None
    """Returns what a server has of it."""
    commands: "tuple[click.Command, ...]" = ()
    """Of the command line. Groups of one name become one, also with a group of the program."""
    options: "Mapping[str, tuple[click.Option, ...]]" = field(default_factory=dict)
    """More options of the commands `init` and `run`, by their names.

    One of `init` is a setting that is written to the configuration: its parameter is `section__key`.
    """
    settings: Callable[[], Sections] | None = None
    """Returns its sections of the settings, and ``Keys`` for sections of others. ``section`` reads both."""
    serves: tuple[str, ...] = ()
    """The settings of the core's sections that do nothing without it; ``refuse_unserved`` has each."""
    tables: Tables | None = None
    """Its tables of the database."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Its folders in the data folder, by their names, and what bounds each, in a few words: `disk show`."""
    files: tuple[str, ...] = ()
    """The names of its files in the data folder that a backup has."""
    engine: "Callable[[DataFolder, Settings, bool], Engine | None] | None" = None
    """Returns the database that the settings name in place of the SQLite file, None if they name none.

    True for one that can't be written. Raises SetupError.
    """
    fork: "Callable[[ServerProcess, Mapping[str, Any]], ServerProcess | None] | None" = None
    """`run`, with its options of ``options``: return what this process serves.

    None: others served, and all is done. Raises SetupError.
    """
    before_tls: "Callable[[Settings, str], bytes] | None" = None
    """`ready`: what a connection from this address of the server's own machine must begin with."""
    name_endings: tuple[str, ...] = ()
    """Endings of the names of accounts that only it makes: no one can register a name that ends so."""
    listed: "Callable[[AccountOverview], tuple[Mapping[str, object], str]] | None" = None
    """`user list`: what it adds about an account, for JSON and in words."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A capability that the configuration names, and the package that has it, with its version."""

    capability: Capability
    package: str


def served_by(capabilities: Iterable[Capability]) -> tuple[Served, ...]:
    """Return what a server has of them."""
    return tuple(capability.served() for capability in capabilities if capability.served is not None)


async def prepare_all(capabilities: Iterable[Capability], opened: "Opened") -> "Hooks":
    """Prepare each of them in turn. Raises SetupError if one can't."""
    for served in served_by(capabilities):
        if served.prepare is not None:
            await served.prepare(opened)
    return opened.hooks


async def start_all(capabilities: Sequence[Capability], parts: "Parts[Any, Any]") -> None:
    """Start each of them in turn. Raises SetupError if one can't start, or is missing though it is set."""
    refuse_unserved(capabilities, parts.settings)
    for served in served_by(capabilities):
        if served.start is not None:
            await served.start(parts)


def refuse_unserved(capabilities: Iterable[Capability], settings: "Settings") -> None:
    """Raise SetupError if a setting is on that none of them serves, or names one that is not there."""
    capabilities = tuple(capabilities)
    names = {capability.name for capability in capabilities}
    if missing := [name for name in settings.capabilities.packages if name not in names]:
        raise SetupError(
            f"capabilities.packages names {missing[0]}, which was not loaded: only a command line loads what "
            "`--data` names, so list the capability in the program"
        )
    served = {name for capability in capabilities for name in capability.serves}
    listen = settings.listen
    optional = {
        "listen.metrics": listen.metrics,
        "listen.origins": listen.origins,
        "listen.proxies": listen.proxies,
    }
    for name, value in optional.items():
        if value and name not in served:
            raise SetupError(
                f"{name} is set, but this server lacks the capability that serves it: "
                "leave it empty, or list the capability in the program"
            )


def tables_of(capabilities: Iterable[Capability]) -> tuple[Tables, ...]:
    """Return the tables that they have."""
    return tuple(capability.tables for capability in capabilities if capability.tables is not None)


def settings_of(settings: type[_Settings], capabilities: Iterable[Capability]) -> type[_Settings]:
    """Return a program's settings with those of the capabilities. Raises ProgramError for a key twice."""
    from parlour_server.core.config.server_settings import with_sections  # noqa: PLC0415 - loads msgspec

    for capability in capabilities:
        if capability.settings is not None:
            settings = with_sections(settings, capability.settings())
    return settings
