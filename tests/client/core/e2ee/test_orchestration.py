"""What goes wrong on the way: races, lost answers, people without devices, and servers that lie."""

import asyncio
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace as replaced
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.lying_server import shown
from tests.client.core.e2ee.memory_server import LAPTOP, Line, RefusedError, Room
from tests.client.core.e2ee.test_chat import GARDEN, names_in, texts

from parlour_client.core.client import Client
from parlour_client.core.e2ee import decisions
from parlour_client.core.e2ee.errors import BlockedError, DisplacedError, NotReadyError
from parlour_client.core.e2ee.group import commit, join
from parlour_client.core.e2ee.group.contents import file_with_key, keep_file_key
from parlour_client.core.e2ee.group.store import GroupStatus, scrub
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.keep import renew
from parlour_client.core.e2ee.keep.reconcile import Reconciler
from parlour_client.core.e2ee.messages import incoming
from parlour_client.core.e2ee.messages.incoming import store_events
from parlour_client.core.e2ee.values import RoomState, Trust
from parlour_client.core.errors import ArchiveError, EncryptionError, StaleEpochError
from parlour_client.core.model import Delivery, NoteKind
from parlour_client.core.sync import catch_up
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import ParlourClientError, UnreachableError
from parlour_client.text.encryption_text import how_admitted
from parlour_mls import Secret
from parlour_protocol.delivery import (
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    Contest,
    CreateGroup,
    EventStored,
    GroupState,
    Welcomes,
)
from parlour_protocol.encrypted import EncryptedFile
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Hello, LogEvent, MessageText, Ok
from parlour_protocol.frames.bodies import Contested, EncryptedMessage, FileRef, Message, TopicSet
from parlour_protocol.frames.fields import FileName, TopicText
from parlour_protocol.frames.opaque import Digest, FileKey
from parlour_protocol.frames.replies import GroupChanged, Page
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import Epoch, FileId, RoomId, new_group_id
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq, new_request_id
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

OTHER = parse_room_name("mine")


async def pair(harness: Harness) -> tuple[Client, Client, RoomId]:
    """Return two people in an encrypted room of theirs."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    await harness.invite(ana, room, BEN)
    await harness.quiet()
    return ana, ben, room


async def say(harness: Harness, client: Client, room: RoomId, text: str) -> RequestId:
    """Send and let time pass until the server has it."""
    entry = await client.messages.send(room, text)
    assert entry.request is not None
    request = entry.request
    outbox = parts(client).outbox
    await harness.until(lambda: request in outbox._finished or outbox._items[request].done.is_set())
    await client.messages.stored(request)
    return request


async def notes(client: Client, room: RoomId) -> list[NoteKind]:
    """Return the notes in a client's timeline."""
    return [entry.note.kind for entry in await client.history.timeline(room) if entry.note is not None]


async def test_a_direct_message_waits_for_a_person_without_a_device(harness: Harness) -> None:
    """It says whom it waits for, and goes by itself when they come."""
    ana = await harness.open(ANA)
    room = (await ana.rooms.open_direct(EVE)).id
    await ana.messages.send(room, "are you there?")
    outbox = parts(ana).outbox
    await harness.until(lambda: any(item.waits for item in outbox.unsent(room)))
    (entry,) = [one for one in await ana.history.timeline(room) if one.text is not None]
    assert entry.delivery is Delivery.QUEUED
    assert "eve has no device" in entry.problem
    assert "eve has no device" in ana.encryption.room(room).problem
    eve = await harness.open(EVE)
    await harness.until(lambda: not outbox.unsent(room))
    await harness.quiet()
    assert await texts(eve, room) == ["are you there?"]


async def test_a_program_that_only_sends_follows_the_room_it_sends_to(harness: Harness) -> None:
    """The group moved on while no one was there: it catches up, and what it sent is read back later."""
    ana, ben, room = await pair(harness)
    await harness.close(ana)
    await ben.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)
    await ben.encryption.settle(room)
    await encrypted_rooms(ben).reconciler.renew(room)
    sender = await harness.open(ANA, follow=False)
    await say(harness, sender, room, "from a script")
    await harness.close(sender)
    again = await harness.open(ANA)
    await harness.quiet()
    assert await texts(again, room) == ["from a script"] == await texts(ben, room)


async def test_who_was_admitted_while_no_one_was_here_is_known_at_the_first_look(harness: Harness) -> None:
    """Ben was away when eve came: he has seen her key when he looks, and does not call her unknown."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    await harness.open(EVE)
    await harness.invite(ana, room, EVE)
    await harness.quiet()
    ben = await harness.open(BEN)
    report = await ben.encryption.report(room)
    assert {member.user: member.trust for member in report.members if not member.own} == {
        ANA: Trust.FIRST_SEEN,
        EVE: Trust.FIRST_SEEN,
    }
    words = [how_admitted(person).partition(" on ")[0] for person in report.people]
    assert words == ["created the encrypted room", "let in by ana", "let in by ana"]


async def test_a_second_device_waits_for_approval_and_then_takes_part(harness: Harness) -> None:
    """Before: a sentence with what to do; after: it reads what is said from then on, and only that."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "before")
    phone = await harness.open(ANA, "phone", follow=False)
    with pytest.raises(EncryptionError, match="not approved"):
        await say(harness, phone, room, "too early")
    await harness.close(phone)
    phone = await harness.open(ANA, "phone")
    assert phone.encryption.room(room).state is RoomState.PENDING_DEVICE
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    assert approving.result().device == phone.encryption.own().device
    await harness.quiet()
    await say(harness, ben, room, "after")
    await harness.quiet()
    assert await texts(phone, room) == ["after"]
    assert len((await phone.encryption.report(room)).members) == 3


async def test_a_creation_of_the_other_device_in_the_middle_of_ours_is_followed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was asked before the other created, the log was read after it: ours is given up at once."""
    ana, _, room = await pair(harness)
    line, home, sealed = harness.lines[ana], harness.server.rooms[room], encrypted_rooms(ana)
    assert line.device is not None
    home.present.remove(line.device)  # ana's device is not in the group that the other one has created
    await parts(ana).archive.write(sealed.keys.groups.leave, room)
    await parts(ana).archive.write(
        lambda connection: connection.execute("UPDATE mls_rooms SET group_id = ?", (home.group,))
    )
    before = GroupState(
        epoch=Epoch(0), incarnation=harness.server.incarnation, missing=harness.server.state(home).missing
    )
    answers = [before]

    async def group(_: RoomId) -> GroupState:
        return answers.pop() if answers else harness.server.state(home)

    monkeypatch.setattr(line, "group", group)
    async with asyncio.timeout(60):
        await sealed.scheduler.now(room)
    assert not answers
    assert await parts(ana).archive.read(commit.pending_creation, room) is None


async def test_a_creation_that_the_log_has_not_decided_about_is_given_up(harness: Harness) -> None:
    """The server has a group that this device does not follow: waiting for another one would be for ever."""
    ana, _, room = await pair(harness)
    line, home, sealed = harness.lines[ana], harness.server.rooms[room], encrypted_rooms(ana)
    archive = parts(ana).archive
    await archive.write(sealed.keys.groups.leave, room)
    await archive.write(
        lambda connection: connection.execute("UPDATE mls_rooms SET group_id = ?", (home.group,))
    )
    now = Millis(harness.clock.now())
    body = await archive.write_durably(
        commit.create_group, sealed.keys.groups, room, RoomKind.PRIVATE, new_request_id(), now
    )
    home.group = new_group_id()
    assert line.device is not None
    async with asyncio.timeout(60):
        await sealed.reconciler.post_creation(room, body)
    assert await archive.read(commit.pending_creation, room) is None


async def created_by_the_phone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> tuple[Client, RoomId, asyncio.Event]:
    """Return a laptop in a new room whose group a phone created first, and what lets the phone add it."""
    laptop = await harness.open(ANA)
    phone = await harness.open(ANA, "phone")
    approving = asyncio.ensure_future(laptop.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    await harness.open(BEN)
    create, commit, adds = harness.lines[laptop].create_group, harness.lines[phone].commit, asyncio.Event()

    async def create_second(room: RoomId, body: CreateGroup) -> EventStored:
        encrypted_rooms(phone).scheduler.changed(room, (0, 0))
        await harness.until(lambda: harness.server.rooms[room].group is not None)
        return await create(room, body)

    async def commit_later(room: RoomId, body: Commit) -> EventStored:
        await adds.wait()
        return await commit(room, body)

    monkeypatch.setattr(harness.lines[laptop], "create_group", create_second)
    monkeypatch.setattr(harness.lines[phone], "commit", commit_later)
    room = (await laptop.rooms.create(OTHER, RoomKind.PRIVATE, encrypted=True)).id
    assert laptop.encryption.room(room).state is RoomState.WAITING
    return laptop, room, adds


async def test_an_invitation_waits_until_the_other_device_has_added_this_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laptop makes the room, the phone is first to create its group: no decision is refused meanwhile."""
    laptop, room, adds = await created_by_the_phone(harness, monkeypatch)
    inviting = asyncio.ensure_future(laptop.invitations.send(room, BEN))
    for _ in range(200):  # far more turns than it takes to refuse it
        await harness.threads.rest()
    assert not inviting.done()
    adds.set()
    await harness.until(inviting.done)
    await inviting
    await harness.quiet()
    report = await laptop.encryption.report(room)
    assert {(one.user, one.admitted_by) for one in report.people} == {(ANA, ANA), (BEN, ANA)}
    assert len(report.members) == 3


async def test_a_decision_on_a_device_that_no_one_adds_is_refused_in_words(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits no longer than a person would, says what for, and nothing was asked of the server."""
    laptop, room, adds = await created_by_the_phone(harness, monkeypatch)
    with monkeypatch.context() as impatient:
        impatient.setattr(decisions, "PATIENCE", 0.0)
        with pytest.raises(NotReadyError, match="Waiting for a member's device to add this one") as refused:
            await harness.invite(laptop, room, BEN)
    assert refused.value.hint == "Try again then."
    assert BEN not in harness.server.rooms[room].members
    adds.set()
    await harness.quiet()
    await harness.invite(laptop, room, BEN)
    assert BEN in harness.server.rooms[room].members


async def test_what_is_sent_while_a_group_is_contested_waits_for_the_next_one(harness: Harness) -> None:
    """A member could not follow: a message is held with the reason, and not refused, until then."""
    ana, ben, room = await pair(harness)
    home = harness.server.rooms[room]
    assert home.group is not None
    body = Contest(request=new_request_id(), group=home.group, epoch=Epoch(home.epoch))
    harness.server.contest(home, harness.lines[ben], body)
    await harness.quiet()
    await ben.messages.send(room, "later")

    async def held() -> list[tuple[Delivery, bool]]:
        return [(one.entry.delivery, bool(one.entry.problem)) for one in ben.messages.outgoing()]

    await harness.until_true(held, [(Delivery.QUEUED, True)])
    await ana.encryption.recreate(room)
    await harness.until_true(lambda: texts(ana, room), ["later"])


async def test_someone_who_left_is_removed_before_anything_is_sent(harness: Harness) -> None:
    """The server bounces it; the sender commits the removal at once and sends the same request again."""
    ana, ben, room = await pair(harness)
    harness.server.tells = False  # no one hears of it: the bounce alone must do
    await ben.rooms.leave(room)
    harness.server.tells = True
    await say(harness, ana, room, "among us")
    assert [d.user for d in harness.server.state(harness.server.rooms[room]).present] == [ANA]
    assert await texts(ana, room) == ["among us"]


async def test_a_late_message_is_encrypted_again_under_the_same_id(harness: Harness) -> None:
    """`stale_epoch` once: stored once, readable, nothing shown twice."""
    ana, ben, room = await pair(harness)
    sealed: list[SendEncrypted] = []
    honest = harness.server.seal

    def bounce(at: object, line: object, frame: SendEncrypted) -> object:
        sealed.append(frame)
        if len(sealed) == 1:
            harness.server.rooms[room].stale_until = harness.clock.now()
            raise RefusedError(ErrorCode.STALE_EPOCH)
        return honest(at, line, frame)  # type: ignore[arg-type]

    harness.server.seal = bounce  # type: ignore[method-assign, assignment]
    await say(harness, ana, room, "once")
    await harness.quiet()
    assert {frame.id for frame in sealed} == {sealed[0].id}
    assert await texts(ben, room) == ["once"] == await texts(ana, room)


async def test_a_lost_answer_to_a_commit_changes_nothing(harness: Harness) -> None:
    """The commit is in the log and is known as our own when it comes by."""
    ana = await harness.open(ANA)
    ben = await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    harness.lines[ana].lose_reply_of = "commit"
    await harness.invite(ana, room, BEN)
    with pytest.raises(ParlourClientError):
        await ana.encryption.settle(room)
    await harness.quiet()
    await say(harness, ben, room, "here")
    await harness.quiet()
    assert await texts(ana, room) == ["here"]
    assert harness.server.rooms[room].epoch >= 1


async def test_a_key_package_of_a_commit_without_an_answer_is_not_used_again(harness: Harness) -> None:
    """The log shows the commit: the next room of the same device gets another package, and it can read."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    rooms = [(await ana.rooms.create(name, RoomKind.PRIVATE, encrypted=True)).id for name in (GARDEN, OTHER)]
    await harness.quiet()
    harness.lines[ana].lose_reply_of = "commit"
    for room in rooms:
        await harness.invite(ana, room, BEN)
        await harness.quiet()
        await say(harness, ana, room, f"hello in {room}")
        await shown(harness, ben, room)
        assert await texts(ben, room) == [f"hello in {room}"]


async def test_a_commit_that_is_refused_gives_its_key_package_back(harness: Harness) -> None:
    """The server refuses it: what it would have used is good for the next one, and no other is claimed."""
    ana, _ben, room = await pair(harness)
    await harness.open(EVE)
    claims: list[int] = []
    claim = Line.claim

    async def counted(self: Line, body: ClaimKeyPackages) -> ClaimedKeyPackages:
        claims.append(len(body.devices))
        return await claim(self, body)

    commit = harness.server.commit
    first = True

    def later(at: Room, line: Line, body: Commit) -> EventStored:
        nonlocal first
        if line is harness.lines[ana] and first:
            first = False
            raise StaleEpochError("stale", "stale_epoch")
        return commit(at, line, body)

    harness.server.commit = later  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Line, "claim", counted)
        await harness.invite(ana, room, EVE)
        await harness.quiet()
    assert claims == [1]
    assert "eve" in {str(one.user) for one in (await ana.encryption.report(room)).members}


async def test_no_one_asks_for_a_group_of_an_open_room(harness: Harness) -> None:
    """Whether they create it, enter it, or the server says that its group has changed."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PUBLIC)).id
    await ana.invitations.send(room, BEN)
    await harness.until(lambda: ben.rooms.get(room) is not None)
    harness.server.tell(harness.server.rooms[room], GroupChanged(room=room))
    harness.clock.advance(60)
    for client in (ana, ben):
        await say(harness, client, room, "hello")
    with pytest.raises(EncryptionError, match="not encrypted"):
        await encrypted_rooms(ana).scheduler.now(room)
    assert not {"group", "create_group"} & set(harness.server.calls)


async def test_rooms_that_are_held_take_no_ones_turn(harness: Harness) -> None:
    """Two rooms wait for what the server does not show; the keys of a third one are renewed all the same."""
    ana = await harness.open(ANA)
    names = (parse_room_name(name) for name in ("one", "two", "three"))
    rooms = [(await ana.rooms.create(name, RoomKind.PRIVATE, encrypted=True)).id for name in names]
    for room in rooms[:2]:
        encrypted_rooms(ana).world.catch_up.hold(room)
        encrypted_rooms(ana).scheduler.changed(room, (0, 0))
    harness.clock.advance(0.1)
    await harness.threads.rest()
    encrypted_rooms(ana).scheduler.renew(rooms[2], 0)
    await harness.until(lambda: harness.server.rooms[rooms[2]].epoch == 1)


async def test_plaintext_from_the_server_is_refused(harness: Harness) -> None:
    """A readable message in an encrypted room is a row that says so; its text is nowhere."""
    ana, ben, room = await pair(harness)
    harness.server.write(harness.server.rooms[room], BEN, Message(text=MessageText.parse("CANARY forged")))
    await harness.quiet()
    assert await texts(ana, room) == [] == await texts(ben, room)
    assert NoteKind.PLAINTEXT_REFUSED in await notes(ana, room)


async def test_no_server_makes_a_room_open_again(harness: Harness) -> None:
    """It says that the room is not encrypted; the client knows better, over a restart as well."""
    ana, _, room = await pair(harness)
    await harness.close(ana)
    harness.server.rooms[room].encrypted = False
    ana = await harness.open(ANA)
    shown = ana.rooms.get(room)
    assert shown is not None
    assert shown.encrypted
    await ana.messages.send(room, "CANARY")
    await harness.until(
        lambda: all(item.delivery is not Delivery.SENT for item in parts(ana).outbox.unsent(room))
    )
    assert not any(isinstance(event.body, Message) for event in harness.server.rooms[room].log)


async def test_a_room_that_is_turned_on_keeps_what_was_said(harness: Harness) -> None:
    """Open history stays; from then on everything is encrypted, for both."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    await harness.invite(ana, room, BEN)
    await say(harness, ana, room, "in the open")
    await ana.encryption.turn_on(room, [BEN])
    await harness.quiet()
    await say(harness, ben, room, "CANARY sealed")
    await harness.quiet()
    assert await texts(ana, room) == ["in the open", "CANARY sealed"] == await texts(ben, room)
    assert "CANARY" not in repr(harness.server.rooms[room].log)


async def test_turning_on_admits_only_the_people_who_were_looked_at(harness: Harness) -> None:
    """M27: someone whom the server adds to its list behind the question is not in the group."""
    ana, _, _ = await harness.open(ANA), await harness.open(BEN), await harness.open(EVE)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    await harness.invite(ana, room, BEN)
    await harness.invite(ana, room, EVE)
    await ana.encryption.turn_on(room, [BEN])
    await say(harness, ana, room, "sealed for two")
    report = await ana.encryption.report(room)
    assert {member.user for member in report.members} == {ANA, BEN}
    assert report.claims == [
        "The server lists eve as a member; no member admitted them. Nothing is sent to them."
    ]


async def test_a_changed_key_stops_sending_until_the_person_decides(harness: Harness) -> None:
    """Held with the reason, lost never; after the decision it goes."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "hello")
    await harness.quiet()
    harness.server.swap_account_key(BEN, AccountKey(Secret(bytes(range(1, 33)))))
    await encrypted_rooms(ana).identity.catch_up()
    assert ana.encryption.trust(BEN) is Trust.CHANGED
    await ana.messages.send(room, "CANARY to whom?")
    outbox = parts(ana).outbox
    await harness.until(lambda: any(item.waits for item in outbox.unsent(room)))
    assert ana.encryption.room(room).state is RoomState.BLOCKED
    (item,) = outbox.unsent(room)
    assert isinstance(item.waits, BlockedError)
    before = sum(isinstance(event.body, EncryptedMessage) for event in harness.server.rooms[room].log)
    assert before == 1


async def test_keys_that_cannot_be_had_do_not_stop_open_rooms(harness: Harness) -> None:
    """Open rooms work; encrypted ones say why they wait."""
    ana, _, room = await pair(harness)
    opened = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    await harness.close(ana)

    def broken(call: str) -> None:
        if call in {"log", "register", "publish", "welcomes"}:
            raise EncryptionError("The server has no encryption.")

    harness.break_lines = broken
    ana = await harness.open(ANA)
    await say(harness, ana, opened, "works")
    assert ana.encryption.room(room).problem.startswith("The server has no encryption.")


async def test_a_withheld_welcome_is_reported(harness: Harness) -> None:
    """The server says that we were added, and keeps the invitation: a row with cause and action."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    device = ben.encryption.own().device
    harness.server.inboxes[device] = Withheld()  # type: ignore[assignment]
    await harness.invite(ana, room, BEN)
    await ana.encryption.settle(room)
    await harness.until(lambda: harness.head(ben, room) == harness.server.rooms[room].head)
    troubles = [entry.trouble for entry in await ben.history.timeline(room) if entry.trouble]
    assert any("invitation did not arrive" in trouble for trouble in troubles)


class Withheld(list[object]):
    """An inbox that takes and never gives."""

    def append(self, _item: object) -> None:
        """Drop it."""


async def test_two_programs_on_one_home_never_fork(harness: Harness) -> None:
    """One reads while others send: all agree, everything is shown once."""
    ana, ben, room = await pair(harness)
    for number in range(3):
        sender = await harness.open(ANA, follow=False)
        await say(harness, sender, room, f"script {number}")
        await harness.close(sender)
        await say(harness, ana, room, f"person {number}")
    await harness.quiet()
    wanted = [f"{who} {number}" for number in range(3) for who in ("script", "person")]
    assert await texts(ana, room) == wanted == await texts(ben, room)


async def test_a_second_program_sees_that_the_first_has_joined(harness: Harness) -> None:
    """Only one of them opens the Welcome, and nothing else tells the other one, which would wait for ever."""
    ana = await harness.open(ANA)
    first, second = programs = [await harness.open(BEN), await harness.open(BEN)]
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    harness.accepts = False
    await ana.invitations.send(room, BEN)
    await harness.until(lambda: bool(first.invitations.all))
    await break_line(harness, ana)
    await first.invitations.accept(room)
    await harness.until(lambda: all(is_settled(one, room) for one in programs), advance=0.1)
    assert second.encryption.room(room).state is RoomState.WAITING
    harness.lines[ana].down = False
    ana.connection.retry_now()
    await harness.until(lambda: all(one.encryption.room(room).state is RoomState.ACTIVE for one in programs))
    for number, program in enumerate(programs):
        await say(harness, program, room, f"program {number}")
    assert await texts(ana, room) == ["program 0", "program 1"]


async def test_a_second_program_shows_what_the_first_has_read_while_it_waited_for_its_welcome(
    harness: Harness,
) -> None:
    """It goes on after the commit that added the device, not where the first one is by now."""
    ana = await harness.open(ANA)
    first, second = programs = [await harness.open(BEN), await harness.open(BEN)]
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    shown: list[str] = []
    second.events.subscribe(
        lambda change: shown.append(str(getattr(getattr(change, "entry", None), "text", "")))
    )
    waiting = set(programs)

    def before(client: Client, call: str) -> None:
        if call == "welcomes" and client in waiting and client.rooms.get(room) is not None:
            raise UnreachableError("down")

    for client in programs:
        harness.lines[client].before = partial(before, client)
    await ana.invitations.send(room, BEN)
    await harness.until(lambda: all(room in encrypted_rooms(one).scheduler.problems for one in programs))
    await say(harness, ana, room, "hello")
    waiting.remove(first)
    head = harness.server.rooms[room].head
    await harness.until(lambda: harness.head(first, room) >= head, advance=0.1)
    waiting.clear()
    await harness.until(lambda: "hello" in shown, advance=0.1)


async def test_a_second_program_sees_at_its_next_connection_that_the_first_has_joined(
    harness: Harness,
) -> None:
    """It continues where the other one has stopped, and is shown none of those events."""
    ana = await harness.open(ANA)
    first, second = programs = [await harness.open(BEN), await harness.open(BEN)]
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    harness.accepts = False
    await ana.invitations.send(room, BEN)
    await harness.until(lambda: bool(first.invitations.all))
    await break_line(harness, ana)
    await first.invitations.accept(room)
    await harness.until(lambda: all(is_settled(one, room) for one in programs), advance=0.1)
    await break_line(harness, second)
    harness.lines[ana].down = False
    ana.connection.retry_now()
    await harness.until(lambda: first.encryption.room(room).state is RoomState.ACTIVE)
    renewed = encrypted_rooms(first).room_statuses
    await harness.until(lambda: renewed.of(room).own_since is not None, advance=1)  # the last event
    harness.lines[second].down = False
    second.connection.retry_now()
    await harness.until(lambda: second.encryption.room(room).state is RoomState.ACTIVE)


async def test_an_older_copy_of_a_home_does_not_recreate_a_group(harness: Harness) -> None:
    """It may not know of removals since: the others would refuse its group, and the room stand still."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    kept = harness.folder / "copy"
    shutil.copytree(harness.folder / BEN, kept)
    ben = await harness.open(BEN)
    await encrypted_rooms(ben).scheduler._renew(room)
    await harness.quiet()
    await harness.close(ben)
    shutil.rmtree(harness.folder / BEN)
    kept.rename(harness.folder / BEN)
    ben = await harness.open(BEN)
    await harness.until(lambda: encrypted_rooms(ben).room_statuses.of(room).status is GroupStatus.DISPLACED)
    home = harness.server.rooms[room]
    home.contested = True
    assert home.group is not None
    harness.server.write(home, ANA, Contested(group=home.group, epoch=Epoch(home.epoch)))
    await harness.until(lambda: harness.head(ben, room) >= home.head)
    with pytest.raises(DisplacedError):
        await ben.encryption.recreate(room)
    await ana.encryption.recreate(room)
    await say(harness, ana, room, "in the new group")
    await harness.until(lambda: ben.encryption.room(room).state is RoomState.ACTIVE)
    await harness.quiet()
    assert await texts(ben, room) == ["in the new group"]


async def test_a_new_device_does_not_recreate_a_group_whose_members_it_does_not_know(
    harness: Harness,
) -> None:
    """It would begin with its own person only, and everyone else refuse that: the room would stand still."""
    ana, ben, room = await pair(harness)
    home = harness.server.rooms[room]
    home.contested = True
    assert home.group is not None
    harness.server.write(home, BEN, Contested(group=home.group, epoch=Epoch(home.epoch)))
    laptop = await harness.open(ANA, "laptop")
    approving = asyncio.ensure_future(ana.encryption.approve(laptop.encryption.own().code))
    await harness.until(approving.done, advance=0.1)
    await harness.until(lambda: laptop.rooms.get(room) is not None)
    with pytest.raises(NotReadyError, match="does not know the room's members"):
        await laptop.encryption.recreate(room)
    await ben.encryption.recreate(room)
    await harness.quiet()
    await say(harness, laptop, room, "from the new device")
    assert await texts(ben, room) == ["from the new device"]


async def test_an_event_that_comes_while_the_last_one_is_compared_is_not_withheld(harness: Harness) -> None:
    """The server answers with what it had when it was asked."""
    _ana, ben, room = await pair(harness)
    await break_line(harness, ben)
    told: list[LogEvent] = []

    def spoken(user: UserName, frame: Frame) -> Frame:
        if user == BEN and isinstance(frame, Ok) and isinstance(frame.result, Page) and not told:
            body = TopicSet(topic=TopicText("meanwhile"))
            told.append(harness.server.write(harness.server.rooms[room], ANA, body))
        return frame

    harness.server.spoken = spoken
    harness.lines[ben].down = False
    ben.connection.retry_now()
    await harness.until(lambda: bool(told), advance=0.1)
    await parts(ben).catch_up.reached(room, told[0].seq)
    shown = ben.rooms.get(room)
    assert shown is not None
    assert (shown.head, shown.trouble) == (told[0].seq, "")


async def break_line(harness: Harness, client: Client) -> None:
    """Cut a client off, until it has noticed."""
    line = harness.lines[client]
    line.down = True
    for wire in [wire for wire in harness.server.wires if wire.line is line]:
        wire.drop()
    await harness.until(lambda: client.connection.status.state is not LinkState.ONLINE)


def is_settled(client: Client, room: RoomId) -> bool:
    """Say whether a client knows a room, and has nothing to do there or to complain about."""
    scheduler = encrypted_rooms(client).scheduler
    return client.rooms.get(room) is not None and room not in {*scheduler.unsure, *scheduler.problems}


async def test_offline_for_many_epochs_and_longer_than_open_rooms_catch_up(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages of every epoch in between are read, in order: an encrypted room is never begun at its end."""
    monkeypatch.setattr(catch_up, "LONGEST_CATCH_UP", 10)
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    for number in range(3):
        await say(harness, ana, room, f"epoch {number}")
        await encrypted_rooms(ana).reconciler.renew(room)
        for _ in range(PAGE_EVENTS.value):
            harness.server.write(harness.server.rooms[room], ANA, TopicSet(topic=TopicText("again")))
    ben = await harness.open(BEN)
    await harness.quiet()
    found = await ben.history.search("epoch")
    assert sorted(str(entry.text) for entry in found) == [f"epoch {number}" for number in range(3)]


async def test_a_commit_that_never_left_is_asked_for_again_after_a_restart(harness: Harness) -> None:
    """It was on the disk before it was sent; the next run sends the same."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id

    def cut(call: str) -> None:
        if call == "commit":
            raise UnreachableError("cut")

    harness.lines[ana].before = cut
    await harness.invite(ana, room, BEN)
    with pytest.raises(UnreachableError):
        await ana.encryption.settle(room)
    await harness.close(ana)
    ana = await harness.open(ANA)
    await harness.quiet()
    await say(harness, ana, room, "at last")
    await harness.quiet()
    assert await texts(ben, room) == ["at last"]


async def test_a_swapped_file_of_an_open_room_is_refused(harness: Harness, tmp_path: Path) -> None:
    """Even of the same length: the message says its digest."""
    ana = await harness.open(ANA)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    source = tmp_path / "a.txt"
    source.write_text("mine")
    await ana.files.send(room, source)
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    (entry,) = [one for one in await ana.history.timeline(room) if one.text is not None]
    (file,) = harness.server.files
    harness.server.files[file] = b"evil"
    with pytest.raises(EncryptionError):
        await ana.files.save(entry, tmp_path)
    with pytest.raises(EncryptionError):
        await ana.files.read(entry, 4)
    assert names_in(tmp_path) == ["a.txt", "ana"]


async def test_plaintext_before_the_event_that_the_server_withholds(harness: Harness) -> None:
    """The greeting says `encrypted`, the log never does: what is readable after its head is refused."""
    ana, _ = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    await harness.close(ana)
    held = harness.server.rooms[room]
    held.encrypted = True
    ana = await harness.open(ANA)
    harness.server.write(held, ANA, Message(text=MessageText.parse("CANARY forged")))
    await harness.until(lambda: harness.head(ana, room) >= held.head)
    assert "CANARY forged" not in await texts(ana, room)
    assert NoteKind.PLAINTEXT_REFUSED in await notes(ana, room)


async def test_open_rooms_do_not_wait_for_an_encrypted_one(harness: Harness) -> None:
    """A message that is held leaves the way free for what goes elsewhere."""
    ana = await harness.open(ANA)
    direct = (await ana.rooms.open_direct(EVE)).id
    opened = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE)).id
    await ana.messages.send(direct, "waits")
    await say(harness, ana, opened, "goes")
    assert [item.frame.room for item in parts(ana).outbox.unsent(direct)] == [direct]


async def test_the_first_key_of_a_file_stays(harness: Harness) -> None:
    """Someone who names another key for a file that was sent cannot make it unreadable."""
    ana, _, room = await pair(harness)
    first, second = (
        EncryptedFile(
            file=FileId("f" * 22), key=FileKey(bytes([n]) * 32), sha256=Digest(bytes(32)),
            name=FileName("a"), media_type="a/b", size=1,
        )
        for n in (1, 2)
    )  # fmt: skip
    archive = parts(ana).archive
    for file in (first, second):
        await archive.write(keep_file_key, room, file)
    reference = FileRef(file=first.file, name=first.name, media_type="a/b", size=1, sha256=first.sha256)
    assert (await archive.read(file_with_key, room, reference)).key == first.key


async def test_a_running_client_scrubs_after_each_epoch(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marmot #756: the keys of an epoch that is over leave the write-ahead log, here and at others."""
    ana, _, room = await pair(harness)
    scrubbed: list[Path] = []

    def spy(connection: apsw.Connection) -> bool:
        scrubbed.append(Path(connection.filename).parent)
        return scrub(connection)

    monkeypatch.setattr(renew, "scrub", spy)
    await encrypted_rooms(ana).reconciler.renew(room)
    await harness.until(lambda: {folder.name for folder in scrubbed} == {str(ANA), str(BEN)})


async def invited_while_away(harness: Harness) -> RoomId:
    """Let ben be added, and be written to, while he is away."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    await ana.invitations.send(room, BEN)
    await harness.close(ana)
    await ben.invitations.accept(room)
    await harness.close(ben)
    ana = await harness.open(ANA)
    await say(harness, ana, room, "welcome, ben")
    return room


async def test_ready_means_that_a_room_one_was_invited_to_is_read(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was away and comes back is caught up when the Welcome was opened and what followed is here."""
    room = await invited_while_away(harness)
    at_once, asked, gate = Line.welcomes, asyncio.Event(), asyncio.Event()

    async def slowly(line: Line, device: DeviceId) -> Welcomes:
        if asked.is_set():  # at the greeting; then to join
            await gate.wait()
        asked.set()
        return await at_once(line, device)

    monkeypatch.setattr(Line, "welcomes", slowly)
    opening = asyncio.ensure_future(harness.open(BEN))
    for _ in range(100):
        await harness.threads.rest()
    assert asked.is_set()
    assert not opening.done()
    gate.set()
    ben = await opening
    assert await texts(ben, room) == ["welcome, ben"]
    assert [entry.text for entry in await ben.history.search("welcome")] == ["welcome, ben"]


async def test_a_welcome_that_cannot_be_fetched_holds_its_room_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is ready all the same, and the room goes on when the server answers."""
    room = await invited_while_away(harness)

    async def down(_line: Line, _device: DeviceId) -> Welcomes:
        raise UnreachableError("down")

    with monkeypatch.context() as broken:
        broken.setattr(Line, "welcomes", down)
        ben = await harness.open(BEN)
        assert await texts(ben, room) == []
    await harness.until(lambda: room not in parts(ben).catch_up._held)
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["welcome, ben"]


async def test_an_archive_that_fails_while_joining_holds_the_room_and_says_so(harness: Harness) -> None:
    """A full disk, or another program that writes for long: it is tried again, and works."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    archive = parts(ben).archive
    write, failing = archive.write_durably, True

    async def full(call: Any, *given: Any, **more: Any) -> Any:
        if failing and call is incoming._enter:
            raise ArchiveError("The disk is full.")
        return await write(call, *given, **more)

    archive.write_durably = full  # type: ignore[method-assign, assignment]
    await ana.invitations.send(room, BEN)
    await harness.until(lambda: "The disk is full." in ben.encryption.room(room).problem)
    failing = False
    await harness.quiet()
    await say(harness, ana, room, "hello")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["hello"]
    assert ben.encryption.room(room).problem == ""


async def test_who_leaves_while_joining_keeps_no_keys(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ben is removed between the fetch of the Welcome and the group that it leads to."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)).id
    opened, go_on = threading.Event(), threading.Event()
    open_welcome = join.open_welcome

    def slowly(*given: Any) -> Any:
        opened.set()
        go_on.wait(60)
        return open_welcome(*given)

    monkeypatch.setattr(join, "open_welcome", slowly)
    harness.accepts = False
    await ana.invitations.send(room, BEN)
    await harness.until(lambda: bool(ben.invitations.all))
    await ben.invitations.accept(room)
    async with asyncio.timeout(60):
        while not opened.is_set():
            harness.clock.advance(0.05)
            await asyncio.sleep(0)
        kicking = asyncio.ensure_future(ana.rooms.kick(room, BEN))
        while ben.rooms.get(room) is not None:
            harness.clock.advance(0.05)
            await asyncio.sleep(0)
    go_on.set()
    await harness.until(kicking.done)
    await harness.threads.rest()
    await harness.until(lambda: room not in encrypted_rooms(ben).incoming._joining)
    kept = "SELECT count(*) FROM mls_groups WHERE state IS NOT NULL"
    assert await parts(ben).archive.read(lambda db: next(iter(db.execute(kept)))) == (0,)


async def test_a_server_of_another_name_gets_no_keys_until_the_right_one_is_back(harness: Harness) -> None:
    """Also if this device's identity changes meanwhile."""
    ana, ben, room = await pair(harness)
    other = True

    def spoken(_user: UserName, frame: Frame) -> Frame | None:
        return replaced(frame, server="other.example") if other and isinstance(frame, Hello) else frame

    harness.server.spoken = spoken
    for wire in list(harness.server.wires):
        wire.drop()
    await harness.until(lambda: encrypted_rooms(ana).keys.trouble is not None)
    await encrypted_rooms(ana)._use_keys()
    assert encrypted_rooms(ana).keys.maybe_groups is None
    with pytest.raises(EncryptionError):
        _own = encrypted_rooms(ana).keys.groups
    other = False
    for wire in list(harness.server.wires):
        wire.drop()
    await harness.until(lambda: encrypted_rooms(ana).keys.trouble is None)
    await say(harness, ana, room, "hello")
    await shown(harness, ben, room)
    assert await texts(ben, room) == ["hello"]


async def test_a_member_removed_before_the_welcome_came_does_not_wait_for_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they still had to say waits with the reason, and not for a Welcome to a room they are not in."""
    room = await invited_while_away(harness)
    ana = harness.clients[0]

    async def down(_line: Line, _device: DeviceId) -> Welcomes:
        raise UnreachableError("down")

    with monkeypatch.context() as broken:
        broken.setattr(Line, "welcomes", down)
        ben = await harness.open(BEN)
        await ben.messages.send(room, "hello?")
        await ana.rooms.kick(room, BEN)
        await harness.until(lambda: ben.rooms.get(room) is None)
    (item,) = parts(ben).outbox.unsent(room)
    await harness.until(lambda: item.waits is not None)
    assert str(item.waits) == "You are no longer in this room."


async def test_what_the_server_slows_down_stays_in_order(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that fills while a run of messages comes: who is let through again overtakes no one."""
    ana, ben, room = await pair(harness)
    seal, refused = harness.server.seal, iter([True] * 5 + [False, True, False, True])

    def slowed(*given: Any) -> EventStored:
        if next(refused, False):
            raise RefusedError(ErrorCode.RATE_LIMITED)
        return seal(*given)

    monkeypatch.setattr(harness.server, "seal", slowed)
    wanted = [f"message {number}" for number in range(5)]
    for text in wanted:
        await ana.messages.send(room, text)
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    await shown(harness, ben, room)
    assert await texts(ben, room) == wanted


async def test_what_follows_a_hole_waits_for_the_next_fetch(harness: Harness) -> None:
    """What was queued before a room was held may come after it: left alone, and no reason to stop."""
    ana, ben, room = await pair(harness)
    await harness.close(ben)
    await say(harness, ana, room, "first")
    ben = await harness.open(BEN)
    await shown(harness, ben, room)
    seq = harness.server.rooms[room].head
    late = LogEvent(
        room=room, seq=Seq(seq + 2), at=harness.clock.now(), author=ANA, device=LAPTOP,
        body=TopicSet(topic=TopicText("late")),
    )  # fmt: skip
    inside = parts(ben)
    groups, names_me = encrypted_rooms(ben).keys.groups, inside.state.names_me
    taken = await inside.archive.write(store_events, groups, room, [late], names_me, harness.clock.now())
    assert (taken.applied, taken.cursor) == ([], seq)


async def test_a_device_is_out_of_every_room_when_its_revocation_returns(harness: Harness) -> None:
    """Nothing that is said after it can be read there, without waiting for what others do."""
    ana, _, room = await pair(harness)
    phone = await harness.open(ANA, "phone")
    device = phone.encryption.own().device
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    await harness.quiet()
    await harness.close(phone)
    assert device in harness.server.rooms[room].present
    revoking = asyncio.ensure_future(ana.encryption.revoke(device))
    await harness.until(revoking.done, advance=0)
    assert device not in harness.server.rooms[room].present


async def test_the_recovery_words_let_a_device_into_all_its_rooms(harness: Harness) -> None:
    """Where someone else is, as soon as they are; where only lost devices are, at once: it creates again."""
    ana, ben, room = await pair(harness)
    mine = (await ana.rooms.create(OTHER, RoomKind.PRIVATE, encrypted=True)).id
    notes_room = (await ana.rooms.open_direct(ANA)).id
    await harness.quiet()
    words = await ana.encryption.recovery_words()
    for client in (ana, ben):
        await harness.close(client)
    phone = await harness.open(ANA, "phone")
    using = asyncio.ensure_future(phone.encryption.recover(words))
    await harness.until(using.done, advance=0.2)
    using.result()
    for own in (mine, notes_room):
        assert phone.encryption.room(own).state is RoomState.ACTIVE
        await say(harness, phone, own, "from the phone")
    assert phone.encryption.room(room).state is RoomState.WAITING
    ben = await harness.open(BEN)
    await harness.until(lambda: phone.encryption.room(room).state is RoomState.ACTIVE)
    await say(harness, phone, room, "I am back")
    await harness.until_true(lambda: texts(ben, room), ["I am back"])
    ana = await harness.open(ANA)  # her first device was not lost after all
    await harness.quiet()
    for own in (mine, notes_room):
        await harness.until(lambda own=own: ana.encryption.room(own).state is RoomState.ACTIVE)  # type: ignore[misc]
        await say(harness, ana, own, "from the laptop")
        await harness.until_true(lambda own=own: texts(phone, own), ["from the phone", "from the laptop"])  # type: ignore[misc]


async def test_another_device_that_is_there_lets_in_who_used_the_recovery_words(harness: Harness) -> None:
    """Nothing is recreated: the devices were not lost."""
    ana = await harness.open(ANA)
    mine = (await ana.rooms.create(OTHER, RoomKind.PRIVATE, encrypted=True)).id
    await harness.quiet()
    group = harness.server.rooms[mine].group
    words = await ana.encryption.recovery_words()
    phone = await harness.open(ANA, "phone")
    using = asyncio.ensure_future(phone.encryption.recover(words))
    await harness.until(using.done)
    using.result()
    await harness.until(lambda: phone.encryption.room(mine).state is RoomState.ACTIVE)
    assert harness.server.rooms[mine].group == group


async def test_without_keys_no_room_is_made_that_was_to_be_encrypted(harness: Harness) -> None:
    """A device that waits to be approved says so before the server hears of a room."""
    await harness.open(ANA)
    phone = await harness.open(ANA, "phone")
    with pytest.raises(EncryptionError, match="not approved"):
        await phone.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)
    assert not harness.server.rooms


async def test_what_is_written_while_a_group_is_recreated_reaches_everyone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new group is there, and nobody is in it yet but the device that created it."""
    ana, ben, room = await pair(harness)
    at = harness.server.rooms[room]
    add, halfway, may_go = Reconciler._commit, asyncio.Event(), asyncio.Event()

    async def held(self: Reconciler, *given: object) -> None:
        halfway.set()
        await may_go.wait()
        await add(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Reconciler, "_commit", held)
    at.contested = True
    assert at.group is not None
    harness.server.write(at, ANA, Contested(group=at.group, epoch=Epoch(at.epoch)))
    await harness.quiet()
    recreating = asyncio.ensure_future(ana.encryption.recreate(room))
    await harness.until(halfway.is_set)
    encrypted_rooms(ana).scheduler.unsure.discard(room)  # the server has not told of the change yet
    entry = await ana.messages.send(room, "to all of you")
    for _ in range(100):
        await harness.threads.rest()
    may_go.set()
    await recreating
    assert entry.request is not None
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    await harness.quiet()
    assert [one.text for one in await ben.history.timeline(room) if one.text] == ["to all of you"]
