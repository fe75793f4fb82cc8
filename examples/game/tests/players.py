"""People at tables, as the tests tell of them."""

from collections.abc import Awaitable, Callable
from typing import Final

from parlour_protocol.kit.frames import Answer, Error, Ok
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_server.testing.server import Person, Socket

from game.frames import Follow, Play, Played, Steps, Table
from game.rules import Act, Drop, Step

ANNA_1: Final = Table(parse_user_name("anna"), 1)


class Player:
    """Someone with a connection."""

    def __init__(self, person: Person, socket: Socket) -> None:
        self.person = person
        self.socket = socket

    async def ask(self, act: Act, table: Table = ANNA_1) -> Answer:
        """Do something at a table, and return the answer."""
        return await self.socket.ask(Play(new_request_id(), table, act))

    async def do(self, *acts: Act) -> None:
        """Do something that is allowed."""
        for act in acts:
            answer = await self.ask(act)
            assert isinstance(answer, Ok), answer

    async def refused(self, act: Act) -> str:
        """Do something that is not; return why."""
        answer = await self.ask(act)
        assert isinstance(answer, Error), answer
        return answer.hint

    async def follow(self, after: int = 0, table: Table = ANNA_1) -> list[Step]:
        """Follow a table; return the steps that this brings."""
        answer = await self.socket.ask(Follow(new_request_id(), table, Seq(after)))
        assert isinstance(answer, Ok), answer
        assert isinstance(answer.result, Steps)
        return list(answer.result.steps)

    async def step(self) -> Step:
        """Return the next step that is pushed."""
        while not isinstance(push := await self.socket.push(), Played):
            pass
        return push.step

    async def reconnect(self) -> None:
        """Lose the connection, and make another."""
        await self.socket.abort()
        self.socket = await self.person.connect()


Join = Callable[[str], Awaitable[Player]]


async def take_turns(first: Player, second: Player, columns: str) -> None:
    """Drop discs, by turns."""
    for number, column in enumerate(columns):
        await (second if number % 2 else first).do(Drop(int(column)))
