"""The chat as a program of the kit: its names, settings, files, store, and what `init` makes.

It loads quickly, because every command of `parlour-server` needs it; ``start.py`` makes what a server runs.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import Capability
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.capability import ChatCapability, chat_served_by, store_parts_of, uploads_of
from parlour_server.chat.name import NAME
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_schema import CHAT_BOUNDS, SCHEMA
from parlour_server.chat.system_account import lobby, system_account
from parlour_server.core.clock import Clock
from parlour_server.core.data_folder import DataFolder, KeyFile, UploadFolder
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.schema import Schema

if TYPE_CHECKING:
    from http import HTTPStatus

    from parlour_protocol.kit.wire import Wire
    from parlour_server.app import finding
    from parlour_server.app.account_data import AccountData
    from parlour_server.app.parts import Parts
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.core.bus.bus import NoticeType
    from parlour_server.core.https.error_answer import ErrorAnswer
    from parlour_server.core.https.operations import Operation

_AFTER_RESTORE: Final = """\
The logs are another incarnation: everything is as it was at the backup. What to expect, and what to do:
- Messages that were sent since are not on this server. People's devices keep those that they have, and
  show that the server's history is older. Tell people before you start it.
- Anyone who was kicked or banned since is back: ask moderators to look at their rooms.
- Passwords, sessions, accounts and devices are as they were: end sessions that you ended since
  (`parlour-server session end`), disable accounts again (`parlour-server user disable`), and ask people
  to revoke lost devices again (`/devices`).
- Accounts that you deleted since are back, with their data, and addresses that you banned since are not
  banned: run `parlour-server user delete` and `parlour-server address ban` again for them.
- Don't run the old data folder again: two servers would tell two histories."""
_LOG_KEY: Final = "keylog.key"
"""The key that signs the head of the key log."""


def _make_log_key(path: Path) -> bool:
    from parlour_server.core.signatures import make_signing_key  # noqa: PLC0415 - loads cryptography

    return make_signing_key(path)


class ChatApp(BaseApp[ChatSettings, "ChatStore"]):
    """The chat."""

    keys = (KeyFile(_LOG_KEY, "key of the key log", _make_log_key),)
    signing_key_name = _LOG_KEY
    own_accounts = frozenset({system_account()})
    invite_roles = (Role.MODERATOR.value, Role.OWNER.value)
    link_fields = frozenset({"by"})
    tells_devices = True
    serves_capabilities = (Capability, ChatCapability)
    api_summary = (
        "Accounts, sessions, devices, groups and files; the chat itself is a WebSocket (asyncapi.json)."
    )
    bounds = CHAT_BOUNDS
    after_restore = _AFTER_RESTORE

    def __init__(
        self,
        capabilities: Sequence[Capability] = CAPABILITIES,
        own: Sequence[ChatCapability] = CHAT_CAPABILITIES,
    ) -> None:
        """``own`` are the capabilities that act in rooms, too."""
        super().__init__(NAME, ChatSettings, (*capabilities, *own))

    @property
    def uploads(self) -> UploadFolder | None:
        """The folder of uploaded files, if a capability has it."""
        return uploads_of(self.capabilities)

    @property
    def wire(self) -> "Wire[Any, Any]":
        """The frames of the chat."""
        from parlour_protocol.frames.wire import WIRE  # noqa: PLC0415 - loads the protocol

        return WIRE

    def own_schema(self) -> Schema:
        """Return the schema of the kit's tables and the chat's."""
        return SCHEMA

    def make_store(self, place: Path | Engine, clock: Clock, *, tells_by_bus: bool = False) -> "ChatStore":
        """Return the chat's store, not open yet, with what its capabilities have in it."""
        from parlour_server.chat.store.chat_store import ChatStore  # noqa: PLC0415 - not for every command

        return ChatStore(place, clock, tells_by_bus=tells_by_bus, parts=store_parts_of(self.capabilities))

    async def start(self, parts: "Parts[ChatSettings, ChatStore]") -> "Chat":
        """Start the chat. Raises SetupError."""
        from parlour_server.chat.start import start_chat  # noqa: PLC0415 - loads the whole server

        return await start_chat(parts, chat_served_by(self.capabilities))

    def operations(self) -> "tuple[Operation, ...]":
        """Return those of the delivery of keys."""
        from parlour_server.chat.delivery.https.operations import DELIVERY_OPERATIONS  # noqa: PLC0415 - loads the protocol

        return DELIVERY_OPERATIONS

    def error_answers(self) -> "Mapping[type[Exception], ErrorAnswer]":
        """Return how the HTTPS API answers the chat's errors."""
        from parlour_server.chat.delivery.https.error_answers import ERROR_ANSWERS  # noqa: PLC0415 - loads the protocol

        return ERROR_ANSWERS

    def error_statuses(self) -> "Mapping[str, HTTPStatus]":
        """Return the same for the chat's codes."""
        from parlour_server.chat.delivery.https.error_answers import ERROR_STATUSES  # noqa: PLC0415 - loads the protocol

        return ERROR_STATUSES

    def notices(self) -> "tuple[NoticeType[Any], ...]":
        """Return what its servers tell each other."""
        from parlour_server.chat.service.notices import NOTICES  # noqa: PLC0415 - loads the protocol

        return NOTICES

    def audit_events(self) -> tuple[StrEnum, ...]:
        """Return what happens to rooms, devices and groups."""
        from parlour_server.chat.audit import ChatAuditEvent  # noqa: PLC0415 - for a server
        from parlour_server.chat.delivery.audit_events import DeliveryEvent  # noqa: PLC0415

        return (*ChatAuditEvent, *DeliveryEvent)

    def repeatable_events(self) -> frozenset[StrEnum]:
        """Return the refusals among them."""
        from parlour_server.chat.delivery.audit_events import REPEATABLE  # noqa: PLC0415 - for a server

        return REPEATABLE

    async def first_run(self, _folder: DataFolder, store: "ChatStore", clock: Clock) -> list[str]:
        """Create the system account and the lobby."""
        from parlour_server.chat.first_run import make_system_account_and_lobby  # noqa: PLC0415 - for `init`

        return await make_system_account_and_lobby(store, clock)

    async def account_made(self, store: "ChatStore", clock: Clock, user: UserName, role: str) -> None:
        """Let someone who has registered into the lobby."""
        from parlour_server.chat.service.lobby import enter_lobby  # noqa: PLC0415 - not for every command

        await enter_lobby(store, clock, user, role)

    def account_data(self) -> "AccountData[ChatStore] | None":
        """Return what deletes and exports what the chat has of an account, if a capability does."""
        found = (served.account_data for served in chat_served_by(self.capabilities))
        return next((data for data in found if data is not None), None)

    async def account_facts(self, store: "ChatStore") -> Mapping[UserName, Mapping[str, Any]]:
        """Return roles in the lobby, devices, and when they were last seen."""
        return await store.rooms.people(lobby())

    def findings(self, folder: DataFolder, engine: Engine | None) -> "list[finding.Finding]":
        """`doctor`: look at the key log, and whether someone owns the lobby."""
        from parlour_server.chat.findings import find_all  # noqa: PLC0415 - for `doctor` only

        return find_all(folder, engine)

    async def prune(self, store: "ChatStore", settings: ChatSettings, clock: Clock) -> int:
        """Remove what capabilities remove over time; returns from how many rooms."""
        served = chat_served_by(self.capabilities)
        return sum([await part.prune(store, settings, clock) for part in served if part.prune is not None])

    def pruned_text(self, rooms: int) -> str:
        """Return what that was."""
        return f", and messages of {rooms} room{'' if rooms == 1 else 's'}"


CHAT: Final = ChatApp()
