"""Prints each result of a command on the command line: lines for people, or JSON for scripts.

Results go to the standard output, notes to standard error.
"""

from functools import singledispatch
from typing import Any, Final

import click
from msgspec.structs import asdict

from parlour_client.cli.output import Output, print_entry, print_json, shown
from parlour_client.cli.send import delivered
from parlour_client.commands import results
from parlour_client.core.e2ee.report_text import SUITE_NAMES
from parlour_client.core.e2ee.status import MemberDevice, PersonReport, RoomPerson, RoomReport, Trust
from parlour_client.core.model import Invitation, display_name
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.qr_code import qr_rows
from parlour_client.text.device_text import steps_to_add
from parlour_client.text.encryption_text import admissions
from parlour_client.text.event_text import day_and_time
from parlour_client.text.retention_text import retention_sentences
from parlour_client.text.room_text import created_room
from parlour_client.text.second_factor_text import about_factors, factor_line
from parlour_client.text.server_notice_text import notice_heading
from parlour_client.text.words import kind_word, member_words
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames.replies import Retention
from parlour_protocol.rooms import RoomKind, RoomSuite

WAITS: Final = N_(
    "This room is end-to-end encrypted: you can read and write once a member's device has "
    "added this one, which happens automatically when someone is online or writes there."
)
_WORDS_A_LINE: Final = 6


@singledispatch
async def show(result: results.Result, out: Output) -> None:  # noqa: ARG001 - the registered ones use it
    """Print the result of a command."""
    raise TypeError(f"{type(result).__name__} has no lines")


@show.register(results.Done)
async def _done(result: results.Done, out: Output) -> None:
    del out
    echo(result.sentence, err=True)


# --- rooms


@show.register(results.RoomOpened)
async def _room_opened(result: results.RoomOpened, out: Output) -> None:
    room = result.room
    match result.how:
        case results.Opened.CREATED:
            echo(created_room(room), err=True)
        case results.Opened.DIRECT:
            if result.sent is not None:
                await delivered(out.client, room, result.sent, as_json=False)
        case _:
            echo(_("You are in {title}.").format(title=room.title), err=True)
            if room.encrypted and room.kind is not RoomKind.DIRECT:
                echo(_(WAITS), err=True)


@show.register(results.RoomLeft)
async def _room_left(result: results.RoomLeft, out: Output) -> None:
    del result, out  # the exit status says that it succeeded


@show.register(results.RoomsListed)
async def _rooms_listed(result: results.RoomsListed, out: Output) -> None:
    for room in result.rooms:
        fields: dict[str, object] = {"room": room.title, "room_id": room.id, "kind": room.kind.value}
        fields |= {"member": True, "members": room.members, "topic": room.topic}
        fields |= {"role": room.role.value, "head": room.head, "archived": room.archived}
        _print_room(fields, room.members, out)
    for one in result.public:
        fields = {"room": one.name, "room_id": one.room, "kind": "public", "member": False}
        _print_room(fields | {"members": one.members, "topic": one.topic}, one.members, out)


def _print_room(fields: dict[str, object], members: int, out: Output) -> None:
    if out.as_json:
        print_json(fields)
        return
    topic = f"  {shown(str(fields['topic']))}" if fields["topic"] else ""
    outside = "" if fields["member"] else _("  (not joined)")
    outside = _("  (archived)") if fields.get("archived") else outside
    echo(
        ngettext(
            "{room}  {kind}, {members} person{topic}{outside}",
            "{room}  {kind}, {members} people{topic}{outside}",
            members,
        ).format(
            room=fields["room"],
            kind=kind_word(RoomKind(str(fields["kind"]))),
            members=members,
            topic=topic,
            outside=outside,
        )
    )


@show.register(results.MembersListed)
async def _members_listed(result: results.MembersListed, out: Output) -> None:
    for one in result.members:
        if out.as_json:
            fields: dict[str, object] = {
                "user": display_name(one.user),
                "role": one.role.value,
                "status": one.status.value,
            }
            print_json(fields | {"muted": one.muted})
        else:
            echo(f"{display_name(one.user)}  {member_words(one)}")


@show.register(results.TopicShown)
async def _topic_shown(result: results.TopicShown, out: Output) -> None:
    del out
    echo(shown(result.room.topic) if result.room.topic else "")


@show.register(results.RetentionShown)
async def _retention_shown(result: results.RetentionShown, out: Output) -> None:
    retention = result.room.retention or Retention()
    if out.as_json:
        print_json(
            {
                "room": result.room.title,
                "days": retention.days,
                "next_days": retention.next_days,
                "next_from": retention.next_from,
                "removed_before": retention.removed_before,
            }
        )
        return
    for sentence in retention_sentences(result.room.retention):
        echo(sentence)


@show.register(results.InvitationsListed)
async def _invitations_listed(result: results.InvitationsListed, out: Output) -> None:
    for one in result.invitations:
        if out.as_json:
            fields = {"room": one.title, "room_id": one.id, "kind": one.kind.value, "inviter": one.inviter}
            print_json(fields | {"at": one.at or None, "encrypted": one.encrypted})
        else:
            echo(_invitation_line(one))


def _invitation_line(one: Invitation) -> str:
    direct = one.kind is RoomKind.DIRECT
    kind = (
        _("wants to message you")
        if direct
        else _("{kind}, invited by {inviter}").format(kind=kind_word(one.kind), inviter=one.inviter)
    )
    when = f"  {day_and_time(one.at)}" if one.at else ""  # a direct room's is unknown before it was read
    return f"{one.title}  {kind}{_(', encrypted') * one.encrypted}{when}"


@show.register(results.BlockedListed)
async def _blocked_listed(result: results.BlockedListed, out: Output) -> None:
    del out
    for user in result.people:
        echo(user)


# --- messages and files


@show.register(results.MessagesFound)
async def _messages_found(result: results.MessagesFound, out: Output) -> None:
    names = await out.client.history.room_names()
    for entry in result.entries:
        known = out.client.rooms.get(entry.room)
        left = names.get(entry.room) or (entry.room if out.as_json else _("a room you left"))
        print_entry(known.title if known is not None else left, entry, as_json=out.as_json)
    if result.more:
        echo(_("parlour: There are more results; use --limit or before:DATE to see them."), err=True)


@show.register(results.LinksListed)
async def _links_listed(result: results.LinksListed, out: Output) -> None:
    for entry, link in result.links:
        if out.as_json:
            fields: dict[str, object] = {"seq": entry.seq, "author": entry.author, "link": link.text}
            fields |= {"host": link.host, "ascii_host": link.ascii_host, "address": link.address or None}
            print_json(fields | {"warnings": list(link.warnings), "refusal": link.refusal or None})
            continue
        echo(f"#{entry.seq} {display_name(entry.author)}: {shown(link.text)}")
        both = link.host if link.host == link.ascii_host else f"{link.host} ({link.ascii_host})"
        echo(f"  {shown(_('Host: {host}').format(host=both))}")
        for warning in link.warnings:
            echo(f"  ! {shown(warning)}")


@show.register(results.PinsListed)
async def _pins_listed(result: results.PinsListed, out: Output) -> None:
    for entry in result.entries:
        print_entry(result.room.title, entry, as_json=out.as_json)


@show.register(results.Queued)
async def _queued(result: results.Queued, out: Output) -> None:
    """Wait for the server; a refused message is not sent later."""
    try:
        await out.client.messages.stored(result.request)
    except ParlourClientError:
        await out.client.messages.abandon([result.request])
        raise


@show.register(results.Transfer)
async def _transfer(result: results.Transfer, out: Output) -> None:
    await show(await result.run(lambda _done, _whole: None), out)


@show.register(results.FileSaved)
async def _file_saved(result: results.FileSaved, out: Output) -> None:
    if out.as_json:
        print_json({"path": str(result.path)})
    else:
        echo(shown(str(result.path)))


# --- the account


@show.register(results.FactorsListed)
async def _factors_listed(result: results.FactorsListed, out: Output) -> None:
    for one in result.listed.factors:
        if out.as_json:
            print_json(
                {
                    "id": one.id,
                    "kind": one.kind.value,
                    "name": one.name,
                    "created": one.created,
                    "last_used": one.last_used,
                }
            )
        else:
            echo(factor_line(one))
    if not out.as_json:
        echo(about_factors(result.listed), err=True)


@show.register(results.NoticesListed)
async def _notices_listed(result: results.NoticesListed, out: Output) -> None:
    for notice in result.notices:
        if out.as_json:
            print_json(asdict(notice))
        else:
            echo(f"{notice_heading(notice, result.server)}: {shown(notice.text)}")


@show.register(results.SessionsListed)
async def _sessions_listed(result: results.SessionsListed, out: Output) -> None:
    for one in result.sessions:
        if out.as_json:
            print_json(asdict(one))
        else:
            here = _("  (this one)") * one.current
            echo(
                _("{id}  {device}  last seen {day_and_time}{here}").format(
                    id=one.id, device=one.device, day_and_time=day_and_time(one.last_seen), here=here
                )
            )


@show.register(results.DevicesListed)
async def _devices_listed(result: results.DevicesListed, out: Output) -> None:
    for one in result.devices:
        code = result.own.code if one.current and one.status is DeviceStatus.PENDING else ""
        if out.as_json:
            fields: dict[str, object] = {"device": one.device, "name": one.name, "status": one.status.value}
            fields |= {"code": code} if code else {}
            print_json(fields | {"created": one.created, "seen": one.last_seen, "current": one.current})
            continue
        here = _("  (this one)") * one.current
        echo(
            _("{device}  {name}  {status}, seen {day_and_time}{here}").format(
                device=one.device,
                name=one.name,
                status=_(DEVICE_STATUS[one.status]),
                day_and_time=day_and_time(one.last_seen),
                here=here,
            )
        )
        if one.status is DeviceStatus.PENDING and not one.current:
            echo(_("  If it is yours: parlour device approve CODE, with the code that it shows."))
            echo(
                _("  If not: parlour device revoke {device}, and change your password.").format(
                    device=one.device
                )
            )
        if code:
            echo(_("  On another of your devices: parlour device approve {code}").format(code=code))


@show.register(results.DeviceLinkShown)
async def _device_link_shown(result: results.DeviceLinkShown, out: Output) -> None:
    del out
    echo(str(result.link))
    for step in steps_to_add():
        echo(step, err=True)


@show.register(results.DeviceApproved)
async def _device_approved(result: results.DeviceApproved, out: Output) -> None:
    del out
    echo(
        _("Approved {name}. Once it connects, it can read new messages.").format(name=result.device.name),
        err=True,
    )


@show.register(results.DeviceRevoked)
async def _device_revoked(result: results.DeviceRevoked, out: Output) -> None:
    del result, out
    echo(_("Revoked."), err=True)


@show.register(results.HistorySent)
async def _history_sent(result: results.HistorySent, out: Output) -> None:
    del out
    echo(_("Sent {count} events.").format(count=result.count), err=True)


@show.register(results.RecoveryWordsShown)
async def _recovery_words_shown(result: results.RecoveryWordsShown, out: Output) -> None:
    del out
    words = result.words
    for start in range(0, len(words), _WORDS_A_LINE):
        part = words[start : start + _WORDS_A_LINE]
        echo("  " + " ".join(f"{start + i:2}. {word}" for i, word in enumerate(part, 1)))
    echo(_("Write them on paper and show them to no one: anyone who has them has your account."), err=True)


# --- encryption


@show.register(results.EncryptionShown)
async def _encryption_shown(result: results.EncryptionShown, out: Output) -> None:
    if out.as_json:
        print_json(_report_fields(result.report))
    else:
        _print_report(result.report)


def _report_fields(report: RoomReport) -> dict[str, Any]:
    return {
        "room_id": report.room,
        "state": report.state.value,
        "label": report.label,
        "problem": report.problem,
        "group": report.group,
        "epoch": report.epoch,
        "authenticator": report.authenticator,
        "people": [_person_fields(person) for person in report.people],
        "claims": list(report.claims),
        "void_invitations": list(report.void_invitations),
        "members": [_member_fields(member) for member in report.members],
        "without_device": list(report.without_device),
        "last_change": report.last_change,
        "suite": None if report.suite is None else SUITE_NAMES[report.suite],
        "post_quantum": report.suite is RoomSuite.X_WING,
        "server_sees": list(report.server_sees),
        "assurance": report.assurance,
    }


def _member_fields(member: MemberDevice) -> dict[str, Any]:
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


def _person_fields(person: RoomPerson) -> dict[str, Any]:
    return {
        "user": person.user,
        "role": None if person.role is None else person.role.value,
        "admitted_by": person.admitted_by,
        "admitted_at": person.admitted_at,
        "claimed_by_server": person.claimed_by_server,
        "devices": list(person.devices),
    }


def _print_report(report: RoomReport) -> None:
    echo(report.label)
    if report.problem:
        echo(f"  {report.problem}")
    for sentence in (*report.claims, *admissions(report.people)):
        if sentence not in report.problem:
            echo(f"  {sentence}")
    for member in report.members:
        mine = _(" (this device)") if member.current else _(" (yours)") if member.own else ""
        trust = "" if member.own else f", {_(TRUST[member.trust])}"
        echo(f"  {display_name(member.user)}: {member.name}{mine}{trust}")
    for user in report.without_device:
        echo(_("  {user}: no device, can't read this room").format(user=display_name(user)))
    if report.authenticator:
        echo(
            _("Room digits, the same for every member: {authenticator} (epoch {epoch})").format(
                authenticator=report.authenticator, epoch=report.epoch
            )
        )
    if report.last_change is not None:
        echo(
            _("This device renewed its keys here at {day_and_time}.").format(
                day_and_time=day_and_time(report.last_change)
            )
        )
    if report.keys:
        echo(report.keys)
    echo(_("The server sees:"))
    for sentence in report.server_sees:
        echo(f"  {sentence}")
    echo(report.assurance)


DEVICE_STATUS: Final = {
    DeviceStatus.ACTIVE: N_("approved"),
    DeviceStatus.PENDING: N_("pending"),
    DeviceStatus.REVOKED: N_("revoked"),
}
TRUST: Final = {
    Trust.UNKNOWN: N_("no key yet: they haven't opened Parlour with encryption"),
    Trust.FIRST_SEEN: N_("first seen, not verified"),
    Trust.VERIFIED: N_("verified"),
    Trust.CHANGED: N_("CHANGED: not the same key as before"),
}


@show.register(results.KeyShown)
@show.register(results.KeyDecided)
async def _key(result: results.KeyShown | results.KeyDecided, out: Output) -> None:
    report = result.report
    if out.as_json:
        fields = {"user": report.user, "safety_number": report.safety_number}
        print_json(fields | {"state": report.trust.value, "first_seen": report.first_seen})
    else:
        _print_person(report)


def _print_person(report: PersonReport) -> None:
    echo(f"{report.user}: {_(TRUST[report.trust])}")
    if report.safety_number:
        echo(f"  {report.safety_number}")
    if report.key_changed:
        echo(
            _(
                "  Nothing is sent to them until you decide: compare the digits, then use --confirm or "
                "--accept."
            )
        )
    elif report.trust is Trust.FIRST_SEEN:
        echo(
            _(
                "  If you both see the same digits: parlour verify {user} --confirm 'THE LAST 20 DIGITS'"
            ).format(user=report.user)
        )


@show.register(results.CodeShown)
async def _code_shown(result: results.CodeShown, out: Output) -> None:
    if out.as_json:
        print_json({"code": result.code})
        return
    for row in qr_rows(result.code):
        click.echo(click.style(row, fg="black", bg="bright_white"))  # dark on light, or some scanners fail
    echo(result.code)
    echo(_("Others check it with: parlour verify CODE"))
