"""Who is in an encrypted room: added, removed or brought back without the members' word."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from parlour_client.core.e2ee.closed_accounts import WAIT_SECONDS
from parlour_client.core.e2ee.errors import RuleBrokenError
from parlour_client.core.e2ee.group.rules import Membership
from parlour_client.core.e2ee.identity.keys import verify
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.people import World
from parlour_lab.room_people import NOW, Person, first_roster, is_never_logged, people
from parlour_mls import Change, LeafNode
from parlour_mls.codec import SenderType
from parlour_mls.messages import Sender
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.membership import (
    Execution,
    NotAllowedError,
    Roster,
    Statement,
)
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

_FIRST = Sender(SenderType.MEMBER, 0)


def _room(founder: Person, *others: Person) -> Roster:
    return first_roster(RoomKind.PRIVATE, founder, *others)


def _admitted(by: Person, roster: Roster, who: Person) -> tuple[Statement, Statement]:
    """Return an admission and its acceptance."""
    admission = by.admits(roster, who)
    return admission, who.accepts(admission)


def _executed(
    by: Person, roster: Roster, statement: Statement, acceptance: Statement | None = None
) -> Roster:
    """Return the roster after a commit by someone's device; all who signed have theirs in the group."""
    devices = [statement.device, by.key.id]
    return roster.applied(statement, Execution(NOW, by.user, devices, is_never_logged), acceptance)


@attack(
    "A member's device adds a stranger whom no member admitted",
    expects="The other members refuse the commit.",
    stage=Stage.UNIT,
)
def added_stranger(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, spy = people("ada", "ben", "spy")
    seen.sent("ada's device commits to adding a device of spy's")
    return _is_refused(_room(ada, ben), (ada, ben), seen, added=((_FIRST, spy.leaf()),))


@attack(
    "A member's device removes someone whom no one asked to leave",
    expects="The other members refuse the commit.",
    stage=Stage.UNIT,
)
def removed_member(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, cat = people("ada", "ben", "cat")
    seen.sent("ada's device commits to removing ben's, because the server says that ben is leaving")
    return _is_refused(_room(ada, ben, cat), (ada, ben, cat), seen, removed=((_FIRST, 1, ben.leaf()),))


def _is_refused(
    roster: Roster,
    people: Sequence[Person],
    seen: Evidence,
    *,
    added: tuple[tuple[Sender, LeafNode], ...] = (),
    removed: tuple[tuple[Sender, int, LeafNode], ...] = (),
) -> bool:
    members = tuple((index, one.leaf()) for index, one in enumerate(people))
    change = Change(_FIRST, added, (), removed, (), None, None, b"", members)
    try:
        Membership(roster, change, is_never_logged).require()
    except RuleBrokenError as error:
        seen.received(str(error))
        return True
    seen.received("ben's client follows")
    return False


@attack(
    "Someone who creates the room's next group forgets that a member was removed",
    expects="A device that knew the room refuses the list.",
    stage=Stage.UNIT,
)
def forgotten_removal(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben = people("ada", "ben")
    with_ben = _executed(ada, _room(ada), *_admitted(ada, _room(ada), ben))
    known = _executed(ada, with_ben, ada.removes(with_ben, ben))
    seen.sent("a list in which ben was never removed")
    try:
        replace(known, serial=known.serial + 1, removed=()).require_proofs(verify, is_never_logged, known)
    except NotAllowedError as error:
        seen.received(str(error))
        return True
    seen.received("it is accepted: ben's old admission is valid again")
    return False


@attack(
    "The server shows the admission of a removed member a second time",
    expects="It is void.",
    stage=Stage.UNIT,
)
def old_admission(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben = people("ada", "ben")
    admission = _admitted(ada, _room(ada), ben)
    with_ben = _executed(ada, _room(ada), *admission)
    without = _executed(ada, with_ben, ada.removes(with_ben, ben))
    seen.sent("ada admitted ben, and removed him; her admission comes again, with his acceptance")
    return _is_void(without, ada, admission, seen)


@attack(
    "The server leads an invited person into a group that it began in the members' names",
    expects="The admission is not valid there.",
    stage=Stage.UNIT,
)
def another_beginning(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, spy = people("ada", "ben", "spy")
    seen.sent("ada's admission of ben, in a group that spy began and lists ada in")
    return _is_void(_room(spy, ada), ada, _admitted(ada, _room(ada), ben), seen)


def _is_void(roster: Roster, by: Person, admission: tuple[Statement, Statement], seen: Evidence) -> bool:
    try:
        after = _executed(by, roster, *admission)
    except NotAllowedError as error:
        seen.received(str(error))
        return True
    seen.received(f"in the room are {[str(one.user) for one in after.people]}")
    return False


@attack(
    "The server lists a stranger as a member",
    expects="No device adds them to the room's group.",
    stage=Stage.PEOPLE,
)
async def listed_stranger(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    await world.start("spy")
    async with world.halted() as server:
        server.list_as_member(room, "spy")
    seen.sent("the server's table of members has spy in it")
    text = await ada.say(room)
    await world.heard(room, text, ben)
    await world.turns(200)
    users = {str(member.user) for member in (await ada.report(room)).members}
    seen.received(f"in the group are {sorted(users)}; ada's client says {await ada.words()}")
    return "spy" not in users


@attack(
    "The server lists a stranger in a room while it is being encrypted",
    expects="Only the people who were named are admitted.",
    stage=Stage.PEOPLE,
)
async def stranger_at_encryption(world: World, seen: Evidence) -> bool:
    ada, ben, _ = await world.start("ada", "ben", "spy")
    made = await world.during(ada.client.rooms.create(parse_room_name("garden"), RoomKind.PRIVATE))
    user = parse_user_name("ben")
    await world.during(ada.client.invitations.send(made.id, user))
    await world.during(ben.client.invitations.accept(made.id))
    async with world.halted() as server:
        server.list_as_member(made.id, "spy")
    seen.sent("ada encrypts the room for ben; the server's table of members has spy in it")
    await world.during(ada.client.encryption.turn_on(made.id, [user]))
    await world.turns(200)
    users = {str(member.user) for member in (await ada.report(made.id)).members}
    seen.received(f"in the group are {sorted(users)}; ada's client says {await ada.words()}")
    return "spy" not in users


@attack(
    "The server claims that the account of someone who was verified was deleted",
    expects="No one removes them; the moderator is told what the server says.",
    stage=Stage.PEOPLE,
)
async def invented_deletion(world: World, seen: Evidence) -> bool:
    ada, ben = await world.start("ada", "ben")
    room, user = await world.room(ada, ben), parse_user_name("ben")
    number = (await world.during(ada.client.encryption.person(user))).safety_number
    await world.during(ada.client.encryption.confirm(user, number))
    ada.lies.answers["group"] = lambda state: replace(state, closed=(user,))
    await ada.reconnect()
    seen.sent("for a minute the server says that ben's account was deleted; ada has verified ben")
    await world.turns(600)
    async with world.halted():
        world.clock.advance(2 * WAIT_SECONDS)
    await world.turns(600)
    users = {str(member.user) for member in (await ada.report(room)).members}
    seen.received(f"in the group are {sorted(users)}; ada's client says {await ada.words()}")
    return "ben" in users and await ada.tells("ben's account was deleted", "/kick ben")
