"""The operator of a cluster, who types commands while the nodes run. What they do is recorded as well."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from tests.cluster.records import Call, Outcome
from tests.cluster.world import World, now
from tools.cluster.node import Node
from tools.cluster.process import ProcessError

from parlour_protocol.frames.bodies import AnyBody, Archived, RoleSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import SessionId, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import Role

_HELD_SECONDS: Final = 1.5
_PAUSE_SECONDS: Final = 2.0


class Operator:
    """Runs `parlour-server` commands on a data folder of the cluster."""

    def __init__(self, world: World, node: Node, name: str, chance: Random) -> None:
        """``name``: whom the log has as the author of what commands do."""
        self._world = world
        self._node = node
        self._name = name
        self._chance = chance
        world.history.operator = name

    async def run(
        self, stop: asyncio.Event, people: list[str], write: Callable[[RoomId], Awaitable[object]]
    ) -> None:
        """Archive rooms and appoint moderators, until told to stop; ``write``: let someone try to."""
        while not stop.is_set():
            room = self._chance.choice(self._world.public)
            if self._chance.random() < 0.5 or not people:
                await self.archive(room, on=True)
                await write(room)
                await asyncio.sleep(_HELD_SECONDS)
                await self.archive(room, on=False)
            else:
                who = self._chance.choice(people)
                await self.appoint(room, who, Role.MODERATOR)
                await asyncio.sleep(_HELD_SECONDS)
                await self.appoint(room, who, Role.MEMBER)
            try:
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass

    async def archive(self, room: RoomId, *, on: bool) -> Outcome:
        """Archive a room, or make it active again."""
        return await self._command(room, Archived(on=on), "room", "archive" if on else "unarchive", room)

    async def appoint(self, room: RoomId, who: str, role: Role) -> Outcome:
        """Give someone a role."""
        body = RoleSet(parse_user_name(who), role)
        return await self._command(room, body, "room", "appoint", room, who, "--role", role.value)

    async def end_session(self, who: str, session: SessionId) -> bool:
        """End a session; return whether the command succeeded."""
        try:
            await self._node.command("session", "end", who, session)
        except ProcessError:
            return False
        return True

    async def _command(self, room: RoomId, body: AnyBody, *arguments: str) -> Outcome:
        """Run a command, and record it. One that failed may have been done."""
        began, outcome = now(), Outcome.OK
        try:
            await self._node.command(*arguments)
        except ProcessError:
            outcome = Outcome.UNKNOWN
        self._world.history.calls.append(
            Call(
                request=new_request_id(),
                user=self._name,
                session="",
                room=room,
                began=began,
                ended=now(),
                outcome=outcome,
                nodes=(),
                body=body,
            )
        )
        return outcome
