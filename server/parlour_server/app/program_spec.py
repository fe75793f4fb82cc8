"""What the parts of a server that work without a running program know of it: names, settings, files, store.

The command line, `init`, `doctor`, backups and the composition root take a ``ProgramSpec``; nothing else in
the kit knows which program it serves.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from parlour_protocol.kit.names import PSEUDONYM, NameReason, NameRefusedError, UserName, skeleton
from parlour_server.app.capability import Capability
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder, KeyFile, UploadFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.schema import Schema

if TYPE_CHECKING:
    from parlour_protocol.kit.inspect import Inspector
    from parlour_server.app.account_data import AccountData
    from parlour_server.app.finding import Finding
    from parlour_server.app.hooks import Hooks
    from parlour_server.app.served_program import ServedProgram
    from parlour_server.core.bus.bus import Bus
    from parlour_server.core.kit_store import KitStore

_Settings = TypeVar("_Settings", bound=Settings)
_Store = TypeVar("_Store", bound="KitStore")


async def _make_nothing(_folder: DataFolder, _store: object, _clock: Clock) -> list[str]:
    return []


def _no_data() -> "AccountData[Any]":
    from parlour_server.app.account_data import NO_DATA  # noqa: PLC0415 - for two commands

    return NO_DATA


async def _know_nothing(_store: object) -> Mapping[UserName, Mapping[str, Any]]:
    return {}


async def _ignore_account(_store: object, _bus: "Bus", _clock: Clock, _user: UserName, _role: str) -> None:
    return


async def _prune_nothing(_store: object, _settings: object, _clock: Clock) -> int:
    return 0


def _say_nothing(_removed: int) -> str:
    return ""


def _find_nothing(_folder: DataFolder, _engine: Engine | None) -> "list[Finding]":
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSpec(Generic[_Settings, _Store]):
    """A program, as its server's commands need to know it."""

    name: ProgramName
    served: "Callable[[], ServedProgram[_Settings, _Store]]"
    """Returns what only its server needs, which loads more than commands do."""
    settings: type[_Settings]
    schema: Schema
    make_store: Callable[[Engine, Clock, bool], _Store]
    """Return the store, not open yet. True for a server, which publishes each change on the bus itself."""
    capabilities: tuple[Capability, ...] = ()
    """What its server can do beside the core."""
    keys: tuple[KeyFile, ...] = ()
    signing_key_name: str = "audit.key"
    """The file with the key that signs what its server records; may be one of ``keys``."""
    uploads: UploadFolder | None = None
    own_accounts: frozenset[UserName] = frozenset()
    """Accounts of the program itself: no one can register names like theirs, and no list shows them."""
    first_run: Callable[[DataFolder, _Store, Clock], Awaitable[list[str]]] = _make_nothing
    """`init`, with the open store: create what is missing; returns what it created."""
    invite_roles: tuple[str, ...] = ()
    """The roles that an invite can give to the accounts it creates (`invite create --role`)."""
    account_made: "Callable[[_Store, Bus, Clock, UserName, str], Awaitable[None]]" = _ignore_account
    """A person has registered, with an invite of this role or of none. It must not raise: they exist."""
    account_data: "Callable[[], AccountData[_Store] | None]" = _no_data
    """Returns what it has of an account, for `user delete` and `user export`.

    None: some, and it can do neither.
    """
    account_facts: Callable[[_Store], Awaitable[Mapping[UserName, Mapping[str, Any]]]] = _know_nothing
    """`user list`: `role`, `devices` and `last_seen` of accounts, where the program knows them."""
    findings: "Callable[[DataFolder, Engine | None], list[Finding]]" = _find_nothing
    """`doctor`: what it finds in the program's own files, and in a database that can be read."""
    bounds: Mapping[str, str] = field(default_factory=dict)
    """`disk show`: what bounds each of its own tables, in a few words."""
    prune: Callable[[_Store, _Settings, Clock], Awaitable[int]] = _prune_nothing
    """`disk prune`: remove what the running program removes over time; returns how much."""
    pruned_text: Callable[[int], str] = _say_nothing
    """What that was, to follow `removed 5 expired rows`."""
    commands: tuple[click.Command, ...] = ()
    """Of its command line, besides those of every server, which one of the same name replaces."""
    link_fields: frozenset[str] = frozenset()
    """Fields of its own that an invite link may have."""
    inspectors: "tuple[Inspector, ...]" = ()
    """Its own inspectors, always on: functions of its modules, which run in a process of their own."""
    tells_devices: bool = False
    """Whether people's own devices get what the operator wants of them (``Hooks.device_policy``)."""
    after_restore: str = "Everything is as it was at the backup; later changes are lost."
    """`backup restore`: what operators should expect and do, as they read it."""

    def folder(self, path: Path) -> DataFolder:
        """Return the data folder at ``path``."""
        others = tuple(name for one in self.capabilities for name in one.files)
        return DataFolder(path, self.name, self.keys, self.uploads, self.signing_key_name, others)

    def refuse_ignored(self, hooks: "Hooks") -> None:
        """Raise SetupError for a safeguard that was asked for, and that nothing would carry out."""
        if self.inspectors and hooks.content_filter is None:
            names = ", ".join(getattr(one, "__name__", str(one)) for one in self.inspectors)
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
        """Raise NameRefusedError for a name like that of an account of the program's own, or a pseudonym."""
        look = skeleton(user)
        if look.startswith(skeleton(PSEUDONYM)) or any(look == skeleton(own) for own in self.own_accounts):
            raise NameRefusedError(NameReason.RESERVED)
