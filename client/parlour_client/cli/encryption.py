"""`encryption` and `verify`: what a room's end-to-end encryption is worth, and who people are.

Encrypted and verified are told apart. A person is marked verified only by digits or a code that somebody
typed in, never by one key press. The commands print what ``Client.encryption`` says; they decide nothing.
"""

import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

from parlour_client.cli.render import USER, find_room, print_json
from parlour_client.cli.run_client import connected, run, the_home
from parlour_client.console.printing import echo
from parlour_client.core.client import Client
from parlour_client.core.e2ee.report_text import SUITE_NAMES
from parlour_client.core.e2ee.status import MemberDevice, PersonReport, RoomPerson, RoomReport, Trust
from parlour_client.core.e2ee.verification.verification_code import CODE_PREFIX, person_of, qr_rows
from parlour_client.core.errors import SetupError
from parlour_client.text.encryption_text import NOTHING_TO_RENEW, RENEW_QUESTION, admissions, renewed_person
from parlour_protocol.frames.base import RoomSuite
from parlour_protocol.ids import RoomId

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.command(epilog="\b\nExample:\n  parlour encryption garden\n  parlour encryption @ben --json")
@click.argument("room")
@_JSON
@click.option("--renew", is_flag=True, help="Let the members of a room from before that decide who is in it.")
@click.option("--yes", is_flag=True, help="Don't ask; a script needs it.")
@click.pass_context
def encryption(context: click.Context, room: str, *, as_json: bool, renew: bool, yes: bool) -> None:
    """Show who can read ROOM (a name, or @user), with which devices, and what the server sees."""

    async def work() -> None:
        async with connected(the_home(context), follow=True) as client:
            wanted = find_room(client, room).id
            if renew:
                await _renew(client, wanted, yes=yes)
            await client.finish(wanted)
            report = await client.encryption.report(wanted)
            if as_json:
                print_json(_report_fields(report))
            else:
                _print_report(report)

    run(work())


async def _renew(client: Client, room: RoomId, *, yes: bool) -> None:
    people = await client.encryption.adoptable(room)
    if not people:
        raise SetupError(NOTHING_TO_RENEW, "Nothing is to be done.")
    for one in people:
        echo(renewed_person(one), err=True)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("No terminal to ask for confirmation on; use --yes.")
        click.confirm(RENEW_QUESTION, abort=True, err=True)
    await client.encryption.adopt(room, people)


@click.command(
    epilog='\b\nExample:\n  parlour verify ben\n  parlour verify ben --confirm "48213 90417 55301 27740"\n'
    "  parlour verify            (your own code, for others to scan or copy)"
)
@click.argument("who", metavar="[USER|CODE]", required=False)
@click.option(
    "--confirm",
    metavar="DIGITS",
    help="Mark USER verified: the last 20 digits (four groups) at least, if both of you see the same.",
)
@click.option("--accept", is_flag=True, help="Go on with USER's changed key, unverified.")
@_JSON
@click.pass_context
def verify(
    context: click.Context, who: str | None, confirm: str | None, *, accept: bool, as_json: bool
) -> None:
    """Compare the safety number of USER, or check the CODE that their Parlour shows.

    Compare the digits over another channel than this chat: by voice, or face to face.
    """
    if confirm is not None and accept:
        raise click.UsageError("--confirm and --accept exclude each other.")
    if (confirm is not None or accept) and (who is None or _is_code(who)):
        raise click.UsageError("Name the USER.")

    async def work() -> None:
        async with connected(the_home(context), follow=True) as client:
            if who is None:
                _print_own(client, as_json=as_json)
                return
            report = await _person(client, who, confirm, accept=accept)
            if as_json:
                print_json({"user": report.user, "safety_number": report.safety_number} | _state(report))
            else:
                _print_person(report)

    run(work())


async def _person(client: Client, who: str, confirm: str | None, *, accept: bool) -> PersonReport:
    if _is_code(who):
        return await client.encryption.check_code(person_of(who), who)
    user = USER.convert(who, None, None)
    if confirm is not None:
        return await client.encryption.confirm(user, confirm)
    if accept:
        return await client.encryption.accept_key(user)
    return await client.encryption.person(user)


def _is_code(who: str) -> bool:
    return who.upper().startswith(CODE_PREFIX)


def _state(report: PersonReport) -> dict[str, Any]:
    return {"state": report.trust.value, "first_seen": report.first_seen}


def _print_own(client: Client, *, as_json: bool) -> None:
    code = client.encryption.own_code()
    if as_json:
        print_json({"code": code})
        return
    for row in qr_rows(code):
        click.echo(click.style(row, fg="black", bg="bright_white"))  # dark on light, or some scanners fail
    echo(code)
    echo("Others check it with: parlour verify CODE")


def _print_person(report: PersonReport) -> None:
    echo(f"{report.user}: {WORDS_OF_TRUST[report.trust]}")
    if report.safety_number:
        echo(f"  {report.safety_number}")
    if report.trust is Trust.CHANGED:
        echo("  Nothing is sent to them until you decide: compare the digits, then --confirm or --accept.")
    elif report.trust is Trust.FIRST_SEEN:
        echo(f"  The same digits on both sides? parlour verify {report.user} --confirm 'THE LAST 20 DIGITS'")


WORDS_OF_TRUST: Final = {
    Trust.UNKNOWN: "no key is known yet: they have not opened a Parlour with encryption",
    Trust.FIRST_SEEN: "first seen, not verified",
    Trust.VERIFIED: "verified",
    Trust.CHANGED: "CHANGED: another key than before",
}


def _report_fields(report: RoomReport) -> dict[str, Any]:
    return {
        "room_id": report.room,
        "state": report.state.value,
        "label": report.label,
        "problem": report.problem,
        "group": report.group,
        "epoch": report.epoch,
        "authenticator": report.authenticator,
        "decided_by_members": report.decided_by_members,
        "people": [_person_fields(person) for person in report.people],
        "claims": list(report.claims),
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
        mine = " (this device)" if member.current else " (yours)" if member.own else ""
        trust = "" if member.own else f", {WORDS_OF_TRUST[member.trust]}"
        echo(f"  {member.user}: {member.name}{mine}{trust}")
    for user in report.without_device:
        echo(f"  {user}: no device, cannot read this room")
    if report.authenticator:
        echo(f"Room digits, equal for everybody in it: {report.authenticator} (epoch {report.epoch})")
    if report.last_change is not None:
        when = datetime.fromtimestamp(report.last_change / 1000, tz=UTC).astimezone()
        echo(f"This device renewed its keys here at {when:%Y-%m-%d %H:%M}.")
    if report.keys:
        echo(report.keys)
    echo("The server sees:")
    for sentence in report.server_sees:
        echo(f"  {sentence}")
    echo(report.assurance)
