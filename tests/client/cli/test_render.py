"""What the command line prints of a result: lines for people, and the fields that scripts rely on."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.client.ui.encryption_fake import THIS
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient

from parlour_client.cli.output import Output, print_entry
from parlour_client.cli.render import show
from parlour_client.commands import results
from parlour_client.commands.links import links_of
from parlour_client.core.model import SYSTEM_ACCOUNT, Invitation
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames.replies import RoomListing
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.ids import Millis, Seq, SessionId
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

MEADOW = RoomListing(RoomId("M" * 22), parse_room_name("meadow"), 7)
ATTIC = Invitation(RoomId("N" * 22), RoomKind.PRIVATE, BOB, Millis(1), name=parse_room_name("attic"))
SESSION = SessionInfo(
    id=SessionId("s" * 22),
    device=parse_device_name("laptop"),
    created=Millis(1),
    last_seen=Millis(2),
    expires=Millis(3),
    current=True,
)


@pytest.fixture
def client() -> FakeClient:
    """Return a client with a lobby, a garden and a direct room with bob."""
    return FakeClient.peopled()


async def shown(client: FakeClient, result: results.Result, *, as_json: bool = False) -> None:
    """Print a result."""
    await show(result, Output(client, as_json))  # type: ignore[arg-type] # a client in memory


async def members(client: FakeClient) -> results.Result:
    """Return who is in the lobby."""
    return results.MembersListed(await client.members(LOBBY))


async def rooms(client: FakeClient) -> results.Result:
    """Return the rooms, and one that is not joined."""
    return results.RoomsListed(client.rooms.all[1:2], [MEADOW])


async def invitations(_: FakeClient) -> results.Result:
    """Return an invitation."""
    return results.InvitationsListed([ATTIC])


async def sessions(_: FakeClient) -> results.Result:
    """Return a session."""
    return results.SessionsListed([SESSION])


async def devices(client: FakeClient) -> results.Result:
    """Return two devices."""
    return results.DevicesListed(await client.encryption.devices(), client.encryption.own())


async def pending(client: FakeClient) -> results.Result:
    """Return this device, which waits."""
    one = replace(client.encryption.listed[0], status=DeviceStatus.PENDING)
    return results.DevicesListed([one], client.encryption.own())


async def key(client: FakeClient) -> results.Result:
    """Return what is known of bob's key."""
    return results.KeyShown(await client.encryption.person(BOB))


async def report(client: FakeClient) -> results.Result:
    """Return who can read the lobby."""
    room = client.room(LOBBY)
    assert room is not None
    return results.EncryptionShown(room, await client.encryption.report(LOBBY))


async def pins(client: FakeClient) -> results.Result:
    """Return a message."""
    room = client.room(LOBBY)
    assert room is not None
    entry = await client.entry(LOBBY, Seq(2))
    assert entry is not None
    return results.PinsListed(room, [entry])


async def links(client: FakeClient) -> results.Result:
    """Return a link."""
    room = client.room(LOBBY)
    assert room is not None
    entry = client.say(LOBBY, BOB, "http://a.example/\u202e1")
    return results.LinksListed(room, links_of([entry]))


FIELDS = [
    (members, "user role status muted"),
    (rooms, "room room_id kind member members topic role head archived"),
    (invitations, "room room_id kind inviter at encrypted"),
    (sessions, "id device created last_seen expires current keyed"),
    (devices, "device name status created seen current"),
    (pending, "device name status code created seen current"),
    (key, "user safety_number state first_seen"),
    (
        report,
        """room_id state label problem group epoch authenticator people claims void_invitations members
        without_device last_change suite post_quantum server_sees assurance""",
    ),
    (pins, "seq room room_id at author text"),
    (links, "seq author link host ascii_host address warnings refusal"),
]


@pytest.mark.parametrize(("make", "fields"), FIELDS, ids=lambda value: getattr(value, "__name__", ""))
async def test_scripts_get_the_fields_that_they_rely_on(
    client: FakeClient, capsys: pytest.CaptureFixture[str], make: Callable[..., object], fields: str
) -> None:
    """One JSON object a line, with these names, in this order."""
    await shown(client, await make(client), as_json=True)  # type: ignore[misc, arg-type] # one of the above
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert list(first) == fields.split()


LINES = [
    (members, "alice  owner, online"),
    (rooms, "garden  public, 3 people"),
    (invitations, "attic  private, invited by bob  1970-01-01"),
    (sessions, f"{'s' * 22}  laptop  last seen 1970-01-01"),
    (devices, f"{THIS}  laptop  approved, seen 2026-09-21"),
    (key, "bob: first seen, not verified"),
    (report, "Not encrypted: the server can read this"),
    (pins, "2026-11-24 "),  # and the local time
    (links, "#4 bob: http://a.example/⟦U+202E⟧1"),
]


@pytest.mark.parametrize(("make", "line"), LINES, ids=lambda value: getattr(value, "__name__", ""))
async def test_people_get_lines(
    client: FakeClient, capsys: pytest.CaptureFixture[str], make: Callable[..., object], line: str
) -> None:
    """The first of them."""
    await shown(client, await make(client))  # type: ignore[misc, arg-type] # one of the above
    assert capsys.readouterr().out.splitlines()[0].startswith(line)


async def test_a_room_of_one(client: FakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    """A person, not people."""
    await shown(client, results.RoomsListed([], [RoomListing(MEADOW.room, MEADOW.name, 1)]))
    assert capsys.readouterr().out == "meadow  public, 1 person  (not joined)\n"


async def test_notes_are_not_output(client: FakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes to standard error: a script reads the rest."""
    room = client.room(GARDEN)
    assert room is not None
    await shown(client, results.RoomOpened(room, results.Opened.CREATED))
    await shown(client, results.RoomOpened(replace(room, kind=RoomKind.PRIVATE), results.Opened.CREATED))
    await shown(client, results.RoomOpened(replace(room, encrypted=True), results.Opened.JOINED))
    await shown(client, results.Done("The session has ended."))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:3] == [
        "Created garden: public. Anyone on this server can find and join it.",
        "Created garden: private. It isn't listed; people join by invitation.",
        "You are in garden.",
    ]
    assert "once a member's device has added this one" in err


async def test_lists_call_the_system_account_server(
    client: FakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts read the name that people see, of members and of authors."""
    listed = results.MembersListed([replace((await client.members(LOBBY))[0], user=SYSTEM_ACCOUNT)])
    said = client.say(LOBBY, SYSTEM_ACCOUNT, "hello")
    await shown(client, listed, as_json=True)
    print_entry("lobby", said, as_json=True)
    member, message = map(json.loads, capsys.readouterr().out.splitlines())
    assert (member["user"], message["author"]) == ("server", "server")
    await shown(client, listed)
    print_entry("lobby", said, as_json=False)
    in_words, line = capsys.readouterr().out.splitlines()
    assert in_words.startswith("server  owner")
    assert line.endswith(f"lobby #{said.seq} server: hello")
