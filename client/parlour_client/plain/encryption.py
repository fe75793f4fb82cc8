"""The line mode's commands for encryption: hear how it stands, compare keys, look after one's devices.

What cannot be taken back, and what marks somebody as verified, is typed in words; a bare command only says
what that would be. Each takes the line mode and the rest of the line; its docstring is its help. ``commands``
lists them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from parlour_client.core.e2ee.status import (
    MemberDevice,
    OwnDevice,
    PersonReport,
    RoomPerson,
    Trust,
    WordsProcess,
)
from parlour_client.core.errors import SetupError
from parlour_client.core.model import Room
from parlour_client.plain.encryption_status import label_line, words_line
from parlour_client.plain.line_text import day_and_time, shown
from parlour_client.plain.words import name_and_rest, number, on_or_off
from parlour_client.text.encryption_text import (
    GO_ON,
    LOST,
    NO,
    NOTHING_TO_RENEW,
    RENEW,
    RENEW_QUESTION,
    RENEWED,
    TRUST,
    WON,
    Way,
    admitted_by_encrypting,
    decide,
    how_admitted,
    renewed_person,
)
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.names import UserName, parse_user_name

if TYPE_CHECKING:
    from parlour_client.plain.line_mode import LineMode

FOR_GOOD: Final = "for good"
"""What is typed to do what cannot be taken back."""
_STATUS: Final = {
    DeviceStatus.ACTIVE: "approved",
    DeviceStatus.PENDING: "waits to be approved",
    DeviceStatus.REVOKED: "revoked",
}


async def encryption(mode: "LineMode", rest: str) -> None:
    """/encryption [renew]: who can read this room, who admitted them, what the server sees; renew it."""
    room = mode.here()
    if rest:
        await _renew(mode, room, rest)
        return
    report = await mode.client.encryption.report(room.id)
    mode.say(label_line(room.title, mode.client.encryption.room(room.id)))
    for sentence in report.claims:
        if sentence not in report.problem:
            mode.say(shown(sentence))
    people = {one.user: one for one in report.people if one.admitted_by is not None}
    for user in dict.fromkeys(member.user for member in report.members):
        devices = [member for member in report.members if member.user == user]
        _say_person(mode, user, devices, people.get(user))
    for user in report.without_device:
        by = f", {how_admitted(people[user])}" if user in people else ""
        mode.say(f"{user}{by}: no device in the group, cannot read this room.")
    if report.authenticator:
        mode.say(
            f"The room's digits, epoch {report.epoch}: {report.authenticator}. "
            "Equal digits on two devices: the same group, the same members."
        )
    if report.last_change is not None:
        mode.say(f"This device last renewed its keys here: {day_and_time(report.last_change)}.")
    if report.keys:
        mode.say(report.keys)
    for sentence in report.server_sees:
        mode.say(sentence)
    mode.say(report.assurance)


def _say_person(
    mode: "LineMode", user: UserName, devices: Sequence[MemberDevice], person: RoomPerson | None
) -> None:
    said = "you" if devices[0].own else TRUST[devices[0].trust]
    role = "" if person is None or person.role is None else f", {person.role.value}"
    by = "" if person is None else f", {how_admitted(person)}"
    names = "; ".join(f"{one.name}{', this device' * one.current}" for one in devices)
    mode.say(f"{user}, {said}{role}{by}. Devices: {names}.")


async def _renew(mode: "LineMode", room: Room, rest: str) -> None:
    """Let the members of an older room decide who is in it, after its owner has heard who that is."""
    word, _, sure = rest.partition(" ")
    if word != RENEW or sure.strip() not in {"", FOR_GOOD}:
        raise SetupError("Use it like this: /encryption renew")
    people = await mode.client.encryption.adoptable(room.id)
    if not people:
        raise SetupError(NOTHING_TO_RENEW)
    if sure:
        await mode.client.encryption.adopt(room.id, people)
        mode.say(RENEWED)
        return
    mode.say(f"These people can read {room.title} now:")
    for one in people:
        mode.say(f"{renewed_person(one)}.")
    mode.say(
        f"{RENEW_QUESTION} /encryption {RENEW} {FOR_GOOD} says yes, and its members decide from then on."
    )


async def encrypt(mode: "LineMode", rest: str) -> None:
    """/encrypt [for good]: hear whom it admits and what it means to encrypt this room, then do it."""
    room = mode.here()
    if room.encrypted:
        raise SetupError("This room is encrypted already.", "/encryption says how.")
    people = [one.user for one in await mode.client.members(room.id) if one.user != mode.client.account.user]
    if rest == FOR_GOOD and set(people) <= mode.named.get(room.id, set()):
        await mode.client.encryption.turn_on(room.id, people)
        mode.say(mode.standing.room_line(mode.client.encryption, room))
        return
    mode.named[room.id] = set(people)
    mode.say(admitted_by_encrypting(people))
    mode.say(WON)
    for sentence in LOST:
        mode.say(sentence)
    mode.say(f"/encrypt {FOR_GOOD} makes {room.title} encrypted.")


async def strict(mode: "LineMode", rest: str) -> None:
    """/strict [off]: send here only while everybody in the room is verified."""
    await mode.client.keep_strict(mode.here().id, on=on_or_off(rest, "/strict [off]"))


async def refound(mode: "LineMode", _: str) -> None:
    """/refound: found the group of this room anew, when its members cannot agree any more."""
    await mode.client.encryption.refound(mode.here().id)


# --- people


async def verify(mode: "LineMode", rest: str) -> None:
    """/verify [USER] [DIGITS|CODE|words]: hear somebody's safety number, or say that you compared it."""
    user, typed = _whom(mode, rest)
    people = mode.client.encryption
    report = await people.person(user)
    if not typed:
        _say_key(mode, report)
        return
    decision = decide(typed, report)
    if decision is None:
        raise SetupError("That is no decision about a key.", f"/verify {user} says which ones there are.")
    match decision.way:
        case Way.DIGITS:
            report = await people.confirm(user, decision.typed)
        case Way.CODE:
            report = await people.check_code(user, decision.typed)
        case Way.ACCEPT:
            report = await people.accept_key(user)
        case Way.WORDS:
            _say_words(mode, await people.start_words(user))
            return
    mode.say(f"{report.user}: {TRUST[report.trust]}.")


def _whom(mode: "LineMode", rest: str) -> tuple[UserName, str]:
    """Return the person and what was typed after; in a direct room the person need not be named."""
    room = mode.client.room(mode.current.id) if mode.current is not None else None
    if not rest and room is not None and room.kind is RoomKind.DIRECT and room.peer is not None:
        return room.peer, ""
    name, typed = name_and_rest(rest, "/verify USER")
    return parse_user_name(name), typed


def _say_key(mode: "LineMode", report: PersonReport) -> None:
    user = report.user
    mode.say(f"{user}: {TRUST[report.trust]}.")
    if not report.safety_number:
        mode.say("They have no device with keys yet: they open Parlour once, then ask here again.")
        return
    mode.say(f"Safety number: {report.safety_number}.")
    mode.say(
        "Read it to each other, not over this chat. The same on both sides? "
        f"/verify {user} and its last four groups (20 digits), or the code that their /mycode says. "
        f"Or /verify {user} words, to compare five short words."
    )
    if report.trust is Trust.CHANGED:
        mode.say(
            "Their key is another one than before: a new device after all was lost, or somebody else. Ask "
            f"them. /verify {user} {GO_ON} takes the new key without comparing."
        )


async def words(mode: "LineMode", rest: str) -> None:
    """/words [FIVE WORDS|no]: go on with short words that somebody began; typing them says they are equal."""
    people = mode.client.encryption
    process = next((one for one in reversed(people.words()) if not one.ended), None)
    if process is None:
        raise SetupError("Nobody is comparing words with you.", "/verify USER words begins.")
    if rest.lower() == NO:
        await people.cancel_words(process.process)
    elif rest:
        await people.confirm_words(process.process, rest)
        mode.say("You said that they are the same.")
    else:
        if not process.started_by_us and not process.words:
            process = await people.answer_words(process.process)
        _say_words(mode, process)


def _say_words(mode: "LineMode", process: WordsProcess) -> None:
    waiting = f"Waiting for the Parlour of {process.peer} to answer: they need not do it at once."
    mode.say(words_line(process, process) or waiting)


async def mycode(mode: "LineMode", _: str) -> None:
    """/mycode: your own code, for others to copy over another channel than this chat."""
    mode.say(mode.client.encryption.own_code())


async def alarms(mode: "LineMode", rest: str) -> None:
    """/alarms [read NUMBER]: keys that do not fit, and what else must not be missed; take one off."""
    told = mode.client.encryption.alarms()
    if rest:
        word, which = name_and_rest(rest, "/alarms read NUMBER")
        if word != "read":
            raise SetupError("Use it like this: /alarms read NUMBER")
        at = number(which, most=max(1, len(told)))
        if at > len(told):
            raise SetupError("There is no such alarm.")
        await mode.client.encryption.dismiss(told[at - 1].id)
        return
    for at, alarm in enumerate(told, 1):
        mode.say(f"{at}: {day_and_time(alarm.at)}{', stays for ever' * alarm.permanent}: {shown(alarm.text)}")
    if not told:
        mode.say("Nothing is wrong that this device knows of.")


# --- one's own devices


async def devices(mode: "LineMode", rest: str) -> None:
    """/devices [history NUMBER | revoke NUMBER for good]: yours with keys; send one history, or revoke it."""
    own = mode.client.encryption.own()
    if rest:
        word, after = name_and_rest(rest, "/devices revoke NUMBER")
        if word not in {"history", "revoke"}:
            raise SetupError("Use it like this: /devices history NUMBER, or /devices revoke NUMBER")
        await (_hand_over if word == "history" else _revoke)(mode, after)
        return
    mode.listed = list(await mode.client.encryption.devices())
    for at, one in enumerate(mode.listed, 1):
        mode.say(f"{at}: {one.name}, {_STATUS[one.status]}{', this one' * one.current}")
    mode.say(f"How the archive is locked: {own.protection}.")
    if own.status is DeviceStatus.PENDING:
        mode.say(f"This device waits. On another one: /approve {own.code}")


def _heard(mode: "LineMode", which: str) -> OwnDevice:
    """Return the device of that number in the list that was heard, not as the list is now."""
    if not mode.listed:
        raise SetupError("The devices were not said yet.", "/devices says them with their numbers.")
    at = number(which)
    if at > len(mode.listed):
        raise SetupError("There is no such device.", "/devices says them with their numbers.")
    return mode.listed[at - 1]


async def _hand_over(mode: "LineMode", rest: str) -> None:
    one = _heard(mode, rest)
    count = await mode.client.encryption.send_history(one.device)
    mode.say(f"Sent {count} events to {one.name}, sealed.")


async def _revoke(mode: "LineMode", rest: str) -> None:
    which, _, sure = rest.partition(" ")
    one = _heard(mode, which)
    if sure.strip() != FOR_GOOD:
        mode.say(
            f"{one.name} would be logged out and removed from every encrypted room; what it has read it "
            f"keeps. /devices revoke {which} {FOR_GOOD} does it."
        )
        return
    await mode.client.encryption.revoke(one.device)
    mode.say(f"{one.name} is revoked.")


async def approve(mode: "LineMode", rest: str) -> None:
    """/approve CODE: approve a new device of yours by the code that it shows."""
    if not rest:
        raise SetupError("Write /approve and the code that your new device shows.")
    one = await mode.client.encryption.approve(rest)
    mode.say(
        f"{one.name} is approved. Once it connects, it can read new messages; "
        "/devices history NUMBER sends it more."
    )


async def recovery(mode: "LineMode", _: str) -> None:
    """/recovery: the 24 words for when all your devices are lost; whoever has them has your account."""
    said = await mode.client.encryption.recovery_words()
    mode.say("Write these words on paper, and keep them from everybody:")
    for start in range(0, len(said), 4):
        mode.say(", ".join(f"{start + n} {word}" for n, word in enumerate(said[start : start + 4], 1)))
