"""Invitations and bans in an encrypted room that a hostile server, or a member who helps it, would bend."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import apsw
from msgspec.structs import replace

from parlour_client.core.archive.schema import create
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group import statements
from parlour_client.core.e2ee.group.rules import RoomRules
from parlour_client.core.e2ee.group.store import StoredGroup
from parlour_client.core.e2ee.identity.keys import CERTIFICATE
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.people import World
from parlour_lab.keyed_device import Home, asked, den
from parlour_lab.room_people import NOW, ROOM, SERVER, Person, first_roster, is_never_logged, people
from parlour_lab.target import LabServer
from parlour_mls import Extension, Group
from parlour_protocol.ids import new_group_id
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Execution,
    NotAllowedError,
    Request,
    Statement,
    Withdraw,
)
from parlour_protocol.rooms import RoomKind

_DAY = 86_400_000


class _Room:
    """A room, and everyone in it, whose devices make commits."""

    def __init__(self, kind: RoomKind, founder: Person, *others: Person) -> None:
        self.roster = first_roster(kind, founder, *others)
        self.founder = founder

    def commit(self, *statements: Statement, at: int = NOW, by: Person | None = None) -> None:
        """Execute statements. Raises NotAllowedError, as the other members refuse the commit."""
        devices = {one.device for one in statements}
        user = (by or self.founder).user
        self.roster = self.roster.after(statements, Execution(Millis(at), user, devices, is_never_logged))

    def is_kept_out(
        self, who: Person, statements: Sequence[Statement], seen: Evidence, *, at: int = NOW
    ) -> bool:
        """Return whether a commit with these statements leaves someone outside."""
        try:
            self.commit(*statements, at=at)
        except NotAllowedError as error:
            seen.received(str(error))
        else:
            seen.received(f"in the room are {[str(one.user) for one in self.roster.people]}")
        return self.roster.person(who.user) is None


@attack(
    "The server says that someone accepted an invitation who declined it",
    expects="Nobody is added without their own signature.",
    stage=Stage.UNIT,
)
def never_accepted(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, mallory = people("ada", "mallory")
    room = _Room(RoomKind.PRIVATE, ada)
    seen.sent("ada's admission of mallory, who declined; the server lists mallory as a member")
    return room.is_kept_out(mallory, [ada.admits(room.roster, mallory)], seen)


@attack(
    "A session without a device accepts an invitation to an encrypted room",
    expects="The server refuses it: an acceptance is signed.",
)
def unsigned_acceptance(server: LabServer, seen: Evidence) -> bool:
    alice, bruno = Home.of(server, "alicia").settle_in(), Home.of(server, "brunella").settle_in()
    with server.chatting(alice.session) as (wire, _), server.chatting(bruno.session) as (theirs, _):
        room = den(wire, alice)
        admission = alice.admission(room, bruno)
        assert asked(wire, 1, "invite", room=room, user=bruno.name, statement=admission)["type"] == "ok"
        answer = asked(theirs, 2, "accept", room=room)
    seen.sent("accept, without a statement")
    seen.received(answer)
    return str(answer["type"]) == "error"


@attack(
    "The server shows an invitation again that was withdrawn",
    expects="It is void, though the person accepts.",
    stage=Stage.UNIT,
)
def withdrawn(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, mallory = people("ada", "mallory")
    room = _Room(RoomKind.PRIVATE, ada)
    admission = ada.admits(room.roster, mallory)
    act = Withdraw(SERVER, ROOM, room.roster.serial, NOW, mallory.user, admission.data)
    room.commit(ada.signs(act))
    seen.sent("ada's admission of mallory, which she withdrew, and mallory's acceptance")
    return room.is_kept_out(mallory, [mallory.accepts(admission), admission], seen)


@attack(
    "Someone accepts an invitation after 400 days",
    expects="It has ended.",
    stage=Stage.UNIT,
)
def ended(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, mallory = people("ada", "mallory")
    room = _Room(RoomKind.PRIVATE, ada)
    admission = ada.admits(room.roster, mallory)
    seen.sent("ada's admission of mallory and mallory's acceptance, 400 days later")
    return room.is_kept_out(mallory, [mallory.accepts(admission), admission], seen, at=NOW + 400 * _DAY)


@attack(
    "An invitation is used whose inviter was kicked, and came back",
    expects="It is void: what they signed before they left does not return with them.",
    stage=Stage.UNIT,
)
def inviter_came_back(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, mallory = people("ada", "ben", "mallory")
    room = _Room(RoomKind.PRIVATE, ada, ben)
    admission = ben.admits(room.roster, mallory)
    room.commit(ada.removes(room.roster, ben))
    again = ada.admits(room.roster, ben)
    room.commit(ben.accepts(again), again)
    seen.sent("ben's admission of mallory from before he was kicked, and mallory's acceptance")
    return room.is_kept_out(mallory, [mallory.accepts(admission), admission], seen)


@attack(
    "The server shows someone's ban only after it has let them in",
    expects="They are removed again.",
    stage=Stage.UNIT,
)
def ban_after_the_join(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, mallory = people("ada", "ben", "mallory")
    room = _Room(RoomKind.PRIVATE, ada, ben)
    ban = ada.removes(room.roster, mallory, Millis(NOW + _DAY))
    admission = ben.admits(room.roster, mallory)
    room.commit(mallory.accepts(admission), admission, by=ben)
    seen.sent("ada's ban of mallory, signed before ben's device added mallory, of which she did not know")
    return room.is_kept_out(mallory, [ban], seen)


@attack(
    "Someone who is banned for a day dates their request two days ahead",
    expects="Their clock does not matter.",
    stage=Stage.UNIT,
)
def ban_by_their_clock(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, mallory = people("ada", "mallory")
    room = _Room(RoomKind.PUBLIC, ada)
    ban = ada.removes(room.roster, mallory, Millis(NOW + _DAY))
    room.commit(ban)
    act = Request(SERVER, ROOM, 0, Millis(NOW + 2 * _DAY), mallory.user, ban.digest)
    seen.sent("mallory's request, dated after the end of the ban")
    return room.is_kept_out(mallory, [mallory.signs(act)], seen)


@attack(
    "Someone signs a second request to join a public room, dated ahead, and is kicked",
    expects="The second one is void, too.",
    stage=Stage.UNIT,
)
def second_request(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, mallory = people("ada", "mallory")
    room = _Room(RoomKind.PUBLIC, ada)
    first = Request(SERVER, ROOM, 0, NOW, mallory.user, NEVER_REMOVED)
    second = mallory.signs(replace(first, at=Millis(NOW + _DAY)))
    room.commit(mallory.signs(first))
    room.commit(ada.removes(room.roster, mallory))
    seen.sent("mallory's second request, dated after the kick")
    return room.is_kept_out(mallory, [second], seen)


@attack(
    "A member admits the owner again, with a key that they made up",
    expects="It is refused: the key log has no such key of the owner.",
    stage=Stage.UNIT,
)
def made_up_key(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, mallory = people("ada", "mallory")
    room = _Room(RoomKind.PRIVATE, ada, mallory)
    puppet = Person(ada.user)
    admission = mallory.admits(room.roster, puppet)
    seen.sent("mallory's admission of ada with another key, and an acceptance by that key")
    try:
        room.commit(puppet.accepts(admission), admission, by=mallory)
    except NotAllowedError as error:
        seen.received(str(error))
        return True
    person = room.roster.person(ada.user)
    seen.received(f"ada's devices are removed; in her place is a {person and person.role.value}")
    return False


@attack(
    "The server shows an invitation in the name of someone who did not make it",
    expects="It is not shown, and the person is told.",
    stage=Stage.PEOPLE,
)
async def another_name(world: World, seen: Evidence) -> bool:
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.during(ben.client.invitations.send(room, parse_user_name("cat")))
    await world.until(lambda: bool(cat.client.invitations.all))
    await cat.stop()
    async with world.halted() as server:
        server.edit("UPDATE invitations SET inviter = 'ada' WHERE room = ? AND account = 'cat'", room)
    seen.sent("ben invites cat; the server says that it was ada")
    await cat.start(ready=False)
    await world.turns(200)
    shown = [str(one.inviter) for one in cat.client.invitations.all]
    seen.received(f"cat is shown invitations by {shown}; her client says {await cat.words()}")
    return not shown


@attack(
    "A device goes on writing to someone whose invitation it has seen withdrawn",
    expects="It sends nothing before they are removed from the room's keys.",
    stage=Stage.UNIT,
)
def writes_on(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, mallory = people("ada", "ben", "mallory")
    room = _Room(RoomKind.PRIVATE, ada, ben)
    admission = ben.admits(room.roster, mallory)
    act = Withdraw(SERVER, ROOM, room.roster.serial, NOW, mallory.user, admission.data)
    room.commit(mallory.accepts(admission), admission, by=ben)
    archive = apsw.Connection(":memory:")
    create(archive)
    statements.learn(archive, ROOM, ben.signs(act).data)
    seen.sent("ben's withdrawal, which another member's message carried; mallory is in the room already")
    try:
        statements.require_healed(archive, _group_of(room, ada, ben, mallory), NOW)
    except NotReadyError as error:
        seen.received(str(error))
        return True
    seen.received("ada's device encrypts to mallory")
    return False


def _group_of(room: _Room, *people: Person) -> StoredGroup:
    """Return the group of a room, as far as a device looks at it to know whose statements count."""
    leaves = [SimpleNamespace(extensions=(Extension(CERTIFICATE, one.certificate),)) for one in people]
    tree = SimpleNamespace(members=lambda: enumerate(leaves))
    group = cast("Group", SimpleNamespace(tree=tree))
    rules = RoomRules(room.roster, is_never_logged)
    return StoredGroup(new_group_id(), ROOM, "active", b"", group, rules, NOW)
