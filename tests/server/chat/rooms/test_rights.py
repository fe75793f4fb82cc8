"""The rights of a room: every refusal of ``decide``, and what it lets through."""

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Archived,
    Banned,
    Blank,
    Contested,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Pinned,
    Reacted,
    Renamed,
    RetentionSet,
    RoleSet,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.frames.event_rules import Action
from parlour_protocol.frames.fields import MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Ciphertext, HandshakeBytes
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.limits import (
    INVITATIONS_INTO_ROOM,
    INVITATIONS_OF_INVITER,
    PINS_PER_ROOM,
    REACTIONS_PER_MESSAGE,
    ROOMS_PER_USER,
)
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.permissions import LOWEST_ROLE, RANK
from parlour_server.chat.rooms.rights import decide, decide_within
from parlour_server.chat.store.types import (
    AppendEvent,
    GroupFacts,
    Membership,
    RoomFacts,
    Target,
)
from parlour_server.core.errors import RefusedError

ADA, BOB = parse_user_name("ada"), parse_user_name("bob")
NOW = Millis(1_000_000)
LATER, EARLIER, FOR_GOOD = Millis(NOW + 1), Millis(NOW - 1), Millis(0)
TEXT, HEART = MessageText("hi"), Reaction("+1")
MESSAGE = Target(Seq(5), ADA, "message")
PHONE = DeviceId("a" * 26)
GROUP, OTHER = GroupId("g" * 43), GroupId("h" * 43)
GROUP_FACTS = GroupFacts(
    GROUP, Epoch(3), contested=False, stale_until=Millis(0), sender_present=True, removal_pending=False
)
SEALED = EncryptedMessage(group=GROUP, epoch=Epoch(3), data=Ciphertext(b"sealed"))
HANDSHAKE = Handshake(group=GROUP, epoch=Epoch(3), data=HandshakeBytes(b"commit"))


def event(body: AnyBody) -> AppendEvent:
    """Return Ada's event."""
    laptop = parse_device_name("laptop")
    return AppendEvent(RoomId("r" * 22), ADA, laptop, RequestId("q" * 22), NOW, body, None, sender=PHONE)


def facts(role: Role | None = Role.MEMBER, theirs: Role | None = None, /, **more: Any) -> RoomFacts:
    """Return facts of a public room in which Ada and Bob have these roles."""
    fields: dict[str, Any] = {
        "kind": RoomKind.PUBLIC,
        "author": role and Membership(ADA, role),
        "subject": theirs and Membership(BOB, theirs),
        "subject_exists": True,
        "target": MESSAGE,
        "owners": 1,
    }
    return RoomFacts(**{**fields, **more})


def outcome(body: AnyBody, known: RoomFacts) -> str | None:
    """Return why it is refused, or None; the hint must be fit to be shown."""
    try:
        decide(event(body), known)
    except RefusedError as error:
        refusal = error
    else:
        return None
    assert refusal.hint
    assert refusal.hint.isascii()
    assert len(refusal.hint) <= 256
    return refusal.code


BODIES: dict[Action, list[AnyBody]] = {
    Action.WRITE: [
        Message(text=TEXT),
        Message(text=TEXT, reply_to=Seq(5)),
        Edited(target=Seq(5), text=TEXT),
        Reacted(target=Seq(5), reaction=HEART, on=True),
    ],
    Action.DELETE_OWN: [Deleted(target=Seq(5))],
    Action.LEAVE: [Left()],
    Action.INVITE: [Invited(who=BOB)],
    Action.SET_TOPIC: [TopicSet(topic=TopicText("t"))],
    Action.SET_RETENTION: [RetentionSet(days=7)],
    Action.SET_ROLE: [RoleSet(who=BOB, role=Role.MODERATOR)],
    Action.KICK: [Kicked(who=BOB)],
    Action.BAN: [Banned(who=BOB)],
    Action.UNBAN: [Unbanned(who=BOB)],
    Action.MUTE: [Muted(who=BOB)],
    Action.UNMUTE: [Unmuted(who=BOB)],
    Action.PIN: [Pinned(target=Seq(5), on=True)],
    Action.ENCRYPT: [EncryptionOn()],
    Action.FOUND: [GroupCreated(group=GROUP, device=PHONE)],
    Action.REFOUND: [GroupCreated(group=OTHER, device=PHONE, replaces=GROUP)],
    Action.COMMIT: [HANDSHAKE, Contested(group=GROUP, epoch=Epoch(3))],
}
ABOUT_A_MEMBER = {Action.SET_ROLE, Action.KICK, Action.MUTE, Action.UNMUTE}
CASES = [(action, body) for action, bodies in BODIES.items() for body in bodies]


def fitting(action: Action, role: Role | None, **more: Any) -> RoomFacts:
    """Return facts under which nothing but role and kind of room can refuse the action."""
    known = facts(role, Role.MEMBER if action in ABOUT_A_MEMBER else None, **more)
    if action is Action.UNMUTE:
        return replace(known, subject=Membership(BOB, Role.MEMBER, FOR_GOOD))
    if action is Action.UNBAN:
        return replace(known, subject_banned_until=FOR_GOOD)
    if action is Action.FOUND:
        return replace(known, encrypted=True, sender_active=True)
    if action is Action.REFOUND:
        return replace(known, encrypted=True, sender_active=True, group=replace(GROUP_FACTS, contested=True))
    if action is Action.COMMIT:
        return replace(known, encrypted=True, group=GROUP_FACTS)
    return known


@pytest.mark.parametrize(("action", "body"), CASES)
def test_the_table_is_what_is_decided(action: Action, body: AnyBody):
    """Each action in each kind of room: from the lowest role of the table on, and not below."""
    for role, kind in itertools.product(Role, RoomKind):
        lowest = LOWEST_ROLE[kind].get(action)
        allowed = lowest is not None and RANK[role] >= RANK[lowest]
        expected = None if allowed else ErrorCode.FORBIDDEN
        assert outcome(body, fitting(action, role, kind=kind)) is expected, (role, kind)


@pytest.mark.parametrize(("action", "body"), CASES)
def test_a_room_that_a_stranger_may_not_see_is_not_there(action: Action, body: AnyBody):
    """Enumeration: never FORBIDDEN, never BANNED, for a room that is hidden or does not exist."""
    for kind in (RoomKind.PRIVATE, RoomKind.DIRECT, None):
        hidden = fitting(action, None, kind=kind, author_banned_until=FOR_GOOD)
        assert outcome(body, hidden) is ErrorCode.NOT_FOUND, kind


@pytest.mark.parametrize(("action", "body"), CASES)
def test_a_stranger_of_a_public_room_must_join_first(action: Action, body: AnyBody):
    """It is in the directory, so it may say what is wrong: not in it, or banned."""
    assert outcome(body, fitting(action, None)) is ErrorCode.FORBIDDEN
    banned = fitting(action, None, author_banned_until=FOR_GOOD)
    assert outcome(body, banned) is ErrorCode.BANNED


@pytest.mark.parametrize(
    "body",
    [*BODIES[Action.WRITE], *BODIES[Action.INVITE], *BODIES[Action.SET_TOPIC], *BODIES[Action.PIN]],
    ids=str,
)
def test_the_muted_put_no_words_before_the_others(body: AnyBody):
    """A mute holds until its time and not a millisecond longer; moderators can be muted too."""
    for until in (FOR_GOOD, LATER):
        assert outcome(body, facts(author=Membership(ADA, Role.MODERATOR, until))) is ErrorCode.MUTED, until
    for until in (None, NOW, EARLIER):
        assert outcome(body, facts(author=Membership(ADA, Role.MODERATOR, until))) is None, until


@pytest.mark.parametrize("body", [Deleted(target=Seq(5)), Left(), Uninvited(who=BOB)])
def test_the_muted_may_take_back_and_go(body: AnyBody):
    """Deleting one's own words, leaving and withdrawing an invitation put nothing before anyone."""
    muted = facts(author=Membership(ADA, Role.MEMBER, FOR_GOOD), invited_by_author=True)
    assert outcome(body, muted) is None


def test_a_muted_owner_does_not_rename_the_room():
    """A name is text, too: someone who was muted as a moderator may own the room now."""
    body = Renamed(parse_room_name("den"))
    assert outcome(body, facts(author=Membership(ADA, Role.OWNER, FOR_GOOD))) is ErrorCode.MUTED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (Message(text=TEXT), ErrorCode.ARCHIVED),
        (TopicSet(topic=TopicText("t")), ErrorCode.ARCHIVED),
        (Invited(who=BOB), ErrorCode.ARCHIVED),
        (Uninvited(who=BOB), None),
        (RetentionSet(days=7), None),
        (Deleted(target=Seq(5)), None),
    ],
    ids=str,
)
def test_an_archived_room_shrinks_and_does_not_grow(body: AnyBody, expected: ErrorCode | None):
    """Nothing is written, no one is invited; what there is may go, and invitations may be withdrawn."""
    known = facts(Role.OWNER, archived=True, invited_by_author=body == Uninvited(who=BOB))
    assert outcome(body, known) is expected


def test_an_open_room_takes_nothing_that_only_an_encrypted_one_has():
    """For its members' devices it would be encrypted from there on."""
    group = {"group": GROUP_FACTS, "sender_active": True}
    for body in (SEALED, HANDSHAKE, GroupCreated(group=GROUP, device=PHONE)):
        assert outcome(body, facts(Role.OWNER, **group)) is ErrorCode.FORBIDDEN, body


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, None),
        ({"author": Membership(ADA, Role.MEMBER)}, ErrorCode.ALREADY),
        ({"kind": None}, ErrorCode.NOT_FOUND),
        ({"kind": RoomKind.PRIVATE}, ErrorCode.NOT_FOUND),
        ({"kind": RoomKind.DIRECT}, ErrorCode.NOT_FOUND),
        ({"kind": RoomKind.PRIVATE, "author_banned_until": FOR_GOOD}, ErrorCode.NOT_FOUND),
        ({"author_banned_until": FOR_GOOD}, ErrorCode.BANNED),
        ({"author_banned_until": LATER}, ErrorCode.BANNED),
        ({"author_banned_until": NOW}, None),
        ({"author_rooms": ROOMS_PER_USER.value - 1}, None),
        ({"author_rooms": ROOMS_PER_USER.value}, ErrorCode.LIMIT_REACHED),
    ],
)
def test_joining(known: dict[str, Any], expected: ErrorCode | None):
    """Only public rooms are joined, by people who are not banned, up to the limit of rooms."""
    assert outcome(Joined(), facts(None, **known)) is expected


@pytest.mark.parametrize("kind", [RoomKind.PRIVATE, RoomKind.PUBLIC])
def test_accepting_an_invitation(kind: RoomKind):
    """L14: it opens a private room, up to the limit of rooms; without one there is no such room."""

    def entering(**known: Any) -> str | None:
        return outcome(Joined(), facts(None, kind=kind, **known))

    assert entering(author_invited=True) is None
    assert entering(author_invited=True, author_rooms=ROOMS_PER_USER.value) is ErrorCode.LIMIT_REACHED
    assert entering(author_invited=False) is (ErrorCode.NOT_FOUND if kind is RoomKind.PRIVATE else None)


@pytest.mark.parametrize(
    ("body", "rooms", "expected"),
    [
        (Message(text=TEXT), ROOMS_PER_USER.value - 1, None),
        (Message(text=TEXT), ROOMS_PER_USER.value, ErrorCode.LIMIT_REACHED),
        (Deleted(target=Seq(5)), ROOMS_PER_USER.value, None),
    ],
)
def test_an_answer_is_a_yes(body: AnyBody, rooms: int, expected: ErrorCode | None):
    """L14: writing in a direct room that waits for a yes makes it one's own, up to the limit of rooms."""
    asked = Membership(ADA, Role.OWNER, asked=True)
    assert outcome(body, facts(kind=RoomKind.DIRECT, author_rooms=rooms, author=asked)) is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, None),
        ({"subject_exists": False}, ErrorCode.NOT_FOUND),
        ({"subject": Membership(BOB, Role.MEMBER)}, ErrorCode.ALREADY),
        ({"subject_banned_until": FOR_GOOD}, ErrorCode.FORBIDDEN),
        ({"subject_banned_until": EARLIER}, None),
        ({"subject_invited": True}, None),
        ({"subject_invited": True, "invited_by_author": True}, ErrorCode.ALREADY),
        ({"invite_again": NOW}, None),
        ({"invite_again": LATER}, ErrorCode.RATE_LIMITED),
        ({"invitations_of_author": INVITATIONS_OF_INVITER.value - 1}, None),
        ({"invitations_of_author": INVITATIONS_OF_INVITER.value}, ErrorCode.LIMIT_REACHED),
        ({"invitations_into_room": INVITATIONS_INTO_ROOM.value - 1}, None),
        ({"invitations_into_room": INVITATIONS_INTO_ROOM.value}, ErrorCode.LIMIT_REACHED),
    ],
)
def test_inviting_someone(known: dict[str, Any], expected: ErrorCode | None):
    """L14: they exist, are not there, are not banned; and the author did not invite too much."""
    assert outcome(Invited(who=BOB), facts(**known)) is expected


@pytest.mark.parametrize(
    ("mine", "known", "expected"),
    [
        (Role.MEMBER, {"subject_invited": True, "invited_by_author": True}, None),
        (Role.MEMBER, {"subject_invited": True}, ErrorCode.NOT_FOUND),
        (Role.MODERATOR, {"subject_invited": True}, None),
        (Role.OWNER, {}, ErrorCode.NOT_FOUND),
    ],
)
def test_taking_an_invitation_back(mine: Role, known: dict[str, Any], expected: ErrorCode | None):
    """One's own; a moderator anyone's."""
    assert outcome(Uninvited(who=BOB), facts(mine, **known)) is expected


@pytest.mark.parametrize(
    "body",
    [Kicked(who=BOB), Banned(who=BOB), Muted(who=BOB), Unmuted(who=BOB), RoleSet(who=BOB, role=Role.MEMBER)],
    ids=str,
)
def test_no_one_acts_on_an_equal_or_a_higher_role(body: AnyBody):
    """Privilege escalation: a moderator cannot touch a moderator, no one an owner."""
    needed = Role.OWNER if isinstance(body, RoleSet) else Role.MODERATOR
    for mine, theirs in itertools.product(Role, Role):
        muted = Membership(BOB, theirs, FOR_GOOD if isinstance(body, Unmuted) else None)
        code = outcome(body, facts(mine, owners=2, subject=muted))
        expected: ErrorCode | None = ErrorCode.FORBIDDEN
        if RANK[mine] >= RANK[needed] and isinstance(body, RoleSet) and theirs is Role.MEMBER:
            expected = ErrorCode.ALREADY
        elif RANK[mine] >= RANK[needed] and RANK[mine] > RANK[theirs]:
            expected = None
        assert code is expected, (mine, theirs)


@pytest.mark.parametrize(
    "body", [Kicked(who=ADA), Banned(who=ADA), Muted(who=ADA), Unmuted(who=ADA)], ids=str
)
def test_no_one_kicks_bans_mutes_or_unmutes_themselves(body: AnyBody):
    """A muted moderator cannot lift the mute."""
    myself = Membership(ADA, Role.MODERATOR, FOR_GOOD)
    assert outcome(body, facts(author=myself, subject=myself)) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(("owners", "expected"), [(1, ErrorCode.FORBIDDEN), (2, None)])
def test_an_owner_steps_down_only_if_another_stays(owners: int, expected: ErrorCode | None):
    """A room never loses its last owner by a change of role."""
    myself = Membership(ADA, Role.OWNER)
    body = RoleSet(who=ADA, role=Role.MEMBER)
    assert outcome(body, facts(author=myself, subject=myself, owners=owners)) is expected


@pytest.mark.parametrize(
    "body", [Kicked(who=BOB), Muted(who=BOB), Unmuted(who=BOB), RoleSet(who=BOB, role=Role.OWNER)], ids=str
)
def test_only_members_can_be_acted_on(body: AnyBody):
    """Only a ban reaches those who are not there."""
    assert outcome(body, facts(Role.OWNER)) is ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "known", "expected"),
    [
        (Banned(who=BOB), {}, None),
        (Banned(who=BOB), {"subject_exists": False}, ErrorCode.NOT_FOUND),
        (Banned(who=BOB), {"subject_banned_until": FOR_GOOD}, ErrorCode.ALREADY),
        (Banned(who=BOB, until=LATER), {"subject_banned_until": FOR_GOOD}, None),
        (Unbanned(who=BOB), {}, ErrorCode.ALREADY),
        (Unbanned(who=BOB), {"subject_banned_until": EARLIER}, ErrorCode.ALREADY),
        (Unbanned(who=BOB), {"subject_banned_until": LATER}, None),
        (Muted(who=BOB), {"subject": Membership(BOB, Role.MEMBER, FOR_GOOD)}, ErrorCode.ALREADY),
        (Muted(who=BOB, until=LATER), {"subject": Membership(BOB, Role.MEMBER, FOR_GOOD)}, None),
        (Unmuted(who=BOB), {"subject": Membership(BOB, Role.MEMBER)}, ErrorCode.ALREADY),
        (Unmuted(who=BOB), {"subject": Membership(BOB, Role.MEMBER, EARLIER)}, ErrorCode.ALREADY),
    ],
)
def test_bans_and_mutes_that_are_so_already(body: AnyBody, known: dict[str, Any], expected: ErrorCode | None):
    """What changes nothing is refused; a new end is a change."""
    assert outcome(body, facts(Role.MODERATOR, **known)) is expected


@pytest.mark.parametrize(
    ("target", "refused"),
    [
        (None, ErrorCode.MESSAGE_GONE),
        (Target(Seq(5), ADA, "blank"), ErrorCode.MESSAGE_GONE),
        (Target(Seq(5), ADA, "joined"), ErrorCode.NOT_FOUND),
        (Target(Seq(5), ADA, "edited"), ErrorCode.NOT_FOUND),
    ],
)
@pytest.mark.parametrize("body", [*BODIES[Action.WRITE][1:], Deleted(target=Seq(5))], ids=str)
def test_replies_edits_reactions_and_deletions_need_a_message(
    body: AnyBody, target: Target | None, refused: ErrorCode
):
    """Nothing can be done to an event that is not a message, or no longer one."""
    if isinstance(body, Deleted) and target and target.kind == "blank":
        refused = ErrorCode.ALREADY
    assert outcome(body, facts(Role.OWNER, target=target)) is refused


@pytest.mark.parametrize("role", Role)
def test_only_the_author_edits_a_message(role: Role):
    """No one may edit another person's message."""
    theirs = facts(role, target=Target(Seq(5), BOB, "message"))
    assert outcome(Edited(target=Seq(5), text=TEXT), theirs) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    ("role", "kind", "expected"),
    [
        (Role.MEMBER, RoomKind.PUBLIC, ErrorCode.FORBIDDEN),
        (Role.MODERATOR, RoomKind.PUBLIC, None),
        (Role.OWNER, RoomKind.PRIVATE, None),
        (Role.OWNER, RoomKind.DIRECT, ErrorCode.FORBIDDEN),
    ],
)
def test_moderators_delete_the_messages_of_others(role: Role, kind: RoomKind, expected: ErrorCode | None):
    """But no one does in a direct room."""
    theirs = facts(role, kind=kind, target=Target(Seq(5), BOB, "message"))
    assert outcome(Deleted(target=Seq(5)), theirs) is expected


@pytest.mark.parametrize(
    ("on", "has", "count", "expected"),
    [
        (True, False, 0, None),
        (True, True, 1, ErrorCode.ALREADY),
        (False, True, 1, None),
        (False, False, 1, ErrorCode.ALREADY),
        (True, False, REACTIONS_PER_MESSAGE.value - 1, None),
        (True, False, REACTIONS_PER_MESSAGE.value, ErrorCode.LIMIT_REACHED),
        (False, True, REACTIONS_PER_MESSAGE.value, None),
    ],
)
def test_reactions(on: bool, has: bool, count: int, expected: ErrorCode | None):  # noqa: FBT001 - a table
    """Once each, up to the limit, and taken back only if put."""
    target = Target(Seq(5), BOB, "message", reactions=count, has_reaction=has)
    assert outcome(Reacted(target=Seq(5), reaction=HEART, on=on), facts(target=target)) is expected


@pytest.mark.parametrize(
    ("on", "pinned", "count", "expected"),
    [
        (True, False, 0, None),
        (True, True, 1, ErrorCode.ALREADY),
        (False, True, 1, None),
        (False, False, 1, ErrorCode.ALREADY),
        (True, False, PINS_PER_ROOM.value - 1, None),
        (True, False, PINS_PER_ROOM.value, ErrorCode.LIMIT_REACHED),
        (False, True, PINS_PER_ROOM.value, None),
    ],
)
def test_pins(on: bool, pinned: bool, count: int, expected: ErrorCode | None):  # noqa: FBT001 - a table
    """Once each, up to the limit, and taken off only if it is there."""
    known = facts(Role.MODERATOR, target=replace(MESSAGE, pinned=pinned), pins=count)
    assert outcome(Pinned(target=Seq(5), on=on), known) is expected


@pytest.mark.parametrize("body", [*BODIES[Action.WRITE], *BODIES[Action.PIN]], ids=str)
def test_an_encrypted_room_takes_nothing_readable(body: AnyBody):
    """For every sender; and a stranger learns nothing about the room."""
    assert outcome(body, facts(Role.OWNER, encrypted=True)) is ErrorCode.ENCRYPTED
    assert outcome(body, facts(None, kind=RoomKind.PRIVATE, encrypted=True)) is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("body", [TopicSet(topic=TopicText("t")), Deleted(target=Seq(5))], ids=str)
def test_topic_and_deletion_stay_readable(body: AnyBody):
    """The screens say so."""
    assert outcome(body, facts(Role.OWNER, encrypted=True)) is None


@pytest.mark.parametrize("body", [Created(room_kind=RoomKind.PUBLIC), Added(who=BOB), Blank(was="message")])
def test_what_no_request_makes_is_refused(body: AnyBody):
    """The store makes these itself."""
    assert outcome(body, facts(Role.OWNER)) is ErrorCode.FORBIDDEN


def test_a_timed_refusal_says_when_it_ends():
    """So that a client can count down."""
    with pytest.raises(RefusedError) as caught:
        decide(event(Message(text=TEXT)), facts(author=Membership(ADA, Role.MEMBER, Millis(NOW + 5_000))))
    assert caught.value.retry_after == 5_000


@pytest.mark.parametrize("name", ["lobby", "l0bby"])
def test_a_person_has_no_public_room_that_newcomers_would_take_for_the_lobby(name: str):
    """Also while there is none, because the operator renamed it: they would join that person's room."""
    body = Renamed(parse_room_name(name))
    assert outcome(body, facts(Role.OWNER)) == ErrorCode.NAME_TAKEN
    assert outcome(body, facts(Role.OWNER, kind=RoomKind.PRIVATE)) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (Message(text=TEXT), ErrorCode.FORBIDDEN),
        (Edited(target=Seq(5), text=TEXT), ErrorCode.FORBIDDEN),
        (Reacted(target=Seq(5), reaction=HEART, on=True), ErrorCode.FORBIDDEN),
        (TopicSet(topic=TopicText("t")), ErrorCode.FORBIDDEN),
        (Pinned(target=Seq(5), on=True), ErrorCode.FORBIDDEN),
        (EncryptionOn(), ErrorCode.FORBIDDEN),
        (SEALED, ErrorCode.FORBIDDEN),
        (Deleted(target=Seq(5)), None),
        (replace(SEALED, blanks=Seq(5)), None),
        (RetentionSet(days=7), None),
    ],
)
def test_a_direct_room_with_a_deleted_account_takes_nothing_new(body: AnyBody, expected: ErrorCode | None):
    """What was written before can be removed."""
    sealed = isinstance(body, EncryptedMessage)
    known: dict[str, Any] = {"kind": RoomKind.DIRECT, "encrypted": sealed, "group": GROUP_FACTS}
    if sealed:
        known["target"] = Target(Seq(5), ADA, "sealed")
    assert outcome(body, facts(**known)) is None
    assert outcome(body, facts(**known, peer_deleted=True)) == expected


@pytest.mark.parametrize("target", [ADA, BOB])
@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
def test_in_an_archived_encrypted_room_messages_are_deleted_and_nothing_else_is_written(
    target: UserName, role: Role
):
    """One's own by a member, anyone's by a moderator; also where the room has used all its space."""
    known: dict[str, Any] = {"author": Membership(ADA, role), "encrypted": True, "group": GROUP_FACTS}
    known |= {"kind": RoomKind.PRIVATE, "archived": True, "target": Target(Seq(5), target, "sealed")}
    may = None if target == ADA or role is Role.MODERATOR else ErrorCode.FORBIDDEN
    assert outcome(replace(SEALED, blanks=Seq(5)), facts(**known)) is may
    assert outcome(SEALED, facts(**known)) is ErrorCode.ARCHIVED
    long = replace(SEALED, blanks=Seq(5), data=Ciphertext(b"x" * 1025))
    assert outcome(long, facts(**known)) is ErrorCode.ARCHIVED  # it would say something to other programs
    known["target"] = Target(Seq(5), target, "blank")
    assert outcome(replace(SEALED, blanks=Seq(5)), facts(**known)) is ErrorCode.ALREADY


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        (Message(text=TEXT), False),
        (Reacted(target=Seq(5), reaction=HEART, on=True), False),
        (Pinned(target=Seq(5), on=True), False),
        (TopicSet(topic=TopicText("t")), False),
        (Renamed(parse_room_name("orchard")), False),
        (Deleted(target=Seq(5)), True),
        (RetentionSet(days=7), True),
        (Archived(on=True), True),
        (Left(), True),
        (Kicked(who=BOB), True),
    ],
    ids=str,
)
def test_a_room_without_space_takes_no_words_of_any_kind(body: AnyBody, is_taken: bool):  # noqa: FBT001 - a parameter
    """Topics and names are kept for ever, so they count too; what keeps a room in order is always taken."""
    full = facts(Role.OWNER, Role.MEMBER, room_bytes=100)
    decide_within(101)(event(body), full)
    if is_taken:
        decide_within(100)(event(body), full)
        return
    with pytest.raises(RefusedError) as refused:
        decide_within(100)(event(body), full)
    assert refused.value.code == ErrorCode.LIMIT_REACHED


def test_a_room_without_space_takes_deletions():
    """They give space back, in an encrypted room too."""
    known = {
        "encrypted": True,
        "group": GROUP_FACTS,
        "target": Target(Seq(5), ADA, "sealed"),
        "room_bytes": 100,
    }
    limited = decide_within(100)
    limited(event(replace(SEALED, blanks=Seq(5), data=Ciphertext(b"x" * 1024))), facts(**known))
    for longer in (SEALED, replace(SEALED, blanks=Seq(5), data=Ciphertext(b"x" * 1025))):
        with pytest.raises(RefusedError) as refused:
            limited(event(longer), facts(**known))
        assert refused.value.code == ErrorCode.LIMIT_REACHED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (RoleSet(who=BOB, role=Role.OWNER), ErrorCode.FORBIDDEN),
        (Muted(who=BOB), ErrorCode.FORBIDDEN),
        (Kicked(who=BOB), None),
        (Banned(who=BOB), None),
    ],
)
def test_a_member_whose_account_was_deleted_can_only_be_removed(body: AnyBody, expected: ErrorCode | None):
    """A role would be lost with them."""
    assert outcome(body, facts(Role.OWNER, Role.MEMBER)) is None
    assert outcome(body, facts(Role.OWNER, Role.MEMBER, subject_exists=False)) == expected


SEALED_FACTS: dict[str, Any] = {"encrypted": True, "group": GROUP_FACTS}


@pytest.mark.parametrize(
    ("body", "more", "expected"),
    [
        (Message(text=TEXT), {}, ErrorCode.LIMIT_REACHED),
        (Edited(target=Seq(5), text=TEXT), {}, ErrorCode.LIMIT_REACHED),
        (Reacted(target=Seq(5), reaction=HEART, on=True), {}, ErrorCode.LIMIT_REACHED),
        (SEALED, SEALED_FACTS, ErrorCode.LIMIT_REACHED),
        (Deleted(target=Seq(5)), {}, None),
        (RetentionSet(days=7), {}, None),
        (Kicked(who=BOB), {}, None),
        (Left(), {}, None),
    ],
)
def test_a_full_room_takes_nothing_that_people_write(
    body: AnyBody, more: dict[str, Any], expected: ErrorCode | None
):
    """Below its limit it does; what makes room, and what moderators do, is always taken."""
    for used, limit, why in ((99, 100, None), (100, 100, expected), (101, 100, expected)):
        refusal = None
        owners = {"owners": 2, **more}
        try:
            decide_within(limit)(event(body), facts(Role.OWNER, Role.MEMBER, room_bytes=used, **owners))
        except RefusedError as error:
            refusal = error.code
        assert refusal == why
