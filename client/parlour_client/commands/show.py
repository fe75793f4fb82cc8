"""Results as text: lines for people in the shell and in the line mode, and the fields of `--json`.

Both print the same lines, with two differences. A shell lists in columns and by id; the line mode, whose
lines may be read aloud, with commas and by number. And each names commands as they are written there.
"""

from collections.abc import Iterable, Iterator
from functools import singledispatch
from typing import Any, Final

from msgspec.structs import asdict

from parlour_client.commands import backup, devices, results, rooms, verification, witnesses
from parlour_client.commands.front import Front
from parlour_client.core.e2ee.values import SUITE_NAMES, MemberDevice, PersonReport, RoomPerson, Trust
from parlour_client.core.model import display_name
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.text.backup_text import exported_lines, restored_lines, status_line, verified_lines
from parlour_client.text.ban_text import ban_line
from parlour_client.text.date_text import day_and_time
from parlour_client.text.device_text import steps_to_add
from parlour_client.text.encryption_text import TRUST, how_admitted, label_line, sas_line
from parlour_client.text.link_details import LinkDetails
from parlour_client.text.retention_text import retention_sentences
from parlour_client.text.room_text import room_line
from parlour_client.text.setting_text import group_lines, setting_line
from parlour_client.text.untrusted_text import INDENT, shown
from parlour_client.text.witness_text import witness_lines
from parlour_client.text.words import kind_word, member_words, role_word, status_word
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind, RoomSuite

Lines = Iterator[str]
Record = dict[str, Any]

_DEVICE_STATUS: Final = {
    DeviceStatus.ACTIVE: N_("approved"),
    DeviceStatus.PENDING: N_("waiting for approval"),
    DeviceStatus.REVOKED: N_("revoked"),
}
_WORDS_A_LINE: Final = 6


class Aside(str):
    """A line about the output, not of it: the command line prints it to standard error."""

    __slots__ = ()


@singledispatch
def lines(result: results.Result, front: Front) -> Lines:  # noqa: ARG001 - the registered ones use it
    """Yield the lines of a result. Raises TypeError for one that a front end shows in its own way."""
    raise TypeError(f"{type(result).__name__} has no lines")


@singledispatch
def records(result: results.Result) -> Iterable[Record] | None:  # noqa: ARG001 - the registered ones use it
    """Return the JSON objects of a result; None if it has none."""
    return None


def _row(front: Front, at: int | None, name: str, *parts: str) -> str:
    """Return a row of a list: in columns for the shell, with commas for the line mode.

    The line mode says the number ``at`` instead of the name, if there is one.
    """
    given = [part for part in parts if part]
    if front is Front.CLI:
        return "  ".join([name, *given])
    return ", ".join([name, *given]) if at is None else f"{at}: {', '.join(given)}"


def _here(front: Front, *, current: bool) -> str:
    """Mark the row of this device."""
    words = _("this one") * current
    return f"({words})" if words and front is Front.CLI else words


def _names(people: Iterable[UserName]) -> str:
    return ", ".join(map(display_name, people)) or _("no one")


@lines.register
def _done(result: results.Done, _front: Front) -> Lines:
    yield Aside(result.sentence)


@lines.register
def _choice_wanted(result: results.ChoiceWanted, _front: Front) -> Lines:
    yield result.text
    yield from (f"  {word}: {meaning}" for word, meaning in result.choices)


# --- rooms


@lines.register
def _rooms_listed(result: results.RoomsListed, front: Front) -> Lines:
    if front is Front.LINE:
        yield from map(room_line, result.rooms)
    else:
        for room in result.rooms:
            archived = _("(archived)") * room.archived
            yield _room_row(room.title, room.kind, room.members, room.topic, archived)
        for listing in result.public:
            yield _room_row(listing.name, RoomKind.PUBLIC, listing.members, listing.topic, _("(not joined)"))
    if not (result.rooms or result.public):
        yield Aside(
            _("You have not joined a room yet. {command} lists the public rooms.").format(
                command=rooms.public.written(front)
            )
        )


def _room_row(name: str, kind: RoomKind, members: int, topic: str, outside: str) -> str:
    people = ngettext("{kind}, {members} person", "{kind}, {members} people", members).format(
        kind=kind_word(kind), members=members
    )
    return _row(Front.CLI, None, name, people, shown(topic) if topic else "", outside)


@records.register
def _rooms_records(result: results.RoomsListed) -> Iterator[Record]:
    for room in result.rooms:
        yield {
            "room": room.title,
            "room_id": room.id,
            "kind": room.kind.value,
            "member": True,
            "members": room.members,
            "topic": room.topic,
            "role": room.role.value,
            "head": room.head,
            "archived": room.archived,
        }
    for listing in result.public:
        yield {
            "room": listing.name,
            "room_id": listing.room,
            "kind": "public",
            "member": False,
            "members": listing.members,
            "topic": listing.topic,
        }


@lines.register
def _public_rooms_listed(result: results.PublicRoomsListed, _front: Front) -> Lines:
    for room in result.rooms:
        topic = f": {shown(room.topic)}" if room.topic else ""
        yield ngettext(
            "{name}, {members} person{topic}", "{name}, {members} people{topic}", room.members
        ).format(name=room.name, members=room.members, topic=topic)
    if not result.rooms:
        yield Aside(_("There are no public rooms yet. /create NAME creates one."))


@lines.register
def _members_listed(result: results.MembersListed, front: Front) -> Lines:
    if front is Front.LINE:
        count = len(result.members)
        yield ngettext("{count} person", "{count} people", count).format(count=count)
    for member in result.members:
        yield _row(front, None, display_name(member.user), member_words(member))


@records.register
def _members_records(result: results.MembersListed) -> Iterator[Record]:
    for member in result.members:
        yield {
            "user": display_name(member.user),
            "role": member.role.value,
            "status": member.status.value,
            "muted": member.muted,
        }


@lines.register
def _topic_shown(result: results.TopicShown, front: Front) -> Lines:
    title, topic = result.room.title, result.room.topic
    if front is Front.CLI:
        yield shown(topic) if topic else ""
    elif topic:
        yield _("{title}, topic: {topic}").format(title=title, topic=shown(topic))
    else:
        yield _("{title} has no topic. /topic TEXT sets one.").format(title=title)


@lines.register
def _retention_shown(result: results.RetentionShown, _front: Front) -> Lines:
    yield from retention_sentences(result.room.retention)


@records.register
def _retention_record(result: results.RetentionShown) -> Iterator[Record]:
    retention = result.room.retention or Retention()
    yield {
        "room": result.room.title,
        "days": retention.days,
        "next_days": retention.next_days,
        "next_from": retention.next_from,
        "removed_before": retention.removed_before,
    }


@lines.register
def _invitations_listed(result: results.InvitationsListed, front: Front) -> Lines:
    for invitation in result.invitations:
        words = (
            _("wants to message you")
            if invitation.kind is RoomKind.DIRECT
            else _("{kind}, invited by {inviter}").format(
                kind=kind_word(invitation.kind), inviter=invitation.inviter
            )
        )
        # a direct room's is unknown before it was read
        when = day_and_time(invitation.at) if invitation.at else ""
        yield _row(front, None, invitation.title, f"{words}{_(', encrypted') * invitation.encrypted}", when)
    if not result.invitations:
        yield Aside(_("You have no invitations."))


@records.register
def _invitations_records(result: results.InvitationsListed) -> Iterator[Record]:
    for invitation in result.invitations:
        yield {
            "room": invitation.title,
            "room_id": invitation.id,
            "kind": invitation.kind.value,
            "inviter": invitation.inviter,
            "at": invitation.at or None,
            "encrypted": invitation.encrypted,
        }


@lines.register
def _bans_listed(result: results.BansListed, _front: Front) -> Lines:
    now = SystemClock().now()
    for ban in result.bans:
        yield ban_line(ban, now) + (f"\n{INDENT}{shown(ban.reason)}" if ban.reason else "")
    if not result.bans:
        yield Aside(_("Nobody is banned from {room}.").format(room=result.room.title))


@records.register
def _bans_records(result: results.BansListed) -> Iterator[Record]:
    for ban in result.bans:
        yield {
            "user": ban.user,
            "by": ban.by,
            "at": ban.at,
            "until": ban.until,
            "reason": ban.reason,
            "standing": ban.standing.name.lower(),
        }


@lines.register
def _receipts_shown(result: results.ReceiptsShown, _front: Front) -> Lines:
    title = result.room.title
    read = [
        _("{user} up to #{seq}").format(user=display_name(user), seq=seq)
        for user, seq in sorted(result.read.items())
    ]
    if read:
        yield _("{title}, read by {read}.").format(title=title, read=", ".join(read))
    else:
        yield _("{title}: no one shares how far they have read.").format(title=title)


# --- messages and files


@lines.register
def _links_listed(result: results.LinksListed, front: Front) -> Lines:
    for entry, link in result.links:
        author = display_name(entry.author)
        who = f"{author} {entry.seq}" if front is Front.LINE else f"#{entry.seq} {author}"
        yield f"{who}: {_link_lines(link)}"
    if not result.links:
        yield Aside(_("There are no links in the last messages of this room."))


def _link_lines(link: LinkDetails) -> str:
    """Return a link with its host and what looks wrong about it, each on a line."""
    host = link.host if link.host == link.ascii_host else f"{link.host} ({link.ascii_host})"
    warnings = (f"! {warning}" for warning in link.warnings)
    return shown("\n".join([link.text, _("Host: {host}").format(host=host), *warnings]))


@records.register
def _links_records(result: results.LinksListed) -> Iterator[Record]:
    for entry, link in result.links:
        yield {
            "seq": entry.seq,
            "author": entry.author,
            "link": link.text,
            "host": link.host,
            "ascii_host": link.ascii_host,
            "address": link.address or None,
            "warnings": list(link.warnings),
            "refusal": link.refusal or None,
        }


@lines.register
def _versions_shown(result: results.VersionsShown, _front: Front) -> Lines:
    for at, version in enumerate(result.versions, 1):
        yield _("version {at}: {text}").format(at=at, text=shown(version.text))


@lines.register
def _file_sent(result: results.FileSent, _front: Front) -> Lines:
    yield _("{title}, file uploaded: {name}").format(title=result.room.title, name=shown(result.name))


@lines.register
def _file_saved(result: results.FileSaved, front: Front) -> Lines:
    path = shown(str(result.path))
    yield path if front is Front.CLI else _("Saved: {path}").format(path=path)


@records.register
def _file_record(result: results.FileSaved) -> Iterator[Record]:
    yield {"path": str(result.path)}


# --- people, the account, settings


@lines.register
def _person_shown(result: results.PersonShown, _front: Front) -> Lines:
    profile = result.profile
    common = ", ".join(room.title for room, _role in profile.rooms) or _("none")
    yield _("{user}, {status}, rooms in common: {common}{ignored}").format(
        user=display_name(profile.user),
        status=status_word(profile.status),
        common=common,
        ignored=_(", ignored by you") * profile.ignored,
    )


@lines.register
def _blocked_listed(result: results.BlockedListed, front: Front) -> Lines:
    if front is Front.CLI and result.people:
        yield from result.people
    else:
        yield Aside(_("You block {names}.").format(names=_names(result.people)))


@lines.register
def _ignored_listed(result: results.IgnoredListed, _front: Front) -> Lines:
    yield _("You ignore {names}.").format(names=_names(result.people))


@lines.register
def _listed(result: results.Listed, _front: Front) -> Lines:
    yield from result.lines
    if result.about:
        yield Aside(result.about)


@records.register
def _listed_records(result: results.Listed) -> Iterator[Record]:
    yield from result.fields


@lines.register
def _sessions_listed(result: results.SessionsListed, front: Front) -> Lines:
    for at, session in enumerate(result.sessions, 1):
        seen = _("last seen {day_and_time}").format(day_and_time=day_and_time(session.last_seen))
        yield _row(front, at, session.id, session.device, seen, _here(front, current=session.current))


@records.register
def _sessions_records(result: results.SessionsListed) -> Iterable[Record]:
    return map(asdict, result.sessions)


@lines.register
def _setting_shown(result: results.SettingShown, _front: Front) -> Lines:
    yield setting_line(result.setting, result.value)


@lines.register
def _settings_listed(result: results.SettingsListed, _front: Front) -> Lines:
    yield from group_lines(result.settings)
    yield _("/set NAME explains one, /set NAME VALUE changes it.")


# --- devices


@lines.register
def _devices_listed(result: results.DevicesListed, front: Front) -> Lines:
    own = result.own
    for at, device in enumerate(result.devices, 1):
        status = _("{status}, seen {day_and_time}").format(
            status=_(_DEVICE_STATUS[device.status]), day_and_time=day_and_time(device.last_seen)
        )
        yield _row(front, at, device.device, device.name, status, _here(front, current=device.current))
        if device.status is DeviceStatus.PENDING and not device.current:
            which = device.device if front is Front.CLI else at
            yield _("  If it is yours: {approve} CODE, with the code that it shows.").format(
                approve=devices.approve.written(front)
            )
            yield _("  If not: {revoke} {device}, and change your password.").format(
                revoke=devices.revoke.written(front), device=which
            )
    yield Aside(_("The archive is {protection}.").format(protection=_(own.protection)))
    if own.status is DeviceStatus.PENDING:
        yield _("This device is waiting for approval. On another one: {approve} {code}").format(
            approve=devices.approve.written(front), code=own.code
        )


@records.register
def _devices_records(result: results.DevicesListed) -> Iterator[Record]:
    for device in result.devices:
        code = result.own.code if device.current and device.status is DeviceStatus.PENDING else ""
        yield {
            "device": device.device,
            "name": device.name,
            "status": device.status.value,
            **({"code": code} if code else {}),
            "created": device.created,
            "seen": device.last_seen,
            "current": device.current,
        }


@lines.register
def _device_link_shown(result: results.DeviceLinkShown, _front: Front) -> Lines:
    yield str(result.link)
    yield from map(Aside, steps_to_add())


@lines.register
def _device_approved(result: results.DeviceApproved, front: Front) -> Lines:
    yield Aside(
        _("Approved {name}. Once it connects, it can read new messages; {history} sends it more.").format(
            name=result.device.name, history=devices.send_history.usage(front)
        )
    )


@lines.register
def _recovery_words_shown(result: results.RecoveryWordsShown, _front: Front) -> Lines:
    words = [f"{number:2}. {word}" for number, word in enumerate(result.words, 1)]
    for start in range(0, len(words), _WORDS_A_LINE):
        yield "  " + " ".join(words[start : start + _WORDS_A_LINE])
    yield Aside(_("Write them on paper and show them to no one: anyone who has them has your account."))


@lines.register
def _backup_status(result: results.BackupStatus, front: Front) -> Lines:
    yield status_line(result.last, backup.export.usage(front))


@records.register
def _backup_status_record(result: results.BackupStatus) -> Iterator[Record]:
    yield {"last": result.last}


@lines.register
def _backup_written(result: results.BackupWritten, _front: Front) -> Lines:
    yield from exported_lines(result.done)


@records.register
def _backup_written_record(result: results.BackupWritten) -> Iterator[Record]:
    yield {"path": str(result.done.path), "events": result.done.events}


@lines.register
def _backup_restored(result: results.BackupRestored, _front: Front) -> Lines:
    yield from restored_lines(result.done)


@records.register
def _backup_restored_record(result: results.BackupRestored) -> Iterator[Record]:
    done = result.done
    yield {"made": done.made, "restored": done.new, "here": done.here, "missing": done.missing}


@lines.register
def _backup_verified(result: results.BackupVerified, _front: Front) -> Lines:
    yield from verified_lines(result.done)


@records.register
def _backup_verified_record(result: results.BackupVerified) -> Iterator[Record]:
    done = result.done
    yield {"made": done.made, "events": done.events, "same": done.same, "elsewhere": done.elsewhere}


# --- witnesses


@lines.register
def _witnesses_listed(result: results.WitnessesListed, front: Front) -> Lines:
    yield from witness_lines(result.witnesses, witnesses.add.usage(front))


@records.register
def _witnesses_records(result: results.WitnessesListed) -> Iterator[Record]:
    for one in result.witnesses:
        yield {
            "witness": one.key.name,
            "key": one.vkey,
            "size": one.size,
            "signed_at": one.at or None,
            "behind_since": one.behind and one.behind.since,
        }


# --- encryption


@lines.register
def _encryption_shown(result: results.EncryptionShown, front: Front) -> Lines:
    report = result.report
    if front is Front.CLI:
        yield report.label
        yield from filter(None, (report.problem and f"  {report.problem}",))
    else:
        yield label_line(result.room.title, report.label, report.problem)
    told = (*report.claims, *report.void_invitations)
    yield from (shown(sentence) for sentence in told if sentence not in report.problem)
    people = {person.user: person for person in report.people if person.admitted_by is not None}
    for user in dict.fromkeys(member.user for member in report.members):
        yield _person_line([member for member in report.members if member.user == user], people.get(user))
    for user in report.without_device:
        by = f", {how_admitted(people[user])}" if user in people else ""
        yield _("{user}{by}: no device in the group, can't read this room.").format(
            user=display_name(user), by=by
        )
    if report.authenticator:
        yield _(
            "The room's digits, epoch {epoch}: {authenticator}. If two devices show the same digits, "
            "they are in the same group with the same members."
        ).format(epoch=report.epoch, authenticator=report.authenticator)
    if report.last_change is not None:
        yield _("This device last renewed its keys here: {day_and_time}.").format(
            day_and_time=day_and_time(report.last_change)
        )
    yield from filter(None, (report.keys,))
    yield _("The server sees:")
    yield from (f"  {sentence}" for sentence in report.server_sees)
    yield report.assurance


def _person_line(on: list[MemberDevice], person: RoomPerson | None) -> str:
    """Return who someone with these devices in the group is."""
    trust = _("you") if on[0].own else _(TRUST[on[0].trust])
    role = "" if person is None or person.role is None else f", {role_word(person.role)}"
    by = "" if person is None else f", {how_admitted(person)}"
    names = "; ".join(f"{device.name}{_(', this device') * device.current}" for device in on)
    return _("{user}, {trust}{role}{by}. Devices: {names}.").format(
        user=display_name(on[0].user), trust=trust, role=role, by=by, names=names
    )


@records.register
def _encryption_record(result: results.EncryptionShown) -> Iterator[Record]:
    report = result.report
    yield {
        "room_id": report.room,
        "state": report.state.value,
        "label": report.label,
        "problem": report.problem,
        "group": report.group,
        "epoch": report.epoch,
        "authenticator": report.authenticator,
        "people": [_person_record(person) for person in report.people],
        "claims": list(report.claims),
        "void_invitations": list(report.void_invitations),
        "members": [_member_record(member) for member in report.members],
        "without_device": list(report.without_device),
        "last_change": report.last_change,
        "suite": None if report.suite is None else SUITE_NAMES[report.suite],
        "post_quantum": report.suite is RoomSuite.X_WING,
        "server_sees": list(report.server_sees),
        "assurance": report.assurance,
    }


def _member_record(member: MemberDevice) -> Record:
    return {
        "user": member.user,
        "device": member.device,
        "name": member.name,
        "state": member.trust.value,
        "own": member.own,
        "current": member.current,
        "admitted_by": member.admitted_by,
        "claimed_by_server": member.claimed_by_server,
    }


def _person_record(person: RoomPerson) -> Record:
    return {
        "user": person.user,
        "role": None if person.role is None else person.role.value,
        "admitted_by": person.admitted_by,
        "admitted_at": person.admitted_at,
        "claimed_by_server": person.claimed_by_server,
        "devices": list(person.devices),
    }


@lines.register
def _key_shown(result: results.KeyShown, front: Front) -> Lines:
    report = result.report
    verify = f"{verification.verify.written(front)} {report.user}"
    yield _trust_line(report)
    if not report.safety_number:
        yield _("They have no device with keys yet. Ask them to open Parlour once, then check again.")
        return
    yield _("Safety number: {safety_number}.").format(safety_number=report.safety_number)
    if report.trust is not Trust.VERIFIED:
        yield _how_to_compare(verify, front)
    if report.key_changed:
        accept = f"{verify} {'--accept' if front is Front.CLI else verification.GO_ON}"
        yield _(
            "Their key has changed: they lost all their devices and started over, or it is someone "
            "else. Ask them. {accept} accepts the new key without comparing it."
        ).format(accept=accept)


def _how_to_compare(verify: str, front: Front) -> str:
    if front is Front.CLI:
        return _(
            "Read it to each other, but not in this chat. If it matches: "
            "{verify} --confirm 'THE LAST 20 DIGITS'"
        ).format(verify=verify)
    return _(
        "Read it to each other, but not in this chat. If it matches: {verify} and its last "
        "four groups (20 digits), or the code that their /mycode shows. To compare five short "
        "words instead: {verify} words."
    ).format(verify=verify)


@lines.register
def _key_decided(result: results.KeyDecided, _front: Front) -> Lines:
    yield _trust_line(result.report)


def _trust_line(report: PersonReport) -> str:
    return f"{report.user}: {_(TRUST[report.trust])}."


@records.register
def _key_record(result: results.KeyShown | results.KeyDecided) -> Iterator[Record]:
    report = result.report
    yield {
        "user": report.user,
        "safety_number": report.safety_number,
        "state": report.trust.value,
        "first_seen": report.first_seen,
    }


@lines.register
def _code_shown(result: results.CodeShown, front: Front) -> Lines:
    yield result.code
    yield _("Others check it with: {verify} CODE").format(verify=verification.verify.written(front))


@records.register
def _code_record(result: results.CodeShown) -> Iterator[Record]:
    yield {"code": result.code}


@lines.register
def _comparison_shown(result: results.ComparisonShown, _front: Front) -> Lines:
    process = result.process
    waiting = _("Waiting for {peer} to answer; they can do that later.").format(peer=process.peer)
    yield sas_line(process, process) or waiting


@lines.register
def _comparison_confirmed(_result: results.ComparisonConfirmed, _front: Front) -> Lines:
    yield _("You confirmed that the words match.")


@lines.register
def _alarms_listed(result: results.AlarmsListed, _front: Front) -> Lines:
    for at, alarm in enumerate(result.alarms, 1):
        permanence = _(", can't be dismissed") * alarm.permanent
        yield f"{at}: {day_and_time(alarm.at)}{permanence}: {shown(alarm.text)}"
    if not result.alarms:
        yield Aside(_("There are no alarms."))
