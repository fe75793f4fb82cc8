"""Who may edit, delete, react and pin inside an encrypted room, and what names which message."""

import pytest
from tests.client.core.e2ee.group_world import ROOM, SERVER, Device, Log, request, room_of, sealed_body

from parlour_client.core.e2ee.group.contents import content_of
from parlour_client.core.e2ee.group.run import Received
from parlour_client.core.errors import EncryptionError
from parlour_protocol.encrypted import (
    DeleteContent,
    EditContent,
    EncryptedFile,
    PinContent,
    ReactContent,
    ReadContent,
    TextContent,
)
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import (
    Blank,
    Deleted,
    Edited,
    EncryptedMessage,
    FileRef,
    Message,
    Pinned,
    Reacted,
    RoleSet,
)
from parlour_protocol.frames.fields import FileName, Reaction
from parlour_protocol.frames.opaque import Digest, FileKey
from parlour_protocol.frames.requests import Delete, Edit, Pin, React, Send
from parlour_protocol.ids import FileId, new_file_id
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.membership import Roster, SetRole
from parlour_protocol.rooms import Role, RoomKind

THUMB = Reaction.parse("👍")
HELLO = MessageText.parse("hello")


def last(device: Device, log: object) -> Received:
    """Return the last row that a device got."""
    return device.sync(log)[-1]  # type: ignore[arg-type]


def test_only_the_author_may_edit() -> None:
    """Another member's edit is a row that says so and changes nothing."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    seq = alice.say(log, 10, "hello")
    alice.say(log, 11, EditContent(target=request(10), text=HELLO))
    item = last(carol, log)
    assert (item.event.body, item.row, item.trouble) == (Edited(target=seq, text=HELLO), False, "")
    bobby.say(log, 12, EditContent(target=request(10), text=MessageText.parse("CANARY")))
    item = last(carol, log)
    assert isinstance(item.event.body, EncryptedMessage)
    assert "bobby" in item.trouble
    assert item.row
    assert "CANARY" not in str(item)


def made(owner: Device, who: Device, log: Log, role: Role) -> RoleSet:
    """Return the event by which an owner gives someone a role."""

    def act(roster: Roster) -> SetRole:
        return SetRole(SERVER, ROOM, roster.serial, Millis(log.now), who.user, role)

    return RoleSet(who=who.user, role=role, statement=owner.sign(log, act))


def test_a_deletion_is_taken_from_author_and_moderators() -> None:
    """By role as an owner has signed it, and not as the server tells it."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    seq = bobby.say(log, 10, "hello")
    carol.sync(log)
    alice.say(log, 11, DeleteContent(target=request(10)), blanks=seq)
    assert last(bobby, log).event.body == Deleted(target=seq)
    other = alice.say(log, 12, "mine")
    bobby.say(log, 13, DeleteContent(target=request(12)), blanks=other)
    assert "someone else's message" in last(carol, log).trouble
    log.add(alice.user, RoleSet(who=bobby.user, role=Role.MODERATOR))
    bobby.say(log, 14, DeleteContent(target=request(12)), blanks=other)
    assert "someone else's message" in last(carol, log).trouble
    log.add(alice.user, made(alice, bobby, log, Role.MODERATOR))
    bobby.say(log, 15, DeleteContent(target=request(12)), blanks=other)
    assert last(carol, log).event.body == Deleted(target=other)


def test_a_role_counts_from_its_event_on_also_in_the_same_page() -> None:
    """Anyone who was away reads the appointment and what the moderator did in one run."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    carol.sync(log)
    seq = alice.say(log, 10, "hello")
    bobby.say(log, 11, DeleteContent(target=request(10)), blanks=seq)
    log.add(alice.user, made(alice, bobby, log, Role.MODERATOR))
    alice.sync(log)
    bobby.say(log, 12, DeleteContent(target=request(10)), blanks=seq)
    log.add(alice.user, made(alice, bobby, log, Role.MEMBER))
    bobby.say(log, 13, DeleteContent(target=request(10)), blanks=seq)
    _, before, _, between, _, after = carol.sync(log)
    assert between.event.body == Deleted(target=seq)
    for item in (before, after):
        assert "someone else's message" in item.trouble


def test_no_one_deletes_the_others_messages_in_a_direct_room() -> None:
    """Anyone who opened it is its owner only on paper."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby, kind=RoomKind.DIRECT)
    seq = bobby.say(log, 10, "hello")
    bobby.sync(log)
    alice.say(log, 11, DeleteContent(target=request(10)), blanks=seq)
    assert "someone else's message" in last(bobby, log).trouble
    alice.say(log, 12, PinContent(target=request(10)))
    assert last(bobby, log).event.body == Pinned(target=seq, on=True)


def test_a_deletion_cannot_make_the_server_drop_another_message() -> None:
    """``blanks`` must be the message that is named; any other content may have none."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    seq = alice.say(log, 10, "keep this")
    alice.say(log, 11, "and delete this")
    alice.say(log, 12, DeleteContent(target=request(11)), blanks=seq)
    assert "a message other than" in last(bobby, log).trouble
    alice.say(log, 13, "innocent", blanks=seq)
    assert "without saying so" in last(bobby, log).trouble


def test_a_deletion_with_an_unknown_id_cannot_delete_what_was_read() -> None:
    """Else any member with the server's help could delete anyone's message."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    seq = alice.say(log, 10, "keep this")
    bobby.say(log, 11, DeleteContent(target=request(99)), blanks=seq)
    assert last(carol, log).trouble


def test_a_deletion_of_what_was_never_read_is_taken_by_its_place() -> None:
    """The content was gone before this device came by: the row says deleted."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.seal(log, 10, "gone")
    blank = log.add(alice.user, Blank(was="sealed"))
    alice.run(
        lambda c: c.execute("INSERT INTO mls_messages VALUES (?, ?, 4, 'alice', 1)", (ROOM, request(10)))
    )
    alice.say(log, 11, DeleteContent(target=request(10)), blanks=blank.seq)
    assert last(bobby, log).event.body == Deleted(target=blank.seq)


def test_replies_reactions_and_pins_name_the_message_by_its_id() -> None:
    """A server that numbers messages again moves no reaction to another one."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    first = alice.seal(log, 10, "first")
    log.add(alice.user, sealed_body(alice.seal(log, 11, "second")))
    seq = log.add(alice.user, sealed_body(first)).seq  # the server swaps them
    alice.sync(log)
    bobby.say(log, 12, TextContent(text=HELLO, reply_to=request(10)))
    assert last(alice, log).event.body == Message(text=HELLO, reply_to=seq)
    bobby.say(log, 13, ReactContent(target=request(10), reaction=THUMB))
    assert last(alice, log).event.body == Reacted(target=seq, reaction=THUMB, on=True)
    alice.say(log, 14, PinContent(target=request(10)))
    assert last(bobby, log).event.body == Pinned(target=seq, on=True)


def test_what_names_no_text_is_reported() -> None:
    """A reaction to a reaction, a pin by a plain member; a reply to nothing is only a message."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "hello")
    bobby.say(log, 11, ReactContent(target=request(10), reaction=THUMB))
    bobby.say(log, 12, ReactContent(target=request(11), reaction=THUMB))
    assert "not here" in last(alice, log).trouble
    bobby.say(log, 13, ReactContent(target=request(99), reaction=THUMB))  # deleted, or from before a join
    shown = last(alice, log)
    assert (shown.trouble, shown.row) == ("", False)
    bobby.say(log, 14, PinContent(target=request(10)))
    assert "moderators" in last(alice, log).trouble
    bobby.say(log, 15, TextContent(text=HELLO, reply_to=request(99)))
    assert last(alice, log).event.body == Message(text=HELLO)


def test_a_read_mark_is_no_row_and_comes_as_content() -> None:
    """It has no body that the timeline knows."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "hello")
    bobby.say(log, 11, ReadContent(target=request(10)))
    item = last(alice, log)
    assert (item.row, item.content, item.device) == (False, ReadContent(target=request(10)), bobby.id)


def test_frames_become_contents_by_the_ids_of_messages_here() -> None:
    """What a person asks for by number is encrypted by id; what was not read here cannot be named."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    seq = alice.say(log, 10, "hello")
    alice.sync(log)
    target, new, to = request(10), request(20), alice.connection
    found = [
        content_of(to, frame)
        for frame in (
            Send(id=new, room=ROOM, text=HELLO, reply_to=seq),
            Edit(id=new, room=ROOM, target=seq, text=HELLO),
            Delete(id=new, room=ROOM, target=seq),
            React(id=new, room=ROOM, target=seq, reaction=THUMB),
            Pin(id=new, room=ROOM, target=seq, on=False),
        )
    ]
    assert found == [
        (TextContent(text=HELLO, reply_to=target), None),
        (EditContent(target=target, text=HELLO), None),
        (DeleteContent(target=target), seq),
        (ReactContent(target=target, reaction=THUMB), None),
        (PinContent(target=target, on=False), None),
    ]
    with pytest.raises(EncryptionError, match="was not read on this device"):
        content_of(to, Edit(id=new, room=ROOM, target=Seq(1), text=HELLO))


def test_a_file_goes_out_with_its_key_or_not_at_all() -> None:
    """A file whose key is not here was not encrypted: it is not named in a message."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    file, key, digest = new_file_id(), FileKey(b"k" * 32), Digest(b"d" * 32)
    ref = FileRef(file=file, name=FileName.parse("a.txt"), media_type="text/plain", size=3, sha256=digest)
    frame = Send(id=request(10), room=ROOM, text=HELLO, file=ref)
    with pytest.raises(EncryptionError, match="key of this file is not on this device"):
        content_of(alice.connection, frame)
    _keep_key(alice, file, digest, key)
    content, _ = content_of(alice.connection, frame)
    assert isinstance(content, TextContent)
    assert isinstance(content.file, EncryptedFile)
    alice.say(log, 10, content)
    item = last(bobby, log)
    assert item.event.body == Message(text=HELLO, file=ref)
    assert item.content == content


def _keep_key(device: Device, file: FileId, digest: Digest, key: FileKey) -> None:
    query = "INSERT INTO file_keys VALUES (?, ?, ?, ?)"
    device.run(lambda c: c.execute(query, (ROOM, file, bytes(digest), bytes(key))))
