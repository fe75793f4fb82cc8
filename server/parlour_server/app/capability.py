"""What can be taken out of a server: a folder with one ``Capability``, named in `capabilities/__init__.py`.

The core never names one: it asks ``Hooks`` at the places that a capability may touch. Whoever removes the
folder and its lines has removed the capability, with its commands, its tables and what it does.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from parlour_protocol.kit.errors import ProgramError
from parlour_server.app.hooks import Hooks, Opened
from parlour_server.core.errors import SetupError
from parlour_server.core.store.table_facts import Tables

if TYPE_CHECKING:
    from http import HTTPStatus

    import click

    from parlour_protocol.kit.payload import Payload
    from parlour_server.app.certificate_source import CertificateSource
    from parlour_server.app.finding import Finding
    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.app.process import ServerProcess
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.https.error_answer import ErrorAnswer
    from parlour_server.core.https.operations import Operation
    from parlour_server.core.store.engine.connection import Engine
    from parlour_server.core.store.records import AccountOverview

_Settings = TypeVar("_Settings", bound="Settings")


def _make_nothing(_folder: "DataFolder") -> Sequence[str]:
    return ()


async def _prepare_nothing(_opened: Opened, _hooks: Hooks) -> None:
    return


async def _start_nothing(_parts: "Parts[Any, Any]", _hooks: Hooks) -> None:
    return


def _no_operations() -> "tuple[Operation, ...]":
    return ()


def _no_sections() -> "Mapping[str, type[Section]]":
    return {}


def _give_nothing_else() -> "Mapping[str, tuple[HTTPStatus, type[Payload]]]":
    return {}


def _answer_no_errors() -> "Mapping[type[Exception], ErrorAnswer]":
    return {}


def _list_nothing(_account: "AccountOverview") -> "tuple[Mapping[str, object], str]":
    return {}, ""


def _no_metrics() -> "tuple[Metric, ...]":
    return ()


def _send_nothing(_settings: "Settings", _address: str) -> bytes:
    return b""


def _same_process(process: "ServerProcess", _options: Mapping[str, Any]) -> "ServerProcess | None":
    return process


def _no_engine(_folder: "DataFolder", _settings: "Settings", _read_only: bool) -> "Engine | None":  # noqa: FBT001 - see ``Capability``
    return None


def _claim_nothing(_folder: "DataFolder", _engine: "Engine", _replace: bool) -> None:  # noqa: FBT001 - see ``Capability``
    return


def _find_nothing(
    _folder: "DataFolder", _settings: "Settings | None", _engine: "Engine | None"
) -> "Iterable[Finding]":
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a capability brings. Importing it is cheap: what costs time is loaded by what needs it."""

    name: str
    """That of its folder."""
    make: "Callable[[DataFolder], Sequence[str]]" = _make_nothing
    """`init`: create its files that are missing; returns what it created, in a few words."""
    engine: "Callable[[DataFolder, Settings, bool], Engine | None]" = _no_engine
    """Returns the database that the settings name in place of the SQLite file, None if they name none.

    True for one that can't be written. Raises SetupError.
    """
    fork: "Callable[[ServerProcess, Mapping[str, Any]], ServerProcess | None]" = _same_process
    """`run`, with its options of ``options``: return what this process serves.

    None: others served, and all is done. Raises SetupError.
    """
    claim_keys: "Callable[[DataFolder, Engine, bool], None]" = _claim_nothing
    """`init`, and what replaces keys: make the database know those of the folder.

    Raises SetupError if it knows others, unless (True) they are to be replaced.
    """
    prepare: Callable[[Opened, Hooks], Awaitable[None]] = _prepare_nothing
    """Called once by a server before it makes its parts: for what keeps the first line of the audit log, too.

    Raises SetupError, which stops the start.
    """
    start: "Callable[[Parts[Any, Any], Hooks], Awaitable[None]]" = _start_nothing
    """Called once by a server that starts, before the program. Raises SetupError, which stops the start."""
    commands: "tuple[click.Command, ...]" = ()
    """Of the command line. Groups of one name become one."""
    options: "Mapping[str, tuple[click.Option, ...]]" = field(default_factory=dict)
    """More options of the commands `init` and `run`, by their names.

    One of `init` is a setting that is written to the configuration: its parameter is `section__key`.
    """
    tables: Tables | None = None
    """Its tables of the database."""
    operations: "Callable[[], tuple[Operation, ...]]" = _no_operations
    """Of the HTTPS API; each needs a handler (``Hooks.handlers``)."""
    or_gives: "Callable[[], Mapping[str, tuple[HTTPStatus, type[Payload]]]]" = _give_nothing_else
    """Another success of an operation, by its name, and its output."""
    error_answers: "Callable[[], Mapping[type[Exception], ErrorAnswer]]" = _answer_no_errors
    """How the HTTPS API answers errors; they replace the core's answers."""
    sections: "Callable[[], Mapping[str, type[Section]]]" = _no_sections
    """Returns its sections of the settings, by their names: one word each. ``section`` reads one."""
    keys: "Callable[[], Mapping[str, type[Section]]]" = _no_sections
    """Returns keys that it adds to sections of the program, by their names; ``section`` reads them."""
    findings: "Callable[[DataFolder, Settings | None, Engine | None], Iterable[Finding]]" = _find_nothing
    """`doctor`: what it finds; without the settings or the database, if they can't be read."""
    metrics: "Callable[[], tuple[Metric, ...]]" = _no_metrics
    """Returns what it shows among the metrics, for their documentation."""
    listed: "Callable[[AccountOverview], tuple[Mapping[str, object], str]]" = _list_nothing
    """`user list`: what it adds about an account, for JSON and in words."""
    before_tls: "Callable[[Settings, str], bytes]" = _send_nothing
    """`ready`: what a connection from this address of the server's own machine must begin with."""
    serves: tuple[str, ...] = ()
    """The settings of the core's sections that do nothing without it; ``refuse_unserved`` has each."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Its folders in the data folder, by their names, and what bounds each, in a few words: `disk show`."""
    files: tuple[str, ...] = ()
    """The names of its files in the data folder that a backup has."""
    certificates: "Callable[[DataFolder, Settings], CertificateSource] | None" = None
    """What asks another CA for the server's certificate."""
    audit_events: tuple[StrEnum, ...] = ()
    """Its own kinds of audit events."""
    repeatable_events: frozenset[StrEnum] = frozenset()
    """Those of them that anyone can cause as often as they like."""


async def prepare_all(capabilities: Iterable[Capability], opened: Opened) -> Hooks:
    """Prepare each of them in turn. Raises SetupError if one can't."""
    hooks = Hooks()
    for one in capabilities:
        await one.prepare(opened, hooks)
    return hooks


async def start_all(capabilities: Sequence[Capability], parts: "Parts[Any, Any]") -> None:
    """Start each of them in turn. Raises SetupError if one can't start, or is missing though it is set."""
    refuse_unserved(capabilities, parts.settings)
    for one in capabilities:
        await one.start(parts, parts.hooks)


def refuse_unserved(capabilities: Iterable[Capability], settings: "Settings") -> None:
    """Raise SetupError if a setting is on that none of them serves."""
    served = {name for one in capabilities for name in one.serves}
    optional = {"listen.metrics": settings.listen.metrics, "listen.proxies": settings.listen.proxies}
    for name, value in optional.items():
        if value and name not in served:
            raise SetupError(
                f"{name} is set, but this server lacks the capability that serves it: "
                "leave it empty, or list the capability in the program"
            )


def operations_of(capabilities: Iterable[Capability]) -> "tuple[Operation, ...]":
    """Return the operations of the HTTPS API that they have."""
    return tuple(row for one in capabilities for row in one.operations())


def or_gives_of(
    capabilities: Iterable[Capability],
) -> "Mapping[str, tuple[HTTPStatus, type[Payload]]]":
    """Return the other successes of operations that they add."""
    return {name: gives for one in capabilities for name, gives in one.or_gives().items()}


def error_answers_of(capabilities: Iterable[Capability]) -> "Mapping[type[Exception], ErrorAnswer]":
    """Return how they answer errors."""
    return {kind: answer for one in capabilities for kind, answer in one.error_answers().items()}


def tables_of(capabilities: Iterable[Capability]) -> tuple[Tables, ...]:
    """Return the tables that they have."""
    return tuple(one.tables for one in capabilities if one.tables is not None)


def sections_of(capabilities: Iterable[Capability]) -> "dict[str, type[Section]]":
    """Return the sections of the settings that they have. Raises ProgramError for a name that two have."""
    found: dict[str, type[Section]] = {}
    for one in capabilities:
        for name, kind in one.sections().items():
            if name in found:
                raise ProgramError(f"{one.name}: another capability has a section {name}, too")
            found[name] = kind
    return found


def settings_of(settings: "type[_Settings]", capabilities: Sequence[Capability]) -> "type[_Settings]":
    """Return a program's settings with those of the capabilities. Raises ProgramError for a name twice."""
    from parlour_server.core.config.server_settings import with_keys, with_sections  # noqa: PLC0415 - loads msgspec

    for one in capabilities:
        settings = with_keys(settings, one.keys())
    return with_sections(settings, sections_of(capabilities))


def metrics_of(capabilities: Iterable[Capability]) -> "tuple[Metric, ...]":
    """Return what they show among the metrics."""
    return tuple(metric for one in capabilities for metric in one.metrics())
