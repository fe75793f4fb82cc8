"""The lobby: the public room that every new account joins, with the role that its invite has."""

from contextlib import suppress
from typing import TYPE_CHECKING

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined, RoleSet
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.rooms.operator_rules import decide_appointment
from parlour_server.chat.store.types import AppendEvent, RoomFacts
from parlour_server.chat.system_account import lobby, system_account, system_device
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from parlour_server.chat.store.chat_store import ChatStore


async def enter_lobby(store: "ChatStore", clock: Clock, user: UserName, role: str) -> None:
    """Add a new account to the lobby, and give it this role there, if it is not empty.

    If that fails, its owner can still join by hand, and the operator can appoint them: the account is made.
    """
    with suppress(RefusedError, UnavailableError):
        room = await store.rooms.find_public(lobby())
        if room is None:  # the operator removed the lobby
            return
        joined = AppendEvent(room, user, system_device(), new_request_id(), clock.now(), Joined(), None)
        await store.log.commit(joined, _anyone_may_join)
        if role:
            body, by = RoleSet(user, Role(role)), system_account()
            given = AppendEvent(room, by, system_device(), new_request_id(), clock.now(), body, None)
            await store.log.commit(given, decide_appointment)


def _anyone_may_join(_: AppendEvent, facts: RoomFacts) -> None:
    """Allow joining a public room that the account is not in already."""
    if facts.kind is not RoomKind.PUBLIC or facts.author is not None:
        raise RefusedError(ErrorCode.ALREADY)
