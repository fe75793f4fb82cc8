"""Roles: a request is for those who have its role now, whatever a connection was allowed before."""

import asyncio
import json
import tarfile
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from parlour_protocol.kit.errors import ErrorCode, ProgramError
from parlour_protocol.kit.frames import Error, Ok, Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.log.log import Facts
from parlour_server.app.roles import Roles
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.audit import AuditEvent
from parlour_server.core.connections.peer import Peer
from parlour_server.core.https.operations import Operation
from parlour_server.core.https.problems import nothing
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.program import Pending
from parlour_server.testing.server import Person, Socket, World, running


class Say(Request, frozen=True, tag="say"):
    """For everyone."""


class Watch(Request, frozen=True, tag="watch"):
    """Follow what moderators see."""


class Strike(Request, frozen=True, tag="strike"):
    """Append; moderators only."""


class Raise(Request, frozen=True, tag="raise"):
    """Make bea a moderator, or an owner."""

    owner: bool = False


class Invite(Request, frozen=True, tag="invite"):
    """Invite an owner."""

    uses: Count = 1
    days: Count = 7


class Seen(Push, frozen=True, tag="seen"):
    """What moderators see."""


class Note(Payload, frozen=True):
    """A body."""


ENDED: Final = asyncio.Event()


class Told:
    """A subscription that tells of its end."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told)

    def __hash__(self) -> int:
        return 1

    def add(self, _peer: Peer[Any]) -> None:
        """Begin."""

    def remove(self, _peer: Peer[Any]) -> None:
        """End."""
        ENDED.set()


BEA = parse_user_name("bea")


def program() -> App[None]:
    """Return a program whose handlers check nothing."""
    app: App[None] = App(
        Wire("desk.v1", requests=Say | Watch | Strike | Raise | Invite, pushes=Seen),
        messages_per_minute=1_000,
    )
    log = app.log("desk", body=str, state=int, push=lambda _: Seen())

    @app.on(Say, role="member")
    def say(_peer: Peer[None], _ask: Say) -> None:
        app.topic("moderators").publish(Seen())

    @app.on(Watch, role="moderator")
    async def watch(peer: Peer[None], _ask: Watch) -> None:
        peer.add(app.topic("moderators"), Told())
        await log.follow(peer, "desk", after=Seq(0))

    @app.on(Strike, role="moderator")
    def strike(peer: Peer[None], ask: Strike) -> Pending[Any]:
        def decide(facts: Facts[int]) -> int:
            return (facts.state or 0) + 1

        def result(_: object) -> None:
            peer.add(app.topic("struck"))

        return log.append(peer, ask, "desk", "struck", decide, result=result)

    @app.on(Raise, role="moderator")
    async def raise_(peer: Peer[None], ask: Raise) -> None:
        await app.roles.give(peer, BEA, "owner" if ask.owner else "moderator")

    @app.on(Invite, role="moderator")
    async def invite(peer: Peer[None], ask: Invite) -> None:
        await app.roles.invite(peer, "owner", uses=ask.uses, days=ask.days)

    @app.operation(
        Operation("note", "POST", "/v1/notes", "Note.", HTTPStatus.NO_CONTENT, takes=Note), role="moderator"
    )
    async def note(request: Any, guard: RequestGuard) -> Any:
        await guard.body(request, Note)
        return nothing()

    @app.operation(Operation("drop", "DELETE", "/v1/notes", "Drop.", HTTPStatus.NO_CONTENT), role="moderator")
    async def drop(_request: Any, _guard: RequestGuard) -> Any:
        return nothing()

    return app


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Run the program."""
    async with running(program(), tmp_path / "data") as world:
        yield world


async def newcomer(world: World, name: str, role: str = "member") -> Person:
    """Register someone by an invite that carries a role."""
    return await world.person(name, "--role", role)


async def refused(socket: Socket, ask: Request) -> str:
    """Ask for something that is not allowed; return the sentence."""
    answer = await socket.ask(ask)
    assert isinstance(answer, Error)
    assert answer.code == ErrorCode.FORBIDDEN
    return str(answer.hint)


async def test_a_role_that_is_taken_away_ends_at_the_next_request(world: World) -> None:
    """On the connection that had it: for requests, for operations, and in `user list`."""
    cora = await newcomer(world, "cora", "moderator")
    socket = await cora.connect()
    assert isinstance(await socket.ask(Strike(new_request_id())), Ok)
    await world.api("POST", "/v1/notes", {}, bearer=cora.session)
    await world.api("DELETE", "/v1/notes", bearer=cora.session)
    assert "cora" in (listed := await world.command("user", "list"))
    assert "moderator" in listed
    await world.command("role", "cora", "member")
    for ask in (Watch, Strike):  # the second looks at the role again, in its transaction
        assert await refused(socket, ask(new_request_id())) == "this needs the role moderator or a higher one"
    for method, body in (("POST", {}), ("DELETE", None)):
        with pytest.raises(RuntimeError, match=": 403 "):
            await world.api(method, "/v1/notes", body, bearer=cora.session)
    assert isinstance(await socket.ask(Say(new_request_id())), Ok)
    assert world.audit(AuditEvent.REQUEST_REFUSED)
    assert "moderator" not in await world.command("user", "list")


async def test_a_member_has_no_more_than_a_member(world: World) -> None:
    """Someone whose invite says nothing, or says the lowest."""
    for socket in (
        await (await world.person("anna")).connect(),
        await (await newcomer(world, "ben")).connect(),
    ):
        for ask in (Watch, Strike, Raise, Invite):
            await refused(socket, ask(new_request_id()))
        assert isinstance(await socket.ask(Say(new_request_id())), Ok)


async def test_what_a_role_lets_someone_follow_ends_with_it(world: World) -> None:
    """Topics and logs, on an open connection; what others may follow goes on."""
    cora, dora = await newcomer(world, "cora", "moderator"), await newcomer(world, "dora", "owner")
    sockets = [await cora.connect(), await dora.connect()]
    for socket in sockets:
        for ask in (Strike, Watch):
            assert isinstance(await socket.ask(ask(new_request_id())), Ok)
    topic = world.parts.topics.topic("moderators")
    assert len(topic) == len(sockets)
    (peer,) = world.parts.connected.of(parse_user_name("cora"))
    await world.command("role", "cora", "member")
    async with asyncio.timeout(30):
        await ENDED.wait()
    assert not peer.topics
    assert len(topic) == 1


async def test_a_role_is_looked_up_again_in_the_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken away after the request was let in, and before its entry was appended."""
    socket = await (await newcomer(world, "cora", "moderator")).connect()
    app: Any = world.app

    async def too_early(*_: object) -> None:
        """Look at the role before it is taken away."""
        await world.parts.store.accounts.set_role(
            ByOperator(parse_user_name("cora")), parse_user_name("cora"), "member"
        )

    monkeypatch.setattr(app.roles, "refuse_others", too_early)
    await refused(socket, Strike(new_request_id()))


async def test_no_one_gives_more_than_they_have(world: World) -> None:
    """Neither to someone else nor by an invite; nor is someone who has as much lowered by them."""
    moderator = await (await newcomer(world, "cora", "moderator")).connect()
    await newcomer(world, "bea")
    hint = await refused(moderator, Raise(new_request_id(), owner=True))
    assert hint == "you have the role moderator, and can't give owner"
    assert "can't give owner" in await refused(moderator, Invite(new_request_id()))
    assert not await world.parts.store.accounts.list_invites()
    assert isinstance(await moderator.ask(Raise(new_request_id())), Ok)
    assert await refused(moderator, Raise(new_request_id())) == "bea has the role moderator, too"
    owner = await (await newcomer(world, "dora", "owner")).connect()
    assert isinstance(await owner.ask(Raise(new_request_id(), owner=True)), Ok)
    assert isinstance(await owner.ask(Invite(new_request_id())), Ok)
    assert [line["role"] for line in world.audit(AuditEvent.ROLE_GIVEN)] == ["moderator", "owner"]
    assert [record.role for record in await world.parts.store.accounts.list_invites()] == ["owner"]


@pytest.mark.parametrize(("uses", "days"), [(0, 7), (10_001, 7), (1, 0), (1, 1_000_000_000)])
async def test_an_invite_has_the_limits_of_the_operators(world: World, uses: int, days: int) -> None:
    """Numbers may come from someone's request: a refusal, and no fault."""
    owner = await (await newcomer(world, "dora", "owner")).connect()
    answer = await owner.ask(Invite(new_request_id(), uses, days))
    assert isinstance(answer, Error)
    assert answer.hint == "an invite has 1 to 10000 uses, and lasts 1 to 3650 days"
    assert not await world.parts.store.accounts.list_invites()


@pytest.mark.parametrize(
    "words", [("role", "dora", "moderator"), ("user", "disable", "dora"), ("user", "delete", "dora", "--yes")]
)
async def test_an_invite_ends_with_the_role_of_who_made_it(world: World, words: tuple[str, ...]) -> None:
    """Otherwise who fears for their role would give it to another account of theirs. Others' stay."""
    for name in ("dora", "eve"):
        socket = await (await newcomer(world, name, "owner")).connect()
        assert isinstance(await socket.ask(Invite(new_request_id())), Ok)
    await world.invite("--role", "owner")
    await world.command(*words)
    assert [record.role for record in await world.parts.store.accounts.list_invites()] == ["owner"] * 2


async def test_the_operator_can_give_only_what_there_is(world: World) -> None:
    """By `role` and by an invite."""
    await world.person("anna")
    for words in (("role", "anna", "king"), ("invite", "create", "--role", "king")):
        with pytest.raises(RuntimeError, match="ended with 2"):
            await world.command(*words)


async def test_the_role_is_exported_with_the_account(world: World, tmp_path: Path) -> None:
    """The server has it of the person."""
    await newcomer(world, "cora", "moderator")
    await world.command("user", "export", "cora", "--output", str(tmp_path / "cora.tar"))
    with tarfile.open(tmp_path / "cora.tar") as tar:
        about = tar.extractfile("account.json")
        assert about is not None
        assert json.load(about)["role"] == "moderator"


def test_a_request_without_a_right_does_not_start() -> None:
    """Nor one whose right is no role; the sentence names the request and says what to write."""
    app: App[None] = App(Wire("desk.v1", requests=Say))
    with pytest.raises(ProgramError) as raised:
        app.on(Say)
    assert str(raised.value) == (
        "Say does not say who may ask for it: write role=… with the lowest role that may"
        " (member, moderator, owner), member for everyone"
    )
    with pytest.raises(ProgramError, match="there is no role king: the program has member, moderator, owner"):
        app.on(Say, role="king")
    row = Operation("note", "POST", "/v1/notes", "Note.", HTTPStatus.NO_CONTENT, session=False)
    with pytest.raises(ProgramError, match="note needs no session"):
        app.operation(row, role="member")


@pytest.mark.parametrize("names", [(), ("a", "a"), ("Owner",), ("",), ("a b",)])
def test_names_of_roles(names: tuple[str, ...]) -> None:
    """A role that is not a word, or not different from the others, is refused."""
    with pytest.raises(ProgramError, match="roles are different words"):
        Roles(names)


def test_an_unknown_role_is_the_lowest() -> None:
    """Such as one that an older version of the program had."""
    roles = Roles(("bidder", "auctioneer"))
    assert [roles.known(stored) for stored in ("", "king", "auctioneer")] == [
        "bidder",
        "bidder",
        "auctioneer",
    ]
    with pytest.raises(ProgramError, match="does not run"):
        roles._running()
