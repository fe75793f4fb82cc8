"""What a result says in the shell and in the line mode: the same, but for lists and names of commands."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.client.ui.encryption_fake import AT, NUMBER, OTHER, THIS
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, LOBBY, FakeClient

from parlour_client.commands import results
from parlour_client.commands.front import Front
from parlour_client.commands.show import Aside, lines, records
from parlour_client.core.e2ee.identity.witnesses import Behind, Witness
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.model import BanStanding, BanView
from parlour_client.kit.clock import SystemClock
from parlour_client.text.date_text import clock, day_and_time, short_day
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.identity.cosignatures import WitnessKey
from parlour_protocol.kit.fields import ReasonText


def both(result: results.Result) -> tuple[Sequence[str], Sequence[str]]:
    """Return the lines of both."""
    return list(lines(result, Front.CLI)), list(lines(result, Front.LINE))


async def test_a_list_is_in_columns_or_is_heard(client: FakeClient) -> None:
    """A shell gets what identifies a row, the line mode its number."""
    listed = await client.encryption.devices()
    shell, heard = both(results.DevicesListed(listed, client.encryption.own()))
    seen = f"approved, seen {day_and_time(AT)}"
    assert shell[:2] == [f"{THIS}  laptop  {seen}  (this one)", f"{OTHER}  phone  {seen}"]
    assert heard[:2] == [f"1: laptop, {seen}, this one", f"2: phone, {seen}"]
    assert shell[2:] == heard[2:]
    shell, heard = both(results.MembersListed((await client.members(LOBBY))[:1]))
    assert (shell, heard) == (["alice  owner, online"], ["1 person", "alice, owner, online"])


async def test_a_device_that_waits_is_told_with_what_can_be_done(client: FakeClient) -> None:
    """In the words of the front end; this one shows its code."""
    waiting = [replace(one, status=DeviceStatus.PENDING) for one in await client.encryption.devices()]
    own = replace(client.encryption.own(), status=DeviceStatus.PENDING)
    shell, heard = both(results.DevicesListed(waiting[1:], own))
    assert shell[1:3] == [
        "  If it is yours: parlour device approve CODE, with the code that it shows.",
        f"  If not: parlour device revoke {OTHER}, and change your password.",
    ]
    assert heard[2] == "  If not: /devices revoke 1, and change your password."
    assert shell[-1].endswith(f"parlour device approve {own.code}")
    assert heard[-1].endswith(f"/approve {own.code}")


@pytest.mark.parametrize("trust", Trust)
async def test_a_key_is_shown_with_how_to_compare_it(client: FakeClient, trust: Trust) -> None:
    """One that is verified needs no comparison; only a changed one can be accepted."""
    report = replace(await client.encryption.person(BOB), trust=trust)
    for said, accept in zip(
        both(results.KeyShown(report)), ("verify bob --accept", "/verify bob go on"), strict=True
    ):
        assert said[1] == f"Safety number: {NUMBER}."
        assert any("If it matches" in line for line in said) == (trust is not Trust.VERIFIED)
        assert any(accept in line for line in said) == (trust is Trust.CHANGED)
    unknown = replace(report, trust=Trust.UNKNOWN, safety_number="")
    shell, heard = both(results.KeyShown(unknown))
    assert shell == heard
    assert shell[-1].startswith("They have no device with keys yet.")


async def test_a_report_says_the_same_in_both(client: FakeClient) -> None:
    """After the label, which the line mode says with the name of the room."""
    room = client.room(LOBBY)
    assert room is not None
    report = replace(
        await client.encryption.report(LOBBY),
        problem="Decide first.",
        claims=("The server lists spy.",),
        void_invitations=("Decide first.", "The invitation of eve is void."),
    )
    shell, heard = both(results.EncryptionShown(room, report))
    assert shell[:2] == [report.label, "  Decide first."]
    assert heard[0] == f"lobby, encryption: {report.label}. Problem: Decide first."
    assert shell[2:] == heard[1:]
    told = {"The server lists spy.", "The invitation of eve is void.", "The server sees:", report.assurance}
    assert told <= set(heard)
    assert len([line for line in heard if "Decide first." in line]) == 1, "the label has it"


@pytest.mark.parametrize(
    "empty",
    [
        results.RoomsListed([]),
        results.PublicRoomsListed([], set()),
        results.InvitationsListed([]),
        results.BlockedListed([]),
        results.Listed([], "There is none.", []),
        results.AlarmsListed([]),
    ],
    ids=lambda result: type(result).__name__,
)
def test_an_empty_list_is_said_beside_the_output(empty: results.Result) -> None:
    """A script that reads the rows gets none."""
    for said in both(empty):
        (line,) = said
        assert isinstance(line, Aside)
    assert not list(records(empty) or ())


def test_a_result_that_no_view_knows_is_an_error() -> None:
    """It would be nothing on the screen."""
    with pytest.raises(TypeError, match="Queued has no lines"):
        lines(results.Queued("x"), Front.CLI)  # type: ignore[arg-type] # any request
    assert records(results.Done("x")) is None


async def test_bans_are_listed_with_the_reason_behind_a_mark(client: FakeClient) -> None:
    """A reason is someone else's text: a line of its own, which can't look like another ban."""
    room = client.room(LOBBY)
    assert room is not None
    hostile = ReasonText("off topic\nbob, banned by alice on 2026-01-01 10:00, for good.")
    bans = [
        BanView(CAROL, BOB, AT, None, hostile),
        BanView(BOB, ALICE, AT, AT, ReasonText(), BanStanding.NOT_LISTED),
    ]
    shell, heard = both(results.BansListed(room, bans))
    at = f"{short_day(AT, SystemClock().now())} {clock(AT)}"
    first = f"carol, banned by bob ({at}), for good.\n    | off topic"
    forged = "\n    | bob, banned by alice on 2026-01-01 10:00, for good."
    second = f"bob, banned by alice ({at}), until {at}."
    hidden = " The server does not list it: the members' devices keep them out."
    assert shell == heard == [first + forged, second + hidden]
    assert both(results.BansListed(room, ())) == (["Nobody is banned from lobby."],) * 2
    assert [(one["user"], one["standing"]) for one in records(results.BansListed(room, bans)) or ()] == [
        ("carol", "in_force"),
        ("bob", "not_listed"),
    ]


def test_witnesses_are_listed_with_what_they_signed() -> None:
    """The same words for everyone; a script gets the times, and when signatures began to be missing."""
    key = WitnessKey("witness.example.net", bytes(32)).vkey
    signs, silent = Witness(key, 1, AT), Witness(key, 7, AT, Behind(8, AT))
    never = Witness(key, behind=Behind(8, AT))
    listed = results.WitnessesListed([signs, silent, never])
    shell, heard = both(listed)
    since = f"Since {day_and_time(AT)} it has not signed all of what is here."
    assert (
        shell
        == heard
        == [
            f"witness.example.net signed 1 entry at {day_and_time(AT)}.",
            f"witness.example.net signed 7 entries at {day_and_time(AT)}. {since}",
            f"witness.example.net has signed nothing that the server shows. {since}",
        ]
    )
    found = list(records(listed) or ())
    assert [(one["size"], one["signed_at"], one["behind_since"]) for one in found] == [
        (1, AT, None),
        (7, AT, AT),
        (0, None, AT),
    ]
    assert {(one["witness"], one["key"]) for one in found} == {("witness.example.net", key)}
    shell, heard = both(results.WitnessesListed([]))
    assert shell[0].endswith("parlour witness add KEY [--json] adds one.")
    assert heard[0].endswith("/witnesses add KEY adds one.")
