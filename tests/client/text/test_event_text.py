"""Every kind of event has a sentence."""

from typing import get_args

import pytest
from tests.client.ui.ui_fake import ALICE, BOB

from parlour_client.core.model import SYSTEM_ACCOUNT, display_name
from parlour_client.text.date_text import short_time
from parlour_client.text.event_text import done_elsewhere, event_sentence
from parlour_protocol.frames import AnyBody, bodies
from parlour_protocol.frames.fields import MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Ciphertext, HandshakeBytes
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.kit.names import NameRefusedError, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

LATE = Millis(1_700_000_000_000)
SOON = Millis(LATE - 3 * 86_400_000)
"""When it happened."""
LOCAL = short_time(LATE, SOON)
GROUP, PHONE = GroupId("g" * 43), DeviceId("a" * 26)
SENTENCES = [
    (bodies.Created(RoomKind.PRIVATE, None), "alice created this room", None),
    (bodies.Joined(), "alice joined", None),
    (bodies.Left(), "alice left", None),
    (bodies.Invited(BOB), "alice invited bob", None),
    (bodies.Uninvited(BOB), "alice withdrew the invitation of bob", None),
    (bodies.Added(BOB), "alice added bob", None),
    (bodies.Kicked(BOB, ReasonText("too loud")), "alice removed bob", "too loud"),
    (bodies.Banned(BOB, LATE, ReasonText("")), f"alice banned bob until {LOCAL}", None),
    (bodies.Banned(BOB, None, ReasonText("spam")), "alice banned bob", "spam"),
    (bodies.Unbanned(BOB), "alice unbanned bob", None),
    (bodies.Muted(BOB, LATE), f"alice muted bob until {LOCAL}", None),
    (bodies.Muted(BOB), "alice muted bob", None),
    (bodies.Unmuted(BOB), "alice unmuted bob", None),
    (bodies.TopicSet(TopicText("tea")), "alice set the topic", "tea"),
    (bodies.TopicSet(TopicText("")), "alice removed the topic", None),
    (
        bodies.RetentionSet(7, LATE),
        f"alice changed how long the server keeps messages: kept for 7 days, from {LOCAL} on",
        None,
    ),
    (
        bodies.RetentionSet(None, LATE),
        f"alice changed how long the server keeps messages: kept for ever, from {LOCAL} on",
        None,
    ),
    (bodies.RoleSet(BOB, Role.OWNER), "alice made bob an owner", None),
    (bodies.RoleSet(BOB, Role.MODERATOR), "alice made bob a moderator", None),
    (bodies.RoleSet(BOB, Role.MEMBER), "alice made bob a member", None),
    (bodies.Pinned(Seq(4), True), "alice pinned #4", None),
    (bodies.Pinned(Seq(4), False), "alice unpinned #4", None),
    (bodies.Deleted(Seq(4)), "alice deleted #4", None),
    (bodies.Edited(Seq(4), MessageText("tea")), "alice edited #4", "tea"),
    (bodies.Reacted(Seq(4), Reaction("+1"), True), "alice reacted to #4", "+1"),
    (bodies.Reacted(Seq(4), Reaction("+1"), False), "alice removed a reaction from #4", "+1"),
    (bodies.Blank("message"), "A message by alice was deleted", None),
    (bodies.Blank("sealed"), "A message by alice was deleted", None),
    (bodies.Blank("edited"), "An edit by alice was deleted", None),
    (bodies.Blank("reacted"), "A reaction by alice was deleted", None),
    (bodies.Blank("expired"), "A message expired and was deleted", None),
    (bodies.Blank("later"), "Something by alice was deleted", None),
    (bodies.Renamed(parse_room_name("den")), "alice renamed this room to den", None),
    (bodies.Archived(True), "alice archived this room", None),
    (bodies.Archived(False), "alice made this room active again", None),
    (bodies.RoomDeleted(), "alice deleted this room", None),
    (bodies.Message(MessageText("tea")), "alice sent a message", None),
    (bodies.EncryptionOn(), "alice turned on end-to-end encryption", None),
    (bodies.GroupCreated(GROUP, PHONE), "alice created the encrypted group", None),
    (bodies.Handshake(GROUP, Epoch(3), HandshakeBytes(b"commit")), "alice renewed the keys", None),
    (bodies.EncryptedMessage(GROUP, Epoch(3), Ciphertext(b"text")), "alice sent an encrypted message", None),
    (
        bodies.Contested(GROUP, Epoch(3)),
        "alice could not apply a change of keys: the group may have split",
        None,
    ),
    (bodies.Unreadable(), "Can't be read: the server's storage is damaged", None),
]


@pytest.mark.parametrize(("body", "sentence", "words"), SENTENCES, ids=lambda value: type(value).__name__)
def test_what_happened_is_a_sentence(body: AnyBody, sentence: str, words: str | None) -> None:
    """Ours, with a stranger's words apart."""
    ours, theirs = event_sentence(ALICE, body, SOON)
    assert (ours, theirs) == (sentence, words)


def test_the_system_account_is_called_server() -> None:
    """Its name on disk is `house`; people read `server`, which is a name that no person can have."""
    assert event_sentence(SYSTEM_ACCOUNT, bodies.Created(RoomKind.PUBLIC, None), SOON) == (
        "Room created",
        None,
    )
    assert (
        event_sentence(SYSTEM_ACCOUNT, bodies.RoleSet(BOB, Role.OWNER), SOON)[0] == "server made bob an owner"
    )
    assert display_name(SYSTEM_ACCOUNT) == "server"
    assert display_name(ALICE) == "alice"
    with pytest.raises(NameRefusedError):
        parse_user_name("server")


def test_every_kind_has_one() -> None:
    """The types say so, and so does a sentence of each above."""
    assert {type(body) for body, _, _ in SENTENCES} == set(get_args(AnyBody))


DONE = [
    (bodies.Kicked(BOB, ReasonText("off topic")), "alice removed you from this room", "off topic"),
    (bodies.Banned(BOB, LATE, ReasonText("spam")), f"alice banned you until {LOCAL}", "spam"),
    (bodies.Banned(BOB), "alice banned you", None),
    (bodies.Unbanned(BOB), "alice lifted your ban", None),
    (bodies.Muted(BOB), "alice muted you", None),
    (bodies.Unmuted(BOB), "alice unmuted you", None),
    (bodies.RoleSet(BOB, Role.MODERATOR), "alice made you a moderator", None),
]


@pytest.mark.parametrize(("body", "sentence", "words"), DONE, ids=lambda value: type(value).__name__)
def test_what_was_done_to_the_reader_is_said_to_them(body: AnyBody, sentence: str, words: str | None) -> None:
    """Others read the name; so does someone who stepped down themselves."""
    assert event_sentence(ALICE, body, SOON, BOB) == (sentence, words)
    assert event_sentence(ALICE, body, SOON, ALICE) == event_sentence(ALICE, body, SOON)
    assert event_sentence(BOB, body, SOON, BOB) == event_sentence(BOB, body, SOON)


def test_in_a_room_that_is_not_open_the_room_is_named() -> None:
    """And what was done to others is no news there."""
    kicked, banned = bodies.Kicked(BOB, ReasonText("off topic")), bodies.Banned(BOB, LATE)
    assert done_elsewhere(ALICE, kicked, SOON, BOB, "den") == ("alice removed you from den", "off topic")
    assert done_elsewhere(ALICE, banned, SOON, BOB, "den") == (
        f"alice banned you from den until {LOCAL}",
        None,
    )
    made = bodies.RoleSet(BOB, Role.OWNER)
    assert done_elsewhere(ALICE, made, SOON, BOB, "den") == ("den: alice made you an owner", None)
    assert done_elsewhere(ALICE, kicked, SOON, ALICE, "den") == ("", None)
    assert done_elsewhere(BOB, made, SOON, BOB, "den") == ("", None)
