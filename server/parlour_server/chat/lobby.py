"""The lobby: the public room that every new account joins, with the role that its invite has."""

from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined, RoleSet
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.notices import EventCommitted
from parlour_server.kit.bus.bus import Bus
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import RefusedError, UnavailableError
from parlour_server.rooms.operator_rules import decide_appointment
from parlour_server.store.interface import Store
from parlour_server.store.types import AppendEvent, Facts
from parlour_server.system_account import lobby, system_account, system_device

INVITE_ROLES: Final = (Role.MODERATOR.value, Role.OWNER.value)
"""The roles in the lobby that an invite can give."""


async def enter_lobby(store: Store, bus: Bus, clock: Clock, user: UserName, role: str) -> None:
    """Add a new account to the lobby, and give it this role there, if it is not empty.

    If that fails, its owner can still join by hand, and the operator can appoint them.
    """
    room = await store.rooms.find_public(lobby())
    if room is None:  # the operator removed the lobby
        return
    event = AppendEvent(room, user, system_device(), new_request_id(), clock.now(), Joined(), None)
    try:
        appended = await store.log.append(event, _anyone_may_join)
    except (RefusedError, UnavailableError):
        return
    bus.publish(EventCommitted(appended.event))
    if not role:
        return
    body = RoleSet(user, Role(role))
    event = AppendEvent(room, system_account(), system_device(), new_request_id(), clock.now(), body, None)
    try:
        appended = await store.log.append(event, decide_appointment)
    except (RefusedError, UnavailableError):
        return
    bus.publish(EventCommitted(appended.event))


def _anyone_may_join(_: AppendEvent, facts: Facts) -> None:
    """Allow joining a public room that the account is not in already."""
    if facts.kind is not RoomKind.PUBLIC or facts.author is not None:
        raise RefusedError(ErrorCode.ALREADY)
