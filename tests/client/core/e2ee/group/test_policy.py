"""Parlour's rules by themselves: bindings in one form, credentials that fit their keys, a strict judge."""

import pytest
from tests.client.core.e2ee.group_world import ROOM, SERVER, Device, room_of

from parlour_client.core.e2ee.errors import RuleBrokenError
from parlour_client.core.e2ee.group.report import digits
from parlour_client.core.e2ee.group.rules import Binding, binding_of, extensions_of, person_of
from parlour_client.core.e2ee.group.store import group_bytes
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, ROOM_BINDING
from parlour_client.core.model import NoteKind
from parlour_mls import Change, Credential, Extension, Member, Sender
from parlour_mls.codec import SenderType
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.ids import Epoch, new_group_id
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.membership import Roster
from parlour_protocol.rooms import Role, RoomKind

ADA = parse_user_name("ada")
ROSTER = Roster.begin(SERVER, ROOM, RoomKind.PRIVATE, ADA, [(ADA, bytes(32), Role.OWNER)], Millis(0))
BINDING, MEMBERS = extensions_of(ROSTER)


def test_a_binding_is_read_as_it_was_written() -> None:
    """Server, room and kind."""
    assert binding_of((BINDING, MEMBERS)) == Binding(SERVER, ROOM, RoomKind.PRIVATE)


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (Extension(CERTIFICATE, b""),),
        (BINDING,),
        (BINDING, MEMBERS, Extension(CERTIFICATE, b"")),
        (Extension(ROOM_BINDING, b""), MEMBERS),
        (Extension(ROOM_BINDING, b"\x93\xa1s\xa1r\xa4club"), MEMBERS),
        (Extension(ROOM_BINDING, b"\x92\xa1s\xa1r"), MEMBERS),
        (Extension(ROOM_BINDING, b"\xdc\x00\x03" + BINDING.data[1:]), MEMBERS),
        (Extension(ROOM_BINDING, BINDING.data + b"\0"), MEMBERS),
    ],
)
def test_bindings_that_are_refused(extensions: tuple[Extension, ...]) -> None:
    """None, no list of members, another extension beside it, shape, or encoding, or trailing bytes."""
    with pytest.raises(RuleBrokenError):
        binding_of(extensions)


def test_the_rules_expect_no_commit_until_one_is_declared() -> None:
    """Whatever comes in between is refused, the empty commit too."""
    alice = Device("alice")
    stored = alice.groups.stored(alice.connection, room_of(alice).room)
    members = tuple(stored.group.tree.members())
    change = Change(Sender(SenderType.MEMBER, 0), (), (), (), (), None, None, b"", members)
    rules = stored.rules
    with pytest.raises(RuleBrokenError, match="none was expected"):
        rules.authorise(change)
    with rules.ours(0):
        rules.authorise(change)
    with pytest.raises(RuleBrokenError, match="none was expected"):
        rules.authorise(change)


def test_a_commit_that_comes_as_a_message_changes_nothing() -> None:
    """Another's, and the very one that this device has staged."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    body = alice.stage(log, 3)
    assert log.group is not None
    log.add(alice.user, EncryptedMessage(group=log.group, epoch=Epoch(1), data=Ciphertext(body.data)))
    for device in (alice, bobby):
        before = device.state(log)
        item = device.sync(log)[0]
        assert item.trouble or (item.note is not None and item.note.kind is NoteKind.FORGED)
        assert device.state(log) == before
    log.commit(alice, body)
    for device in (alice, bobby):
        device.sync(log)
        assert device.status(log).epoch == 2


@pytest.mark.parametrize(
    "identity",
    [
        b"",
        b"alice",
        b"alice@chat.example",
        b"alice@evil.example/x",
        b"\xff@chat.example/x",
        b"a/b@chat.example/x",
    ],
)
def test_credentials_that_do_not_fit_their_key(identity: bytes) -> None:
    """A past epoch's roster holds the credential alone: it must still name the device of its key."""
    alice = Device("alice")
    good = Member(0, alice.key.public, alice.key.credential)
    assert person_of(good, SERVER).device == alice.id
    with pytest.raises(RuleBrokenError):
        person_of(Member(0, alice.key.public, Credential.basic(identity)), SERVER)
    with pytest.raises(RuleBrokenError):
        person_of(Member(0, bytes(32), alice.key.credential), SERVER)


def test_ids_and_digits() -> None:
    """32 bytes a group id; thirty digits, zeros included."""
    assert len(group_bytes(new_group_id())) == 32
    assert digits(bytes(32)) == "00000 00000 00000 00000 00000 00000"
