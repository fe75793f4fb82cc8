"""A program as its server and its commands see it: names, settings, files, store, and how it starts.

``App`` is one that is made of handlers; the chat is another. The command line, `init`, `doctor`, backups and
the composition root take any; nothing else in the kit knows which program it serves.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.names import PSEUDONYM, NameReason, NameRefusedError, UserName, skeleton
from parlour_server.app.capability import Capability, Installed, served_by, settings_of, tables_of
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder, KeyFile, UploadFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.schema import Schema
from parlour_server.core.store.table_facts import KIT_BOUNDS

if TYPE_CHECKING:
    from http import HTTPStatus

    from parlour_protocol.kit.inspect import Inspector
    from parlour_protocol.kit.wire import Wire
    from parlour_server.app import finding
    from parlour_server.app.account_data import AccountData
    from parlour_server.app.hooks import Hooks
    from parlour_server.app.parts import Parts
    from parlour_server.core.bus.bus import NoticeType
    from parlour_server.core.https.error_answer import ErrorAnswer
    from parlour_server.core.https.mount import Mount
    from parlour_server.core.https.operations import Operation, Operations
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.program import Program

_Settings = TypeVar("_Settings", bound=Settings)
_Store = TypeVar("_Store", bound="KitStore")


class BaseApp(ABC, Generic[_Settings, _Store]):
    """A program. What a subclass leaves out is safe.

    The methods that only a server or a few commands call import what they need when they are called.
    """

    keys: tuple[KeyFile, ...] = ()
    signing_key_name: str = "audit.key"
    """The file with the key that signs what its server records; may be one of ``keys``."""
    own_accounts: frozenset[UserName] = frozenset()
    """Accounts of the program itself: no one can register names like theirs, and no list shows them."""
    invite_roles: tuple[str, ...] = ()
    """The roles that an invite can give to the accounts it creates (`invite create --role`)."""
    link_fields: frozenset[str] = frozenset()
    """Fields of its own that an invite link may have."""
    commands: tuple[click.Command, ...] = ()
    """Of its command line, besides those of every server, which one of the same name replaces."""
    inspectors: "tuple[Inspector, ...]" = ()
    """Its own inspectors, always on: functions of its modules, which run in a process of their own."""
    mounts: "tuple[Mount, ...]" = ()
    """Apps of its own beside the HTTPS API, with their paths."""
    tells_devices: bool = False
    """Whether people's own devices get what the operator wants of them (``Hooks.device_policy``)."""
    api_summary: str = "Accounts and sessions; the program itself is a WebSocket."
    bounds: Mapping[str, str] = MappingProxyType({})
    """`disk show`: what bounds each of its own tables, in a few words."""
    after_restore: str = "Everything is as it was at the backup; later changes are lost."
    """`backup restore`: what operators should expect and do, as they read it."""
    installed: tuple[Installed, ...] = ()
    """The capabilities that the configuration names (``use_installed``)."""
    serves_capabilities: tuple[type[Capability], ...] = (Capability,)
    """The kinds of capabilities that it serves whole."""

    def __init__(
        self, name: ProgramName, settings: type[_Settings], capabilities: Sequence[Capability]
    ) -> None:
        """Take its own ``settings``, and the ``capabilities`` that its server has beside the core."""
        self.name = name
        self.capabilities = self._own_capabilities = tuple(capabilities)
        self._own_settings = settings

    def use_installed(self, installed: Sequence[Installed]) -> None:
        """Have these capabilities, besides those that it has itself: for the folder of a command.

        Raises SetupError for one of another kind of program, parts of which would do nothing.
        """
        for one in installed:
            if type(one.capability) not in self.serves_capabilities:
                raise SetupError(
                    f"the capability {one.capability.name} of {one.package} is not for {self.name.title}: "
                    "remove it from capabilities.packages"
                )
        if self.installed != (installed := tuple(installed)):
            self.installed = installed
            self.capabilities = (*self._own_capabilities, *(one.capability for one in installed))
            for of_capabilities in ("settings_type", "schema"):
                vars(self).pop(of_capabilities, None)

    @property
    @abstractmethod
    def wire(self) -> "Wire[Any, Any]":
        """The frames between its clients and its server."""

    @abstractmethod
    def own_schema(self) -> Schema:
        """Return the schema of the kit's tables and its own, without those of capabilities."""

    @abstractmethod
    def make_store(self, place: Path | Engine, clock: Clock, *, tells_by_bus: bool = False) -> _Store:
        """Return the store, not open yet. ``tells_by_bus``: a server, which publishes each change itself."""

    @abstractmethod
    async def start(self, parts: "Parts[_Settings, _Store]") -> "Program[Any]":
        """Start with a server; returns what its connections speak with. Raises SetupError.

        What handles its operations is added to ``parts.hooks``.
        """

    @property
    def uploads(self) -> UploadFolder | None:
        """The folder of files that people uploaded, if they can."""
        return None

    @cached_property
    def settings_type(self) -> type[_Settings]:
        """Its settings, with those of its capabilities. Raises ProgramError for a name that two have."""
        return settings_of(self._own_settings, self.capabilities)

    @cached_property
    def schema(self) -> Schema:
        """The schema of its database. Raises ProgramError for a table that two have."""
        own = self.own_schema()
        taken = {*KIT_BOUNDS, *self.bounds, *own.bounds}
        for capability in self.capabilities:
            names = set() if capability.tables is None else set(capability.tables.bounds)
            if twice := names & taken:
                raise ProgramError(
                    f"the capability {capability.name} has a table {min(twice)}, which is there already"
                )
            taken |= names
        return replace(own, capabilities=(*own.capabilities, *tables_of(self.capabilities)))

    def check(self) -> None:
        """Raise ProgramError for a program that is not complete."""

    def operations(self) -> "tuple[Operation, ...]":
        """Return those of the HTTPS API that are its own. Each needs a handler."""
        return ()

    def all_operations(self) -> "Operations":
        """Return those of every server, its own, and those of its capabilities.

        Raises ProgramError for two of the same name, path or body.
        """
        from parlour_server.core.https.operations import Operations  # noqa: PLC0415 - see the class

        added = served_by(self.capabilities)
        return Operations(
            (*self.operations(), *(row for capability in added for row in capability.operations)),
            {name: gives for capability in added for name, gives in capability.or_gives.items()},
            self.api_summary,
        )

    def error_answers(self) -> "Mapping[type[Exception], ErrorAnswer]":
        """Return how the HTTPS API answers errors that are not the kit's."""
        return {}

    def error_statuses(self) -> "Mapping[str, HTTPStatus]":
        """Return the same for codes of ``RefusedError``; without a row 409."""
        return {}

    def notices(self) -> "tuple[NoticeType[Any], ...]":
        """Return the notifications that its servers send each other over the bus."""
        return ()

    def audit_events(self) -> tuple[StrEnum, ...]:
        """Return its own kinds of audit events."""
        return ()

    def repeatable_events(self) -> frozenset[StrEnum]:
        """Return those of them that anyone can cause as often as they like."""
        return frozenset()

    async def first_run(self, _folder: DataFolder, _store: _Store, _clock: Clock) -> list[str]:
        """`init`, with the open store: create what is missing; returns what it created."""
        return []

    async def account_made(self, _store: _Store, _clock: Clock, _user: UserName, _role: str) -> None:
        """Someone has registered, with an invite of this role or of none. It must not raise: they exist."""
        return

    def account_data(self) -> "AccountData[_Store] | None":
        """Return what it has of an account, for `user delete` and `user export`; None: they don't work."""
        return None

    async def account_facts(self, _store: _Store) -> Mapping[UserName, Mapping[str, Any]]:
        """`user list`: return `role`, `devices` and `last_seen` of accounts, where it knows them."""
        return {}

    def findings(self, _folder: DataFolder, _engine: Engine | None) -> "list[finding.Finding]":
        """`doctor`: return what is found in its own files, and in a database that can be read."""
        return []

    async def prune(self, _store: _Store, _settings: _Settings, _clock: Clock) -> int:
        """`disk prune`: remove what a running server removes over time; returns how much."""
        return 0

    def pruned_text(self, _removed: int) -> str:
        """Return what that was, to follow `removed 5 expired rows`."""
        return ""

    def folder(self, path: Path) -> DataFolder:
        """Return the data folder at ``path``."""
        others = tuple(name for capability in self.capabilities for name in capability.files)
        return DataFolder(path, self.name, self.keys, self.uploads, self.signing_key_name, others)

    def refuse_ignored(self, hooks: "Hooks") -> None:
        """Raise SetupError for a safeguard that was asked for, and that nothing would carry out."""
        if self.inspectors and hooks.content_filter is None:
            names = ", ".join(getattr(inspector, "__name__", str(inspector)) for inspector in self.inspectors)
            raise SetupError(
                f"{self.name.title} has inspectors of its own ({names}), and no capability that runs them:"
                " add that to App(…, capabilities=…), or remove them"
            )
        if hooks.device_policy is not None and not self.tells_devices:
            raise SetupError(
                f"{hooks.device_policy.setting} is on, but {self.name.title} has nothing that it could tell"
                " to people's devices: turn it off"
            )

    def refuse_reserved(self, user: UserName) -> None:
        """Raise NameRefusedError for a name like that of an account of the program's own, or a pseudonym.

        The endings that a capability keeps for its accounts are refused, too.
        """
        look = skeleton(user)
        kept = tuple(skeleton(ending) for each in self.capabilities for ending in each.name_endings)
        if kept and look.endswith(kept):
            raise NameRefusedError(NameReason.RESERVED)
        if look.startswith(skeleton(PSEUDONYM)) or any(look == skeleton(own) for own in self.own_accounts):
            raise NameRefusedError(NameReason.RESERVED)
