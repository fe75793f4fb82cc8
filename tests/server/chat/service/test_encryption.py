"""Encrypted rooms in the chat: only encrypted messages, and notifications when the group needs a commit."""

from typing import Any

import pytest
from tests.protocol.identity.signing import NOW, SERVER
from tests.protocol.membership.people import carried
from tests.server.chat.service.disk import DiskWorld
from tests.server.chat.service.fakes import FakePeer, World, settle, stored

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    Blank,
    Contested,
    EncryptedMessage,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Joined,
    Pinned,
)
from parlour_protocol.frames.opaque import (
    Ciphertext,
    HandshakeBytes,
    LogEntryBytes,
    PublicKey,
    StatementBytes,
)
from parlour_protocol.frames.replies import (
    Entered,
    Error,
    GroupChanged,
    Hello,
    InvitationReceived,
    InvitationWithdrawn,
    KeyLogAppended,
    KeyPackagesLow,
    LogEvent,
    Ok,
    Pins,
    ReadBy,
    ReadMarked,
)
from parlour_protocol.frames.requests import (
    Accept,
    CreateRoom,
    Delete,
    Edit,
    Encrypt,
    Invite,
    Join,
    Kick,
    ListPins,
    MarkRead,
    OpenDirect,
    Pin,
    React,
    Send,
    SendEncrypted,
    SetTopic,
    Uninvite,
)
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_group_id
from parlour_protocol.kit.errors import SESSION_ENDED
from parlour_protocol.kit.ids import DeviceId, Seq, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.membership import Remove, Withdraw
from parlour_protocol.rooms import RoomKind, RoomSuite
from parlour_server.chat.service.notices import DeviceEphemeral, DeviceWaits, KeysChanged
from parlour_server.chat.store.types import DevicesChanged
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.bus.bus import SessionsEnded

SEALED = Ciphertext(b"sealed").text


async def den(world: DiskWorld, owner: FakePeer, *others: FakePeer, kind: str = "private") -> RoomId:
    """Make an encrypted room of these people."""
    made = await world.ask(owner, CreateRoom, name="den", kind=kind, encrypted=True)
    assert isinstance(made, Ok)
    assert isinstance(made.result, Entered)
    assert made.result.room.encrypted
    room = made.result.room.room
    for other in others:
        await world.admit(owner, room, other)
    return room


def device_of(peer: FakePeer) -> DeviceId:
    """Return the device that this connection speaks for."""
    assert peer.info.grant.device_id is not None
    return peer.info.grant.device_id


async def grouped(disk: DiskWorld, room: RoomId, founder: FakePeer, *others: FakePeer) -> GroupId:
    """Found the room's group and add the others' devices."""
    group = new_group_id()
    await disk.commit(founder, room, GroupCreated(group=group, device=device_of(founder)))
    if others:
        added = tuple(device_of(peer) for peer in others)
        await disk.commit(
            founder, room, Handshake(group=group, epoch=Epoch(0), data=HandshakeBytes(b"c"), added=added)
        )
    return group


def sealed(group: GroupId, epoch: int, **more: Any) -> dict[str, Any]:
    """Return the fields of a sealed message."""
    return {"group": group, "epoch": epoch, "data": SEALED, **more}


async def test_a_sealed_message_reaches_the_members_as_it_came(disk: DiskWorld):
    """The server stores and passes on; the sender's device is the session's, not the client's to say."""
    ada, bob = await disk.connect("ada", keys=True), await disk.connect("bob", keys=True)
    room = await den(disk, ada, bob)
    group = await grouped(disk, room, ada, bob)
    number = stored(await disk.ask(ada, SendEncrypted, room=room, **sealed(group, 1))).seq
    await bob.until(lambda: any(isinstance(e.body, EncryptedMessage) for e in bob.events(room)))
    [event] = [e for e in bob.events(room) if isinstance(e.body, EncryptedMessage)]
    assert (event.seq, event.author) == (number, "ada")
    assert event.body == EncryptedMessage(group=group, epoch=Epoch(1), data=Ciphertext(b"sealed"))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Send, {"text": "hi"}),
        (Edit, {"target": 2, "text": "hi"}),
        (React, {"target": 2, "reaction": "+1"}),
        (Pin, {"target": 2}),
    ],
)
async def test_nothing_readable_gets_into_an_encrypted_room(
    disk: DiskWorld, kind: Any, fields: dict[str, Any]
):
    """From a member with a device in the group, too; only the topic stays readable."""
    ada = await disk.connect("ada", keys=True)
    room = await den(disk, ada)
    await grouped(disk, room, ada)
    refused = await disk.ask(ada, kind, room=room, **fields)
    assert isinstance(refused, Error)
    assert refused.code is ErrorCode.ENCRYPTED
    stored(await disk.ask(ada, SetTopic, room=room, topic="readable"))


async def test_a_session_without_a_device_seals_nothing(disk: DiskWorld):
    """With only a stolen session token nothing can be appended."""
    ada = await disk.connect("ada", keys=True)
    room = await den(disk, ada)
    group = await grouped(disk, room, ada)
    thief = await disk.connect("ada")
    refused = await disk.ask(thief, SendEncrypted, room=room, **sealed(group, 0))
    assert isinstance(refused, Error)
    assert refused.code is ErrorCode.FORBIDDEN


async def test_a_message_encrypted_again_is_the_same_request(disk: DiskWorld):
    """M6: what was bounced or whose answer was lost is stored once, whatever epoch it is sealed for."""
    ada = await disk.connect("ada", keys=True)
    room = await den(disk, ada)
    group = await grouped(disk, room, ada)
    request = new_request_id()
    stale = await disk.ask(ada, SendEncrypted, id=request, room=room, **sealed(group, 5))
    assert isinstance(stale, Error)
    assert stale.code is ErrorCode.STALE_EPOCH
    ada.frames.clear()
    first = stored(await disk.ask(ada, SendEncrypted, id=request, room=room, **sealed(group, 0)))
    await disk.commit(ada, room, Handshake(group=group, epoch=Epoch(0), data=HandshakeBytes(b"c")))
    ada.frames.clear()
    again = stored(await disk.ask(ada, SendEncrypted, id=request, room=room, **sealed(group, 1)))
    assert again == first


async def test_deleting_a_sealed_message_drops_its_content(disk: DiskWorld):
    """``blanks``: the ciphertext is gone from the log, and who reads history gets a blank."""
    ada = await disk.connect("ada", keys=True)
    room = await den(disk, ada)
    group = await grouped(disk, room, ada)
    sent = stored(await disk.ask(ada, SendEncrypted, room=room, **sealed(group, 0))).seq
    stored(await disk.ask(ada, SendEncrypted, room=room, **sealed(group, 0, blanks=sent)))
    events, *_ = await disk.disk.log.page(room, after=Seq(sent - 1), before=None, limit=1, max_bytes=9999)
    assert events[0].body == Blank(was="sealed")
    refused = await disk.ask(ada, Delete, room=room, target=sent)
    assert isinstance(refused, Error)


async def test_a_pending_removal_stops_everyone(disk: DiskWorld):
    """RFC 9420 section 12.4: after a kick no one sends until the removal is committed; all are notified."""
    ada, bob = await disk.connect("ada", keys=True), await disk.connect("bob", keys=True)
    room = await den(disk, ada, bob)
    group = await grouped(disk, room, ada, bob)
    before = len(ada.got(GroupChanged))
    unsigned = await disk.ask(ada, Kick, room=room, user="bob")
    assert isinstance(unsigned, Error)
    assert unsigned.code is ErrorCode.FORBIDDEN
    removal = StatementBytes(carried(Remove(SERVER, room, 0, NOW, parse_user_name("bob")), "ada")).text
    stored(await disk.ask(ada, Kick, room=room, user="bob", statement=removal))
    await ada.until(lambda: len(ada.got(GroupChanged)) > before)
    refused = await disk.ask(ada, SendEncrypted, room=room, **sealed(group, 1))
    assert isinstance(refused, Error)
    assert refused.code is ErrorCode.REMOVAL_PENDING
    committed = Handshake(group=group, epoch=Epoch(1), data=HandshakeBytes(b"c"), removed=(device_of(bob),))
    await disk.commit(ada, room, committed)
    # what was sealed for the epoch in which bob was a member is not taken any more, not for a second
    late = await disk.ask(ada, SendEncrypted, room=room, **sealed(group, 1))
    assert isinstance(late, Error)
    assert late.code is ErrorCode.STALE_EPOCH
    stored(await disk.ask(ada, SendEncrypted, room=room, **sealed(group, 2)))


async def test_an_invitation_to_an_encrypted_room_is_signed_throughout(disk: DiskWorld):
    """The person sees the admission; accepting and withdrawing take a signature, and end it for both."""
    ada, bob = await disk.connect("ada", keys=True), await disk.connect("bob", keys=True)
    room = await den(disk, ada)
    admission = disk.admission(ada, room, bob)
    stored(await disk.ask(ada, Invite, room=room, user="bob", statement=admission.text))
    await bob.until(lambda: bob.got(InvitationReceived))
    assert bob.got(InvitationReceived)[0].invitation.statement == admission
    for peer, kind, fields in ((bob, Accept, {}), (ada, Uninvite, {"user": "bob"})):
        unsigned = await disk.ask(peer, kind, room=room, **fields)
        assert isinstance(unsigned, Error)
        assert unsigned.code is ErrorCode.FORBIDDEN
    act = Withdraw(SERVER, room, 0, NOW, bob.info.grant.user, bytes(admission))
    withdrawal = StatementBytes(carried(act, "ada"))
    stored(await disk.ask(ada, Uninvite, room=room, user="bob", statement=withdrawal.text))
    await bob.until(lambda: bob.got(InvitationWithdrawn))
    assert bob.got(InvitationWithdrawn) == [InvitationWithdrawn(room=room, statement=withdrawal)]
    late = await disk.ask(bob, Accept, room=room, statement=disk.acceptance(admission).text)
    assert isinstance(late, Error)
    assert late.code is ErrorCode.NOT_FOUND


async def test_a_member_with_a_new_key_is_invited_again(disk: DiskWorld):
    """Their place on the server's list stays; the other members decide by what is signed."""
    ada, bob = await disk.connect("ada", keys=True), await disk.connect("bob", keys=True)
    room = await den(disk, ada, bob)
    admission = disk.admission(ada, room, bob)
    bob.frames.clear()
    stored(await disk.ask(ada, Invite, room=room, user="bob", statement=admission.text))
    await bob.until(lambda: bob.got(InvitationReceived))
    assert bob.got(InvitationReceived)[0].invitation.statement == admission
    accepted = disk.acceptance(admission)
    assert isinstance(await disk.ask(bob, Accept, room=room, statement=accepted.text), Ok)
    await ada.until(lambda: len([e for e in ada.events(room) if isinstance(e.body, Joined)]) == 2)
    [*_, event] = [e for e in ada.events(room) if isinstance(e.body, Joined)]
    assert event.body == Joined(members=2, statement=admission, acceptance=accepted)


async def test_the_notice_comes_after_the_event_that_causes_it(disk: DiskWorld):
    """Who asks for the state at once must find it as the event left it; a removed person gets none."""
    ada, bob = await disk.connect("ada", keys=True), await disk.connect("bob", keys=True)
    room = await den(disk, ada)
    await grouped(disk, room, ada)
    await disk.admit(ada, room, bob)
    await ada.until(lambda: ada.got(GroupChanged))
    kinds = [type(frame) for frame in ada.frames]
    assert kinds[-1] is GroupChanged
    assert kinds[-2] is LogEvent
    await bob.until(lambda: bob.frames)
    stored(await disk.ask(ada, Kick, room=room, user="bob"))
    await ada.until(lambda: len(ada.got(GroupChanged)) >= 2)
    assert not isinstance(bob.frames[-1], GroupChanged)


async def test_an_open_room_gets_no_group_notifications(disk: DiskWorld):
    """No notice where there is nothing to do."""
    ada, bob = await disk.connect("ada"), await disk.connect("bob")
    room = await disk.make_room(ada, "lounge")
    await disk.ask(bob, Join, room=room)
    await ada.until(lambda: ada.events(room))
    await settle()
    assert ada.got(GroupChanged) == []


async def test_turning_encryption_on_and_contesting_are_announced(disk: DiskWorld):
    """A group must be created, or checked."""
    ada = await disk.connect("ada", keys=True)
    room = await disk.make_room(ada, "lounge", "private")
    stored(await disk.ask(ada, Encrypt, room=room))
    await ada.until(lambda: ada.got(GroupChanged))
    assert isinstance(ada.events(room)[-1].body, EncryptionOn)
    group = await grouped(disk, room, ada)
    await disk.commit(ada, room, Handshake(group=group, epoch=Epoch(0), data=HandshakeBytes(b"c")))
    assert len(ada.got(GroupChanged)) == 1
    await disk.commit(ada, room, Contested(group=group, epoch=Epoch(1)))
    await ada.until(lambda: len(ada.got(GroupChanged)) == 2)


async def test_changed_keys_are_announced_in_shared_encrypted_rooms(disk: DiskWorld):
    """Bob's rooms check their groups and the key log; his own devices the log; eve gets nothing."""
    ada, bob, eve = [await disk.connect(name, keys=True) for name in ("ada", "bob", "eve")]
    room = await den(disk, ada, bob)
    open_room = await disk.make_room(eve, "lounge")
    await disk.ask(bob, Join, room=open_room)
    pending = await disk.connect("bob")
    head = await disk.disk.keylog.head()
    assert head is not None
    user = bob.info.grant.user
    for way in (lambda: disk.bus.publish(KeysChanged(user)), lambda: disk.chat.journal(DevicesChanged(user))):
        for peer in (ada, bob, eve, pending):
            peer.frames.clear()
        way()
        await ada.until(lambda: ada.got(KeyLogAppended) and ada.got(GroupChanged))
        await pending.until(lambda: pending.got(KeyLogAppended))
        await settle()
        assert ada.got(KeyLogAppended) == [KeyLogAppended(size=head.size)]
        assert ada.got(GroupChanged) == [GroupChanged(room=room)]
        assert bob.got(KeyLogAppended) == [KeyLogAppended(size=head.size)]
        assert eve.frames == []


async def test_a_device_that_waits_is_announced_to_its_account_only(disk: DiskWorld):
    """Those who share an encrypted room with it hear nothing before it is approved."""
    ada, bob = [await disk.connect(name, keys=True) for name in ("ada", "bob")]
    await den(disk, ada, bob)
    for peer in (ada, bob):
        peer.frames.clear()
    disk.bus.publish(DeviceWaits(bob.info.grant.user))
    await bob.until(lambda: bob.got(KeyLogAppended))
    await settle()
    head = await disk.disk.keylog.head()
    assert head is not None
    assert bob.frames == [KeyLogAppended(size=head.size, waiting=True)]
    assert ada.frames == []


async def test_a_burst_of_changes_is_announced_once(disk: DiskWorld):
    """A hundred changes before the notification are one notification."""
    ada = await disk.connect("ada", keys=True)
    await den(disk, ada)
    ada.frames.clear()
    for _ in range(100):
        disk.chat.journal(DevicesChanged(ada.info.grant.user))
    await ada.until(lambda: ada.got(KeyLogAppended))
    await settle()
    assert len(ada.got(KeyLogAppended)) == 1


async def test_only_the_device_is_notified_of_low_key_packages(disk: DiskWorld):
    """Another device of the account cannot bring them."""
    laptop, phone = await disk.connect("ada", keys=True), await disk.connect("ada", keys=True)
    disk.bus.publish(DeviceEphemeral(laptop.info.grant.user, device_of(laptop), KeyPackagesLow(left=3)))
    assert laptop.got(KeyPackagesLow) == [KeyPackagesLow(left=3)]
    assert phone.got(KeyPackagesLow) == []


async def test_a_revoked_devices_sockets_close(disk: DiskWorld):
    """S1: as soon as the bus says so, and nothing is delivered after it."""
    laptop, phone = await disk.connect("ada", keys=True), await disk.connect("ada", keys=True)
    user = laptop.info.grant.user
    key = await disk.disk.devices.account_key(user)
    assert key is not None
    entry = LogEntryBytes(b"revoked")
    change = await disk.disk.devices.revoke(
        BySession(user, laptop.info.grant.session), device_of(phone), PublicKey(key), entry
    )
    assert change.sessions == {phone.info.grant.session}
    disk.bus.publish(SessionsEnded(change.sessions))
    assert phone.ended == SESSION_ENDED
    assert laptop.ended is None


async def test_a_read_marker_is_shared_only_on_request(chat: World):
    """Off by default; and limited like other notifications."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await chat.ask(bob, MarkRead, room=room, seq=1)
    assert ada.got(ReadBy) == []
    other = await chat.connect("bob")
    await chat.ask(bob, MarkRead, room=room, seq=2, share=True)
    assert ada.got(ReadBy) == [ReadBy(room=room, user=bob.info.grant.user, seq=Seq(2))]
    assert bob.got(ReadBy) == []
    assert other.got(ReadMarked)
    for _ in range(30):
        await chat.ask(bob, MarkRead, room=room, seq=1, share=True)
    assert len(ada.got(ReadBy)) < 15


async def test_readers_are_not_announced_in_an_encrypted_room(disk: DiskWorld):
    """A receipt there is a sealed message; the marker itself moves on one's own devices as everywhere."""
    ada, bob = await disk.connect("ada", keys=True), await disk.connect("bob")
    room = await disk.make_room(ada, "lounge")
    await disk.ask(bob, Join, room=room)
    other = await disk.connect("bob")
    await disk.ask(bob, MarkRead, room=room, seq=1, share=True)
    await ada.until(lambda: ada.got(ReadBy))
    stored(await disk.ask(ada, Encrypt, room=room))
    await other.until(lambda: other.got(GroupChanged))
    await disk.ask(bob, MarkRead, room=room, seq=2, share=True)
    await other.until(lambda: len(other.got(ReadMarked)) == 2)
    await settle()
    assert len(ada.got(ReadBy)) == 1


async def test_pins_are_events(chat: World):
    """Put and taken off; what is pinned is not pinned again."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    sent = stored(await chat.ask(ada, Send, room=room, text="rules")).seq
    stored(await chat.ask(ada, Pin, room=room, target=sent))
    listed = await chat.ask(ada, ListPins, room=room)
    assert isinstance(listed, Ok)
    assert listed.result == Pins(room=room, targets=(sent,))
    stored(await chat.ask(ada, Pin, room=room, target=sent, on=False))
    assert [event.body for event in ada.events(room)][-2:] == [
        Pinned(target=sent, on=True),
        Pinned(target=sent, on=False),
    ]


@pytest.mark.parametrize("suite", RoomSuite)
async def test_a_room_keeps_the_suite_that_it_was_made_with(disk: DiskWorld, suite: RoomSuite):
    """It stands in its first event and in each summary, for other members and after a login."""
    ada = await disk.connect("ada")
    await disk.connect("bob")
    kind = RoomKind.PRIVATE
    made = [
        await disk.ask(ada, CreateRoom, name="vault", kind=kind, encrypted=True, suite=suite),
        await disk.ask(ada, OpenDirect, user="bob", encrypted=True, suite=suite),
        await disk.ask(ada, OpenDirect, user="bob", encrypted=True),
    ]
    for answer in made:
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Entered)
        assert answer.result.room.suite is suite
    again = await disk.connect("ada")
    assert {room.suite for room in again.got(Hello)[0].rooms if room.encrypted} == {suite}


async def test_a_direct_room_is_encrypted_when_it_is_made_so(disk: DiskWorld):
    """Also the one with oneself; and what exists stays what it is."""
    ada = await disk.connect("ada")
    await disk.connect("bob")
    for name in ("ada", "bob"):
        made = await disk.ask(ada, OpenDirect, user=name, encrypted=True)
        again = await disk.ask(ada, OpenDirect, user=name)
        for answer in (made, again):
            assert isinstance(answer, Ok)
            assert isinstance(answer.result, Entered)
            assert answer.result.room.encrypted
            assert answer.result.room.peer == name
