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
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.plain.encryption_status import label_line, words_line
from parlour_client.plain.line_text import (
    outgoing_line,
    room_line,
    shown,
)
from parlour_client.plain.printer import Printer
from parlour_client.text.date_text import day_found
from parlour_client.text.device_text import steps_to_add
from parlour_client.text.encryption_text import (
    LOST,
    TRUST,
    WON,
    admitted_by_encrypting,
    how_admitted,
)
from parlour_client.text.event_text import day_and_time
from parlour_client.text.file_text import facts_of
from parlour_client.text.link_details import LinkDetails
from parlour_client.text.retention_text import retention_sentences
from parlour_client.text.room_text import created_room
from parlour_client.text.second_factor_text import about_factors, factor_line
from parlour_client.text.server_notice_text import no_notices, notice_heading
from parlour_client.text.setting_text import group_lines, setting_line
from parlour_client.text.words import member_words, role_word, status_word
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.names import UserName

_STATUS: Final = {
    DeviceStatus.ACTIVE: N_("approved"),
    DeviceStatus.PENDING: N_("waiting for approval"),
    DeviceStatus.REVOKED: N_("revoked"),
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
    words = ""
    if result.how is results.Opened.UNREAD:
        words = _("{title}, {unread} unread.").format(title=result.room.title, unread=result.room.unread)
    elif result.how is results.Opened.CREATED:
        words = created_room(result.room)
    printer.enter(result.room, words)
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
        printer.say(_("You have not joined a room yet. /rooms lists the public rooms."))


@show.register(results.PublicRoomsListed)
async def _public_rooms_listed(result: results.PublicRoomsListed, printer: Printer) -> None:
    for one in result.rooms:
        topic = f": {shown(one.topic)}" if one.topic else ""
        printer.say(
            ngettext(
                "{name}, {members} person{topic}", "{name}, {members} people{topic}", one.members
            ).format(name=one.name, members=one.members, topic=topic)
        )
    if not result.rooms:
        printer.say(_("There are no public rooms yet. /create NAME creates one."))


@show.register(results.MembersListed)
async def _members_listed(result: results.MembersListed, printer: Printer) -> None:
    printer.say(
        ngettext("{count} member", "{count} members", len(result.members)).format(count=len(result.members))
    )
    for one in result.members:
        printer.say(f"{display_name(one.user)}, {member_words(one)}")


@show.register(results.TopicShown)
async def _topic_shown(result: results.TopicShown, printer: Printer) -> None:
    room = result.room
    if room.topic:
        printer.say(_("{title}, topic: {topic}").format(title=room.title, topic=shown(room.topic)))
    else:
        printer.say(_("{title} has no topic. /topic TEXT sets one.").format(title=room.title))


@show.register(results.RetentionShown)
async def _retention_shown(result: results.RetentionShown, printer: Printer) -> None:
    for sentence in retention_sentences(result.room.retention):
        printer.say(sentence)


@show.register(results.PlaceShown)
async def _place_shown(result: results.PlaceShown, printer: Printer) -> None:
    printer.say(room_line(result.room) if result.room is not None else _("No room is open."))
    printer.status()


@show.register(results.InvitationsListed)
async def _invitations_listed(result: results.InvitationsListed, printer: Printer) -> None:
    printer.invitations(again=True)
    if not result.invitations:
        printer.say(_("You have no invitations."))


@show.register(results.BlockedListed)
async def _blocked_listed(result: results.BlockedListed, printer: Printer) -> None:
    printer.say(
        _("You block {names}.").format(names=", ".join(map(display_name, result.people)) or _("no one"))
    )


@show.register(results.ReceiptsShown)
async def _receipts_shown(result: results.ReceiptsShown, printer: Printer) -> None:
    read = [
        _("{user} up to #{seq}").format(user=display_name(user), seq=seq)
        for user, seq in sorted(result.read.items())
    ]
    title = result.room.title
    printer.say(
        _("{title}, read by {read}.").format(title=title, read=", ".join(read))
        if read
        else _("{title}: no one shares how far they have read.").format(title=title)
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
        printer.say(_("{title}, nothing older.").format(title=result.room.title))


@show.register(results.DateFound)
async def _date_found(result: results.DateFound, printer: Printer) -> None:
    first = result.entries[0].at if result.entries else None
    words = day_found(result.wanted, first, is_that_day=result.is_that_day)
    if words:
        printer.say(words)
    printer.entries(result.entries)


@show.register(results.MessageShown)
async def _message_shown(result: results.MessageShown, printer: Printer) -> None:
    entries = [result.parent, result.entry] if result.parent is not None else [result.entry]
    printer.entries(entries, covered=False)


@show.register(results.MessagesFound)
async def _messages_found(result: results.MessagesFound, printer: Printer) -> None:
    count = len(result.entries)
    if result.more:
        printer.say(
            _("The newest {count}. There are more: before:DATE finds older ones.").format(count=count)
        )
    else:
        printer.say(_("{count} found, newest first.").format(count=count) if count else _("Nothing found."))
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
    printer.say(
        _("{count} pinned.").format(count=count)
        if count
        else _("Nothing is pinned here. /pin NUMBER pins a message.")
    )
    printer.entries(result.entries, again=True)


@show.register(results.ThreadShown)
async def _thread_shown(result: results.ThreadShown, printer: Printer) -> None:
    if result.thread.missing is not None:
        printer.say(
            _("The thread begins with #{missing}, which is not available.").format(
                missing=result.thread.missing
            )
        )
    printer.entries(result.thread.entries)


@show.register(results.VersionsShown)
async def _versions_shown(result: results.VersionsShown, printer: Printer) -> None:
    for at, version in enumerate(result.versions, 1):
        printer.say(_("version {at}: {text}").format(at=at, text=shown(version.text)))


@show.register(results.OutgoingListed)
async def _outgoing_listed(result: results.OutgoingListed, printer: Printer) -> None:
    for at, one in enumerate(result.outgoing, 1):
        printer.say(outgoing_line(printer.title(one.entry.room), at, one))
    if not result.outgoing:
        printer.say(_("Everything is sent."))


@show.register(results.Queued)
async def _queued(result: results.Queued, printer: Printer) -> None:
    del result, printer  # the room's log shows it


# --- files


def transfer_line(transfer: results.Transfer) -> str:
    """Return the file that is being transferred."""
    if transfer.file is None:
        return _("Sending {name} to {title}.").format(name=shown(transfer.name), title=transfer.room.title)
    return _("Saving a file, {facts_of}.").format(facts_of=facts_of(transfer.file))


@show.register(results.FileSent)
async def _file_sent(result: results.FileSent, printer: Printer) -> None:
    printer.say(_("{title}, file uploaded: {name}").format(title=result.room.title, name=shown(result.name)))


@show.register(results.FileSaved)
async def _file_saved(result: results.FileSaved, printer: Printer) -> None:
    printer.say(_("Saved: {path}").format(path=shown(str(result.path))))


# --- people, account, settings


@show.register(results.PersonShown)
async def _person_shown(result: results.PersonShown, printer: Printer) -> None:
    one = result.profile
    common = ", ".join(room.title for room, _role in one.rooms) or _("none")
    ignored = _(", ignored by you") * one.ignored
    printer.say(
        _("{user}, {status}, rooms in common: {common}{ignored}").format(
            user=display_name(one.user), status=status_word(one.status), common=common, ignored=ignored
        )
    )


@show.register(results.IgnoredListed)
async def _ignored_listed(result: results.IgnoredListed, printer: Printer) -> None:
    printer.say(
        _("You ignore {names}.").format(names=", ".join(map(display_name, result.people)) or _("no one"))
    )


@show.register(results.FactorsListed)
async def _factors_listed(result: results.FactorsListed, printer: Printer) -> None:
    for one in result.listed.factors:
        printer.say(factor_line(one))
    printer.say(about_factors(result.listed))


@show.register(results.SessionsListed)
async def _sessions_listed(result: results.SessionsListed, printer: Printer) -> None:
    for at, one in enumerate(result.sessions, 1):
        printer.say(f"{at}: {one.device}{_(', this one') * one.current}")


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
        printer.say(
            _("{user}{by}: no device in the group, can't read this room.").format(
                user=display_name(user), by=by
            )
        )
    if report.authenticator:
        printer.say(
            _(
                "The room's digits, epoch {epoch}: {authenticator}. If two devices show the same digits, "
                "they are in the same group with the same members."
            ).format(epoch=report.epoch, authenticator=report.authenticator)
        )
    if report.last_change is not None:
        printer.say(
            _("This device last renewed its keys here: {day_and_time}.").format(
                day_and_time=day_and_time(report.last_change)
            )
        )
    if report.keys:
        printer.say(report.keys)
    for sentence in report.server_sees:
        printer.say(sentence)
    printer.say(report.assurance)


def _person_line(user: UserName, devices: Sequence[MemberDevice], person: RoomPerson | None) -> str:
    trust = _("you") if devices[0].own else _(TRUST[devices[0].trust])
    role = "" if person is None or person.role is None else f", {role_word(person.role)}"
    by = "" if person is None else f", {how_admitted(person)}"
    names = "; ".join(f"{one.name}{_(', this device') * one.current}" for one in devices)
    return _("{user}, {trust}{role}{by}. Devices: {names}.").format(
        user=display_name(user), trust=trust, role=role, by=by, names=names
    )


@show.register(results.RoomEncrypted)
async def _room_encrypted(result: results.RoomEncrypted, printer: Printer) -> None:
    printer.say(printer.encryption_status.room_line(printer.client.encryption, result.room))


@show.register(results.KeyShown)
async def _key_shown(result: results.KeyShown, printer: Printer) -> None:
    for line in _key_lines(result.report):
        printer.say(line)


def _key_lines(report: PersonReport) -> Iterator[str]:
    user = report.user
    yield f"{user}: {_(TRUST[report.trust])}."
    if not report.safety_number:
        yield _("They have no device with keys yet. Ask them to open Parlour once, then check again.")
        return
    yield _("Safety number: {safety_number}.").format(safety_number=report.safety_number)
    yield (
        _(
            "Read it to each other, but not in this chat. If it matches: /verify {user} and its last "
            "four groups (20 digits), or the code that their /mycode shows. To compare five short "
            "words instead: /verify {user} words."
        ).format(user=user)
    )
    if report.key_changed:
        yield (
            _(
                "Their key has changed: they lost all their devices and started over, or it is someone "
                "else. Ask them. /verify {user} {go_on} accepts the new key without comparing it."
            ).format(user=user, go_on=GO_ON)
        )


@show.register(results.KeyDecided)
async def _key_decided(result: results.KeyDecided, printer: Printer) -> None:
    printer.say(f"{result.report.user}: {_(TRUST[result.report.trust])}.")


@show.register(results.ComparisonShown)
async def _comparison_shown(result: results.ComparisonShown, printer: Printer) -> None:
    printer.say(_comparison_line(result.process))


def _comparison_line(process: SasVerification) -> str:
    waiting = _("Waiting for {peer} to answer; they can do that later.").format(peer=process.peer)
    return words_line(process, process) or waiting


@show.register(results.ComparisonConfirmed)
async def _comparison_confirmed(result: results.ComparisonConfirmed, printer: Printer) -> None:
    del result
    printer.say(_("You confirmed that the words match."))


@show.register(results.CodeShown)
async def _code_shown(result: results.CodeShown, printer: Printer) -> None:
    printer.say(result.code)


@show.register(results.AlarmsListed)
async def _alarms_listed(result: results.AlarmsListed, printer: Printer) -> None:
    for at, alarm in enumerate(result.alarms, 1):
        permanence = _(", can't be dismissed") * alarm.permanent
        printer.say(f"{at}: {day_and_time(alarm.at)}{permanence}: {shown(alarm.text)}")
    if not result.alarms:
        printer.say(_("There are no alarms."))


@show.register(results.DevicesListed)
async def _devices_listed(result: results.DevicesListed, printer: Printer) -> None:
    printer.listed = tuple(one.device for one in result.devices)
    for at, one in enumerate(result.devices, 1):
        printer.say(f"{at}: {one.name}, {_(_STATUS[one.status])}{_(', this one') * one.current}")
    printer.say(_("The archive is {protection}.").format(protection=_(result.own.protection)))
    if result.own.status is DeviceStatus.PENDING:
        printer.say(
            _("This device is waiting for approval. On another one: /approve {code}").format(
                code=result.own.code
            )
        )


@show.register(results.DeviceLinkShown)
async def _device_link_shown(result: results.DeviceLinkShown, printer: Printer) -> None:
    printer.say(str(result.link))
    for step in steps_to_add():
        printer.say(step)


@show.register(results.DeviceApproved)
async def _device_approved(result: results.DeviceApproved, printer: Printer) -> None:
    printer.say(
        _(
            "{name} is approved. Once it connects, it can read new messages; /devices history NUMBER "
            "sends it more."
        ).format(name=result.device.name)
    )


@show.register(results.SettingShown)
async def _setting_shown(result: results.SettingShown, printer: Printer) -> None:
    printer.say(setting_line(result.setting, result.value))


@show.register(results.SettingsListed)
async def _settings_listed(result: results.SettingsListed, printer: Printer) -> None:
    for line in group_lines(result.settings):
        printer.say(line)
    printer.say(_("/set NAME explains one, /set NAME VALUE changes it."))


@show.register(results.DeviceRevoked)
async def _device_revoked(result: results.DeviceRevoked, printer: Printer) -> None:
    printer.say(_("{name} is revoked.").format(name=result.device.name))


@show.register(results.HistorySent)
async def _history_sent(result: results.HistorySent, printer: Printer) -> None:
    printer.say(
        _("Sent {count} events to {name}, encrypted.").format(count=result.count, name=result.device.name)
    )


@show.register(results.RecoveryWordsShown)
async def _recovery_words_shown(result: results.RecoveryWordsShown, printer: Printer) -> None:
    printer.say(_("Write these words on paper, and show them to no one:"))
    for start in range(0, len(result.words), _WORDS_A_LINE):
        part = result.words[start : start + _WORDS_A_LINE]
        printer.say(", ".join(f"{start + n} {word}" for n, word in enumerate(part, 1)))


@show.register(results.NoticesListed)
async def _notices_listed(result: results.NoticesListed, printer: Printer) -> None:
    for notice in result.notices:
        printer.say(f"{notice_heading(notice, result.server)}: {shown(notice.text)}")
    if not result.notices:
        printer.say(no_notices(result.server))


# --- questions


@show.register(results.ChoiceWanted)
async def _choice_wanted(result: results.ChoiceWanted, printer: Printer) -> None:
    printer.say(result.text)
    for word, meaning in result.choices:
        printer.say(f"  {word}: {meaning}")


@singledispatch
def explain(question: results.Question, yes: str) -> Iterator[str]:
    """Explain a yes, before it is typed as ``yes``."""
    yield _("{text} {details} {yes} confirms.").format(
        text=question.text, details=" ".join(question.details), yes=yes
    )


@explain.register(results.EncryptQuestion)
def _encrypt_question(question: results.EncryptQuestion, yes: str) -> Iterator[str]:
    yield admitted_by_encrypting(question.people)
    yield _(WON)
    yield from map(_, LOST)
    yield _("{yes} encrypts {title}.").format(yes=yes, title=question.room.title)


@explain.register(results.RevokeQuestion)
def _revoke_question(question: results.RevokeQuestion, yes: str) -> Iterator[str]:
    yield (
        _(
            "{name} would be logged out and removed from every encrypted room; it keeps what it has "
            "already read. {yes} confirms."
        ).format(name=question.device.name, yes=yes)
    )
