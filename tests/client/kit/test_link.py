# ruff: noqa: S311, PERF401 - chance of the test's own; a stream is read step by step
"""The connection of a program that is no chat, over sockets in memory: a game."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import ClassVar

import pytest
from tests.client.core.core_fake import FakeClock
from tests.protocol.kit.programs import (
    GAME,
    AnyMove,
    AnyResult,
    GameOver,
    ListMoves,
    Lobby,
    Move,
    Moves,
    TurnTaken,
)

from parlour_client.kit.account.profile import Profile
from parlour_client.kit.account.second_factor import FactorDialog
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import (
    LoginRefusedError,
    RefusedError,
    ServerMisbehavedError,
    SetupError,
    StoppedError,
    UnreachableError,
)
from parlour_client.kit.link import Link
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import SESSION_ENDED, TOO_FAST
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

PROFILE = Profile(
    server="test:8443",
    user=parse_user_name("alice"),
    device=parse_device_name("laptop"),
    session=Secret("first"),
)
AnyPush = TurnTaken | GameOver
GameLink = Link[Lobby, AnyMove, AnyResult, AnyPush]


class GameSocket:
    """One connection: the server greets, and answers as the test says."""

    security = "in memory"
    closed: int | None = None
    """The code with which sending fails, though nothing more is received."""

    def __init__(self, server: "GameServer") -> None:
        self._server = server
        self._inbox: asyncio.Queue[bytes | int | None] = asyncio.Queue()
        self.say(Lobby(tables=(1,)))

    def say(self, frame: Frame) -> None:
        self._inbox.put_nowait(encode(frame))

    def say_raw(self, data: bytes) -> None:
        self._inbox.put_nowait(data)

    def end(self, code: int | None = None) -> None:
        self._inbox.put_nowait(code)

    async def receive(self) -> bytes:
        data = await self._inbox.get()
        if isinstance(data, bytes):
            return data
        raise SocketClosedError(data)

    async def send(self, data: bytes) -> None:
        if self.closed is not None:
            raise SocketClosedError(self.closed)
        self._server.received(self, GAME.decode_request(data))

    async def close(self) -> None:
        return


class GameServer:
    """Answers moves with a refusal, and lists none."""

    def __init__(self) -> None:
        self.sockets: list[GameSocket] = []
        self.sessions: list[str] = []
        self.heard: list[AnyMove] = []
        self.early: list[Frame] = []
        """Pushes that come with the greeting."""

    def dial(self, current: Callable[[], Profile]) -> Callable[[], "asyncio.Future[GameSocket]"]:
        async def dial() -> GameSocket:
            self.sessions.append((current().session or Secret("")).reveal())
            self.sockets.append(GameSocket(self))
            for push in self.early:
                self.sockets[-1].say(push)
            return self.sockets[-1]

        return lambda: asyncio.ensure_future(dial())

    def received(self, socket: GameSocket, request: AnyMove) -> None:
        self.heard.append(request)
        if isinstance(request, ListMoves):
            socket.say(GAME.ok(request.id, Moves(turns=())))
        elif isinstance(request, Move):
            socket.say(GAME.error(request.id, "not_your_turn", ReasonText.parse("wait \u2066for bob")))


class Store:
    """A saved login in memory."""

    def __init__(self) -> None:
        self.profile = PROFILE

    async def load(self) -> Profile:
        return self.profile

    async def save(self, profile: Profile) -> None:
        self.profile = profile


class GameRefusedError(RefusedError):
    """A refusal in the game's own words."""

    words: ClassVar[Mapping[str, str]] = {"not_your_turn": "It is not your turn."}


class Rig:
    """A link to the game's server."""

    def __init__(self) -> None:
        self.server = GameServer()
        self.clock = FakeClock()
        self.greeted: list[Lobby] = []
        self.states: list[LinkState] = []
        self.link = self.make(self.on_connected)

    def make(
        self, on_connected: Callable[[Lobby], Awaitable[None]]
    ) -> Link[Lobby, AnyMove, AnyResult, AnyPush]:
        """Return a link that catches up so."""
        return GameLink(
            SignIn(Store()),
            PROFILE,
            GAME,
            on_connected=on_connected,
            on_status=lambda status: self.states.append(status.state),
            refused=GameRefusedError,
            clock=self.clock,
            chance=Random(3),
            dial=self.server.dial,
        )

    async def on_connected(self, lobby: Lobby) -> None:
        self.greeted.append(lobby)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let time pass until something is so."""
        async with asyncio.timeout(60):
            while not reached():
                self.clock.advance(1)
                await asyncio.sleep(0)


@pytest.fixture
async def rig() -> Rig:
    """Return a link that is not entered yet."""
    return Rig()


def a_move() -> Move:
    """Return a move."""
    return Move(id=new_request_id(), table=1, square=4)


async def test_a_request_is_answered_with_the_program_s_own_result(rig: Rig) -> None:
    """The result is typed by the program's union."""
    async with rig.link:
        await rig.link.connected()
        assert await rig.link.ask(ListMoves(id=new_request_id(), table=1, after=Seq(0))) == Moves(turns=())


async def test_a_refusal_is_raised_in_the_program_s_words(rig: Rig) -> None:
    """The code is the program's; the server's hint is made safe."""
    async with rig.link:
        await rig.link.connected()
        with pytest.raises(GameRefusedError, match="not your turn") as refused:
            await rig.link.ask(a_move())
    assert refused.value.code == "not_your_turn"
    assert "\u2066" not in refused.value.hint


async def test_nothing_is_sent_while_offline(rig: Rig) -> None:
    """A request raises at once instead of waiting for ever."""
    with pytest.raises(UnreachableError):
        await rig.link.ask(a_move())
    assert rig.server.heard == []


async def test_what_was_missed_is_fetched_before_pushes_are_delivered(rig: Rig) -> None:
    """A push that came with the greeting waits for ``on_connected``."""
    order: list[str] = []
    rig.server.early = [GameOver()]

    async def catch_up(_: Lobby) -> None:
        await rig.link.ask(ListMoves(id=new_request_id(), table=1, after=Seq(0)))
        order.append("caught up")

    rig.link = link = rig.make(catch_up)
    link.subscribe(lambda push: order.append(type(push).__name__))
    async with link:
        await rig.until(lambda: len(order) == 2)
    assert order == ["caught up", "GameOver"]


async def test_a_lost_connection_is_opened_again_and_resumed(rig: Rig) -> None:
    """Each connection is greeted and catches up; requests go to the new one."""
    async with rig.link:
        await rig.link.connected()
        rig.server.sockets[0].end(TOO_FAST)
        await rig.until(lambda: len(rig.greeted) == 2)
        assert await rig.link.ask(ListMoves(id=new_request_id(), table=1, after=Seq(0))) == Moves(turns=())
    assert LinkState.OFFLINE in rig.states
    assert len(rig.server.sockets) == 2


async def test_after_the_session_has_ended_it_waits_for_another_login(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is tried meanwhile; then it connects with the new session."""

    async def log_in_again(sign_in: SignIn, password: Secret, _dialog: FactorDialog) -> Profile:
        if password != Secret("right"):
            raise LoginRefusedError("Wrong name or password.", "login_refused")
        profile = Profile(
            server="test:8443", user=PROFILE.user, device=PROFILE.device, session=Secret("second")
        )
        await sign_in.store.save(profile)
        return profile

    monkeypatch.setattr(SignIn, "log_in_again", log_in_again)
    async with rig.link:
        await rig.link.connected()
        with pytest.raises(SetupError, match="already logged in"):
            await rig.link.log_in_again(Secret("right"))
        rig.server.sockets[0].end(SESSION_ENDED)
        await rig.until(lambda: rig.link.status.session_ended)
        with pytest.raises(LoginRefusedError):
            await rig.link.log_in_again(Secret("wrong"))
        assert len(rig.server.sockets) == 1
        await rig.link.log_in_again(Secret("right"))
        await rig.until(lambda: len(rig.greeted) == 2)
    assert rig.server.sessions == ["first", "second"]


async def test_a_request_that_meets_the_end_of_the_session_does_not_hide_it(rig: Rig) -> None:
    """The socket knows why it was closed; the request, only that there is no answer."""

    async def catch_up(_: Lobby) -> None:
        rig.server.sockets[-1].closed = SESSION_ENDED
        await rig.link.ask(ListMoves(id=new_request_id(), table=1, after=Seq(0)))

    rig.link = rig.make(catch_up)
    async with rig.link:
        await rig.until(lambda: rig.link.status.session_ended or len(rig.server.sockets) > 1)
        assert len(rig.server.sockets) == 1


async def test_a_frame_of_another_program_ends_the_connection(rig: Rig) -> None:
    """F8: it is tried again, and the problem is told in words of ours."""
    async with rig.link:
        await rig.link.connected()
        rig.server.sockets[0].say_raw(b'{"type": "price", "symbol": "ACME", "cents": 1}')
        await rig.until(lambda: len(rig.server.sockets) == 2)
        assert isinstance(rig.link.reconnector.error, ServerMisbehavedError | None)
        await rig.until(lambda: len(rig.greeted) == 2)


async def test_pushes_are_a_stream(rig: Rig) -> None:
    """In order, until the link is left."""
    rig.link.subscribe(lambda _: None)
    seen: list[object] = []

    async def read() -> None:
        async for push in rig.link.pushes():
            seen.append(push)

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    async with rig.link:
        await rig.link.connected()
        rig.server.sockets[0].say(GameOver(winner=PROFILE.user))
        await rig.until(lambda: len(seen) == 1)
    await asyncio.wait_for(reading, 60)
    assert seen == [GameOver(winner=PROFILE.user)]


async def test_a_fault_of_the_program_is_raised_and_no_one_waits(rig: Rig) -> None:
    """A callback that fails ends the link; waiting for it fails, too."""

    async def broken(_: Lobby) -> None:
        raise ZeroDivisionError

    link = rig.make(broken)

    async def run() -> None:
        async with link:
            with pytest.raises(StoppedError):
                await link.connected()

    with pytest.raises(ZeroDivisionError):
        await run()
    assert link.status.state is LinkState.STOPPED


async def test_who_waits_for_the_end_of_a_link_that_is_left_goes_on(rig: Rig) -> None:
    """Leaving it is an end like any other: no error, and the one who waits is not cancelled."""
    async with rig.link:
        await rig.link.connected()
        waiting = asyncio.ensure_future(rig.link.ended())
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting, 60)
