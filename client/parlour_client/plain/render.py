"""Prints each result of a command in the line mode, and each question before one is done.

Every result that a command can give here has one function; strangers' text goes through ``shown``.
"""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Final

from parlour_client.commands import results
from parlour_client.commands.verification import GO_ON
from parlour_client.core.e2ee.status import MemberDevice, PersonReport, RoomPerson, SasVerification
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_client.plain.encryption_status import label_line, words_line
from parlour_client.plain.line_text import (
    outgoing_line,
    room_line,
    shown,
)
from parlour_client.plain.printer import Printer
from parlour_client.text.encryption_text import (
    LOST,
    RENEWED,
    TRUST,
    WON,
    admitted_by_encrypting,
    how_admitted,
    renewed_person,
)
from parlour_client.text.event_text import day_and_time
from parlour_client.text.file_text import facts_of
from parlour_client.text.links import LinkDetails
from parlour_client.text.second_factor_text import about_factors, factor_line
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.names import UserName

_STATUS: Final = {
    DeviceStatus.ACTIVE: "approved",
    DeviceStatus.PENDING: "waiting for approval",
    DeviceStatus.REVOKED: "revoked",
}
_WORDS_A_LINE: Final = 4


@singledispatch
async def show(result: results.Result, printer: Printer) -> None:  # noqa: ARG001 - the registered ones use it
    """Print the result of a command."""
    raise TypeError(f"{type(result).__name__} has no lines")


@show.register(results.Done)
async def _done(result: results.Done, printer: Printer) -> None:
    printer.say(result.sentence)


# --- rooms


@show.register(results.RoomOpened)
async def _room_opened(result: results.RoomOpened, printer: Printer) -> None:
    if result.peek:
        printer.entries(result.entries, again=True)
        return
    unread = result.how is results.Opened.UNREAD
    printer.enter(result.room, f"{result.room.title}, {result.room.unread} unread." if unread else "")
    if result.how in {results.Opened.WENT, results.Opened.DIRECT}:
        printer.newest(result.room, result.entries)
    else:
        printer.entries(result.entries)
    await printer.mark_read(result.room, result.entries)


@show.register(results.RoomLeft)
async def _room_left(result: results.RoomLeft, printer: Printer) -> None:
    if printer.current is not None and printer.current.id == result.room.id:
        printer.current = None


@show.register(results.RoomsListed)
async def _rooms_listed(result: results.RoomsListed, printer: Printer) -> None:
    for room in result.rooms:
        printer.say(room_line(room))
    if not result.rooms:
        printer.say("You have not joined a room yet. /public lists the public rooms.")


@show.register(results.PublicRoomsListed)
async def _public_rooms_listed(result: results.PublicRoomsListed, printer: Printer) -> None:
    for one in result.rooms:
        topic = f": {shown(one.topic)}" if one.topic else ""
        printer.say(f"{one.name}, {one.members} people{topic}")
    if not result.rooms:
        printer.say("There are no public rooms yet. /create NAME creates one.")


@show.register(results.MembersListed)
async def _members_listed(result: results.MembersListed, printer: Printer) -> None:
    for one in result.members:
        printer.say(f"{display_name(one.user)}, {one.role.value}, {one.status.value}{', muted' * one.muted}")


@show.register(results.TopicShown)
async def _topic_shown(result: results.TopicShown, printer: Printer) -> None:
    room = result.room
    if room.topic:
        printer.say(f"{room.title}, topic: {shown(room.topic)}")
    else:
        printer.say(f"{room.title} has no topic. /topic TEXT sets one.")


@show.register(results.PlaceShown)
async def _place_shown(result: results.PlaceShown, printer: Printer) -> None:
    printer.say(room_line(result.room) if result.room is not None else "No room is open.")
    printer.status()


@show.register(results.InvitationsListed)
async def _invitations_listed(result: results.InvitationsListed, printer: Printer) -> None:
    printer.invitations(again=True)
    if not result.invitations:
        printer.say("You have no invitations.")


@show.register(results.BlockedListed)
async def _blocked_listed(result: results.BlockedListed, printer: Printer) -> None:
    printer.say(f"You block {', '.join(map(display_name, result.people)) or 'no one'}.")


@show.register(results.ReceiptsShown)
async def _receipts_shown(result: results.ReceiptsShown, printer: Printer) -> None:
    read = [f"{display_name(user)} up to #{seq}" for user, seq in sorted(result.read.items())]
    title = result.room.title
    printer.say(
        f"{title}, read by {', '.join(read)}." if read else f"{title}: no one shares how far they have read."
    )


# --- messages


@show.register(results.MessagesListed)
async def _messages_listed(result: results.MessagesListed, printer: Printer) -> None:
    if result.newest:
        printer.newest(result.room, result.entries)
        await printer.mark_read(result.room, result.entries)
    elif result.entries:
        printer.entries(result.entries)
    else:
        printer.say(f"{result.room.title}, nothing older.")


@show.register(results.MessageShown)
async def _message_shown(result: results.MessageShown, printer: Printer) -> None:
    printer.entries([result.parent, result.entry] if result.parent is not None else [result.entry])


@show.register(results.MessagesFound)
async def _messages_found(result: results.MessagesFound, printer: Printer) -> None:
    count = len(result.entries)
    if result.more:
        printer.say(f"The newest {count}. There are more: before:DATE finds older ones.")
    else:
        printer.say(f"{count} found, newest first." if count else "Nothing found.")
    printer.entries(result.entries, again=True)


@show.register(results.LinksListed)
async def _links_listed(result: results.LinksListed, printer: Printer) -> None:
    for entry, link in result.links:
        printer.say(f"{result.room.title}, #{entry.seq} {display_name(entry.author)}: {link_lines(link)}")
    if not result.links:
        printer.say(_("There are no links in the last messages of this room."))


def link_lines(link: LinkDetails) -> str:
    """Return a link with its host and what looks wrong about it, each on a line."""
    host = link.host if link.host == link.ascii_host else f"{link.host} ({link.ascii_host})"
    said = [_("Host: {host}").format(host=host), *(f"! {one}" for one in link.warnings)]
    return shown("\n".join([link.text, *said]))


@show.register(results.PinsListed)
async def _pins_listed(result: results.PinsListed, printer: Printer) -> None:
    count = len(result.entries)
    printer.say(f"{count} pinned." if count else "Nothing is pinned here. /pin NUMBER pins a message.")
    printer.entries(result.entries, again=True)


@show.register(results.ThreadShown)
async def _thread_shown(result: results.ThreadShown, printer: Printer) -> None:
    if result.thread.missing is not None:
        printer.say(f"The thread begins with #{result.thread.missing}, which is not available.")
    printer.entries(result.thread.entries)


@show.register(results.VersionsShown)
async def _versions_shown(result: results.VersionsShown, printer: Printer) -> None:
    for at, version in enumerate(result.versions, 1):
        printer.say(f"version {at}: {shown(version.text)}")


@show.register(results.OutgoingListed)
async def _outgoing_listed(result: results.OutgoingListed, printer: Printer) -> None:
    for at, one in enumerate(result.outgoing, 1):
        printer.say(outgoing_line(printer.title(one.entry.room), at, one))
    if not result.outgoing:
        printer.say("Everything is sent.")


@show.register(results.Queued)
async def _queued(result: results.Queued, printer: Printer) -> None:
    del result, printer  # the room's log shows it


# --- files


def transfer_line(transfer: results.Transfer) -> str:
    """Return the file that is being transferred."""
    if transfer.file is None:
        return f"Sending {shown(transfer.name)} to {transfer.room.title}."
    return f"Saving a file, {facts_of(transfer.file)}."


@show.register(results.FileSent)
async def _file_sent(result: results.FileSent, printer: Printer) -> None:
    printer.say(f"{result.room.title}, file uploaded: {shown(result.name)}")


@show.register(results.FileSaved)
async def _file_saved(result: results.FileSaved, printer: Printer) -> None:
    printer.say(f"Saved: {shown(str(result.path))}")


# --- people, account, settings


@show.register(results.PersonShown)
async def _person_shown(result: results.PersonShown, printer: Printer) -> None:
    one = result.profile
    common = ", ".join(room.title for room, _ in one.rooms) or "none"
    ignored = ", ignored by you" * one.ignored
    printer.say(f"{display_name(one.user)}, {one.status.value}, rooms in common: {common}{ignored}")


@show.register(results.IgnoredListed)
async def _ignored_listed(result: results.IgnoredListed, printer: Printer) -> None:
    printer.say(f"You ignore {', '.join(map(display_name, result.people)) or 'no one'}.")


@show.register(results.FactorsListed)
async def _factors_listed(result: results.FactorsListed, printer: Printer) -> None:
    for one in result.listed.factors:
        printer.say(factor_line(one))
    printer.say(about_factors(result.listed))


@show.register(results.SessionsListed)
async def _sessions_listed(result: results.SessionsListed, printer: Printer) -> None:
    for at, one in enumerate(result.sessions, 1):
        printer.say(f"{at}: {one.device}{', this one' * one.current}")


# --- encryption


@show.register(results.EncryptionShown)
async def _encryption_shown(result: results.EncryptionShown, printer: Printer) -> None:
    report = result.report
    printer.say(label_line(result.room.title, printer.client.encryption.room(result.room.id)))
    for sentence in report.claims:
        if sentence not in report.problem:
            printer.say(shown(sentence))
    people = {one.user: one for one in report.people if one.admitted_by is not None}
    for user in dict.fromkeys(member.user for member in report.members):
        devices = [member for member in report.members if member.user == user]
        printer.say(_person_line(user, devices, people.get(user)))
    for user in report.without_device:
        by = f", {how_admitted(people[user])}" if user in people else ""
        printer.say(f"{display_name(user)}{by}: no device in the group, can't read this room.")
    if report.authenticator:
        printer.say(
            f"The room's digits, epoch {report.epoch}: {report.authenticator}. "
            "If two devices show the same digits, they are in the same group with the same members."
        )
    if report.last_change is not None:
        printer.say(f"This device last renewed its keys here: {day_and_time(report.last_change)}.")
    if report.keys:
        printer.say(report.keys)
    for sentence in report.server_sees:
        printer.say(sentence)
    printer.say(report.assurance)


def _person_line(user: UserName, devices: Sequence[MemberDevice], person: RoomPerson | None) -> str:
    trust = "you" if devices[0].own else TRUST[devices[0].trust]
    role = "" if person is None or person.role is None else f", {person.role.value}"
    by = "" if person is None else f", {how_admitted(person)}"
    names = "; ".join(f"{one.name}{', this device' * one.current}" for one in devices)
    return f"{display_name(user)}, {trust}{role}{by}. Devices: {names}."


@show.register(results.RoomEncrypted)
async def _room_encrypted(result: results.RoomEncrypted, printer: Printer) -> None:
    printer.say(printer.encryption_status.room_line(printer.client.encryption, result.room))


@show.register(results.RoomRenewed)
async def _room_renewed(result: results.RoomRenewed, printer: Printer) -> None:
    del result
    printer.say(RENEWED)


@show.register(results.KeyShown)
async def _key_shown(result: results.KeyShown, printer: Printer) -> None:
    for line in _key_lines(result.report):
        printer.say(line)


def _key_lines(report: PersonReport) -> Iterator[str]:
    user = report.user
    yield f"{user}: {TRUST[report.trust]}."
    if not report.safety_number:
        yield "They have no device with keys yet. Ask them to open Parlour once, then check again."
        return
    yield f"Safety number: {report.safety_number}."
    yield (
        "Read it to each other, but not in this chat. If it matches: "
        f"/verify {user} and its last four groups (20 digits), or the code that their /mycode shows. "
        f"To compare five short words instead: /verify {user} words."
    )
    if report.key_changed:
        yield (
            "Their key has changed: they lost all their devices and started over, or it is someone else. Ask "
            f"them. /verify {user} {GO_ON} accepts the new key without comparing it."
        )


@show.register(results.KeyDecided)
async def _key_decided(result: results.KeyDecided, printer: Printer) -> None:
    printer.say(f"{result.report.user}: {TRUST[result.report.trust]}.")


@show.register(results.ComparisonShown)
async def _comparison_shown(result: results.ComparisonShown, printer: Printer) -> None:
    printer.say(_comparison_line(result.process))


def _comparison_line(process: SasVerification) -> str:
    waiting = f"Waiting for {process.peer} to answer; they can do that later."
    return words_line(process, process) or waiting


@show.register(results.ComparisonConfirmed)
async def _comparison_confirmed(result: results.ComparisonConfirmed, printer: Printer) -> None:
    del result
    printer.say("You confirmed that the words match.")


@show.register(results.CodeShown)
async def _code_shown(result: results.CodeShown, printer: Printer) -> None:
    printer.say(result.code)


@show.register(results.AlarmsListed)
async def _alarms_listed(result: results.AlarmsListed, printer: Printer) -> None:
    for at, alarm in enumerate(result.alarms, 1):
        permanence = ", can't be dismissed" * alarm.permanent
        printer.say(f"{at}: {day_and_time(alarm.at)}{permanence}: {shown(alarm.text)}")
    if not result.alarms:
        printer.say("There are no alarms.")


@show.register(results.DevicesListed)
async def _devices_listed(result: results.DevicesListed, printer: Printer) -> None:
    printer.listed = tuple(one.device for one in result.devices)
    for at, one in enumerate(result.devices, 1):
        printer.say(f"{at}: {one.name}, {_STATUS[one.status]}{', this one' * one.current}")
    printer.say(f"The archive is {result.own.protection}.")
    if result.own.status is DeviceStatus.PENDING:
        printer.say(f"This device is waiting for approval. On another one: /approve {result.own.code}")


@show.register(results.DeviceApproved)
async def _device_approved(result: results.DeviceApproved, printer: Printer) -> None:
    printer.say(
        f"{result.device.name} is approved. Once it connects, it can read new messages; "
        "/devices history NUMBER sends it more."
    )


@show.register(results.DeviceRevoked)
async def _device_revoked(result: results.DeviceRevoked, printer: Printer) -> None:
    printer.say(f"{result.device.name} is revoked.")


@show.register(results.HistorySent)
async def _history_sent(result: results.HistorySent, printer: Printer) -> None:
    printer.say(f"Sent {result.count} events to {result.device.name}, encrypted.")


@show.register(results.RecoveryWordsShown)
async def _recovery_words_shown(result: results.RecoveryWordsShown, printer: Printer) -> None:
    printer.say("Write these words on paper, and show them to no one:")
    for start in range(0, len(result.words), _WORDS_A_LINE):
        part = result.words[start : start + _WORDS_A_LINE]
        printer.say(", ".join(f"{start + n} {word}" for n, word in enumerate(part, 1)))


# --- questions


@singledispatch
def explain(question: results.Question, yes: str) -> Iterator[str]:
    """Explain a yes, before it is typed as ``yes``."""
    yield f"{question.text} {' '.join(question.details)} {yes} confirms."


@explain.register(results.EncryptQuestion)
def _encrypt_question(question: results.EncryptQuestion, yes: str) -> Iterator[str]:
    yield admitted_by_encrypting(question.people)
    yield WON
    yield from LOST
    yield f"{yes} encrypts {question.room.title}."


@explain.register(results.RenewQuestion)
def _renew_question(question: results.RenewQuestion, yes: str) -> Iterator[str]:
    yield f"These people can read {question.room.title} now:"
    for one in question.people:
        yield f"{renewed_person(one)}."
    yield f"{question.text} {yes} confirms, and from then on its members decide."


@explain.register(results.RevokeQuestion)
def _revoke_question(question: results.RevokeQuestion, yes: str) -> Iterator[str]:
    yield (
        f"{question.device.name} would be logged out and removed from every encrypted room; "
        f"it keeps what it has already read. {yes} confirms."
    )
