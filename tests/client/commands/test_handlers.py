"""Each command asks the client for one thing, wherever it is given; what can't be read asks for nothing."""

from dataclasses import replace

import pytest
from tests.client.commands.giving import call_from, give
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient

from parlour_client.commands import results
from parlour_client.commands.front import Front
from parlour_client.commands.messages import report
from parlour_client.commands.rooms import retention
from parlour_client.kit.errors import ParlourClientError, SetupError, WrongUseError
from parlour_protocol.frames.replies import Retention, RoomListing
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.ids import Seq
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind, Status

BOTH = (Front.UI, Front.LINE)
MEADOW = RoomListing(RoomId("M" * 22), parse_room_name("meadow"), 7)
GIVEN: list[tuple[tuple[Front, ...], str, tuple[object, ...]]] = [
    # messages: by number in the line mode, the selected one (#2) on the screen
    ((Front.LINE,), "/edit 2 better", ("edit", LOBBY, 2, "better")),
    ((Front.LINE,), "/react 2 👍", ("react", LOBBY, 2, "👍", True)),
    ((Front.UI,), "/react 👍", ("react", LOBBY, 2, "👍", True)),
    ((Front.LINE,), "/unreact 2 👍", ("react", LOBBY, 2, "👍", False)),
    ((Front.LINE,), "/star 2", ("star", LOBBY, 2, True)),
    ((Front.LINE,), "/star 2 off", ("star", LOBBY, 2, False)),
    ((Front.UI,), "/star", ("star", LOBBY, 2, True)),
    ((Front.LINE,), "/thread 2", ("thread", LOBBY, 2)),
    ((Front.UI,), "/thread", ("thread", LOBBY, 2)),
    ((Front.LINE,), "/history 2", ("versions", LOBBY, 2)),
    ((Front.UI,), "/history", ("versions", LOBBY, 2)),
    (BOTH, "/pins", ("pins", LOBBY)),
    # history
    (BOTH, "/search from:bob hello", ("search", "from:bob hello", None)),
    (BOTH, "/mentions", ("search", "is:mention", None)),
    (BOTH, "/starred", ("search", "is:starred", None)),
    (BOTH, "/unread", ("search", "is:unread", None)),
    ((Front.LINE,), "/mark 3", ("mark_read", LOBBY, 2)),
    (BOTH, "/read", ("mark_read", LOBBY, 3)),
    ((Front.LINE,), "/forget all", ("forget", LOBBY, None)),
    # rooms
    (BOTH, "/create den private", ("create_room", "den", RoomKind.PRIVATE, "")),
    (BOTH, "/create den a topic", ("create_room", "den", RoomKind.PUBLIC, "a topic")),
    (BOTH, "/create den public", ("create_room", "den", RoomKind.PUBLIC, "")),
    (BOTH, "/create den public things", ("create_room", "den", RoomKind.PUBLIC, "things")),
    (BOTH, "/create den encrypted private", ("create_room", "den", RoomKind.PRIVATE, "", "encrypted")),
    (BOTH, "/create den encrypted", ("create_room", "den", RoomKind.PUBLIC, "", "encrypted")),
    (BOTH, "/create den public encrypted", ("create_room", "den", RoomKind.PUBLIC, "", "encrypted")),
    (BOTH, "/join meadow", ("join", MEADOW.room)),
    (BOTH, "/topic tea at five", ("set_topic", LOBBY, "tea at five")),
    (BOTH, "/topic --clear", ("set_topic", LOBBY, "")),
    (BOTH, "/dm bob", ("open_direct", BOB)),
    ((Front.UI,), "/dm @bob psst psst", ("send", DIRECT, "psst psst", None)),
    (BOTH, "/favourite", ("favour", LOBBY, True)),
    (BOTH, "/favourite garden", ("favour", GARDEN, True)),
    (BOTH, "/favourite off", ("favour", LOBBY, False)),
    (BOTH, "/silence off", ("silence", LOBBY, False)),
    (BOTH, "/silence garden on", ("silence", GARDEN, True)),
    # invitations and people
    (BOTH, "/invite @carol", ("invite", LOBBY, "carol")),
    (BOTH, "/uninvite carol", ("uninvite", LOBBY, "carol")),
    (BOTH, "/block carol", ("block", "carol", True)),
    (BOTH, "/unblock carol", ("block", "carol", False)),
    (BOTH, "/whois carol", ("person", "carol")),
    (BOTH, "/ignore carol", ("ignore", "carol", True)),
    (BOTH, "/unignore @carol", ("ignore", "carol", False)),
    (BOTH, "/away", ("set_status", Status.AWAY)),
    (BOTH, "/back", ("set_status", Status.ONLINE)),
    # moderation
    (BOTH, "/bans", ("bans", LOBBY)),
    (BOTH, "/unban carol", ("unban", LOBBY, "carol")),
    (BOTH, "/rename orchard", ("rename", LOBBY, "orchard")),
    (BOTH, "/archive off", ("archive", LOBBY, False)),
    (BOTH, "/retention --clear", ("set_retention", LOBBY, None)),
    (BOTH, "/mute carol 10m", ("mute", LOBBY, "carol", 600)),
    (BOTH, "/mute carol", ("mute", LOBBY, "carol", None)),
    (BOTH, "/unmute carol", ("unmute", LOBBY, "carol")),
    (BOTH, "/role carol moderator", ("set_role", LOBBY, "carol", Role.MODERATOR)),
    # the account, encryption
    (BOTH, "/sessions", ("sessions",)),
    (BOTH, "/reconnect", ("hurry",)),
    (BOTH, "/strict off", ("keep_strict", LOBBY, False)),
]


@pytest.mark.parametrize(
    ("front", "line", "asked"),
    [(front, line, asked) for fronts, line, asked in GIVEN for front in fronts],
    ids=lambda value: getattr(value, "value", None),
)
async def test_a_command_asks_the_client_for_one_thing(
    client: FakeClient, front: Front, line: str, asked: tuple[object, ...]
) -> None:
    """The same thing in both chats."""
    client.listing.append(MEADOW)
    await give(client, front, line)
    assert asked in client.calls


@pytest.mark.parametrize("front", BOTH)
async def test_the_history_of_a_message_that_is_not_there_is_refused_in_words(
    client: FakeClient, front: Front
) -> None:
    """Such as a mistyped number: silence would not tell whether the command was understood."""
    gone = replace(call_from(client, front), message=Seq(99))
    with pytest.raises(SetupError, match="not available"):
        await give(client, front, "/history" if front is Front.UI else "/history 99", gone)


ASKED_FIRST: list[tuple[tuple[Front, ...], str, tuple[object, ...]]] = [
    (BOTH, "/leave", ("leave", LOBBY)),
    (BOTH, "/archive on", ("archive", LOBBY, True)),
    (BOTH, "/delete-room", ("delete_room", LOBBY)),
    (BOTH, "/retention 30", ("set_retention", LOBBY, 30)),
    (BOTH, "/kick carol too loud", ("kick", LOBBY, "carol", "too loud")),
    (BOTH, "/ban carol 2h spam spam", ("ban", LOBBY, "carol", 7200, "spam spam")),
    (BOTH, "/ban carol spam", ("ban", LOBBY, "carol", None, "spam")),
    ((Front.LINE,), "/pin 2 off", ("pin", LOBBY, 2, False)),
    ((Front.LINE,), "/delete 2", ("delete", LOBBY, 2)),
    ((Front.LINE,), "/pin 2", ("pin", LOBBY, 2, True)),
    ((Front.UI,), "/pin", ("pin", LOBBY, 2, True)),
    ((Front.LINE,), "/report 2 spam the third time", ("report", LOBBY, 2, "spam", "the third time")),
    ((Front.UI,), "/report threat", ("report", LOBBY, 2, "threat", "")),
    (BOTH, "/role carol owner", ("set_role", LOBBY, "carol", Role.OWNER)),
    ((Front.UI,), "/forget", ("forget", LOBBY, None)),
]


@pytest.mark.parametrize(
    ("front", "line", "asked"),
    [(front, line, asked) for fronts, line, asked in ASKED_FIRST for front in fronts],
    ids=lambda value: getattr(value, "value", None),
)
async def test_what_everyone_sees_or_cannot_be_undone_is_a_question(
    client: FakeClient, front: Front, line: str, asked: tuple[object, ...]
) -> None:
    """Nothing is done before the answer."""
    question = await give(client, front, line)
    assert isinstance(question, results.Question)
    assert question.text.endswith("?") or "can't undo" in question.text
    assert asked not in client.calls
    await question.do()
    assert asked in client.calls


@pytest.mark.parametrize(("now", "asks"), [(None, True), (60, True), (30, False), (7, False)])
async def test_only_keeping_less_than_now_is_asked_about(
    client: FakeClient, *, now: int | None, asks: bool
) -> None:
    """Also on the command line: what goes by it does not come back."""
    client.set_retention_raw(LOBBY, None if now is None else Retention(days=now))
    question = await give(client, Front.UI, "/retention 30")
    assert isinstance(question, results.Question) is asks
    assert (("set_retention", LOBBY, 30) in client.calls) is not asks
    assert retention.asks is not None
    assert retention.asks.cli


@pytest.mark.parametrize("line", ["/rename orchard", "/archive on", "/delete-room", "/retention 30"])
async def test_only_owners_are_asked_about_what_changes_a_room(client: FakeClient, line: str) -> None:
    """The server would refuse it, after they had confirmed."""
    client.set_role_raw(LOBBY, Role.MODERATOR)
    with pytest.raises(SetupError, match="Only owners"):
        await give(client, Front.LINE, line)
    assert not client.calls
    client.set_role_raw(LOBBY, Role.OWNER)
    await give(client, Front.LINE, line)


@pytest.mark.parametrize("line", ["/retention 0", "/retention 100000", "/retention 30 --clear"])
async def test_a_retention_is_a_number_of_days_or_none(client: FakeClient, line: str) -> None:
    """Anything else is refused before the question."""
    with pytest.raises(WrongUseError):
        await give(client, Front.LINE, line)
    assert not client.calls


async def test_everyone_can_see_how_long_messages_are_kept(client: FakeClient) -> None:
    """Members are shown it, and asked nothing."""
    client.set_role_raw(LOBBY, Role.MEMBER)
    assert isinstance(await give(client, Front.UI, "/retention"), results.RetentionShown)


async def test_a_report_says_what_it_gives_to_the_operator(client: FakeClient) -> None:
    """Before it is sent; of an encrypted message also what it proves. Without a reason, it asks for one."""
    wanted = await give(client, Front.UI, "/report")
    assert isinstance(wanted, results.ChoiceWanted)
    question = await wanted.do("spam")
    assert isinstance(question, results.Question)
    assert "your name" in question.details[0]
    assert "compare the text with the room's log" in question.details[-1]
    client.logs[LOBBY] = [replace(entry, sealed=True) for entry in client.logs[LOBBY]]
    question = await give(client, Front.UI, "/report spam")
    assert isinstance(question, results.Question)
    assert "proves only that a message was sent" in question.details[-1]
    assert not client.calls
    with pytest.raises(WrongUseError, match="Say why: spam, "):
        await report(call_from(client, Front.CLI), call_from(client, Front.CLI).here(), Seq(2))
    client.say(LOBBY, ALICE, "mine")
    with pytest.raises(SetupError, match="your own"):
        await give(client, Front.LINE, f"/report {client.logs[LOBBY][-1].seq} spam")
    client.logs[LOBBY][1] = replace(client.logs[LOBBY][1], text=None)
    with pytest.raises(SetupError, match="that you can read"):
        await give(client, Front.LINE, "/report 2 spam")


async def test_the_same_again_takes_it_back_on_the_screen(client: FakeClient) -> None:
    """Where there is no on or off, a command of the screen turns it around; elsewhere it turns it on."""
    await give(client, Front.UI, "/star")
    await give(client, Front.UI, "/react 👍")
    client.calls.clear()
    await give(client, Front.UI, "/star")
    await give(client, Front.UI, "/react 👍")
    assert client.calls == [("star", LOBBY, 2, False), ("react", LOBBY, 2, "👍", False)]
    client.calls.clear()
    await give(client, Front.LINE, "/star 2")
    await give(client, Front.LINE, "/star 2")
    assert client.calls == [("star", LOBBY, 2, True)] * 2


WRONG: list[tuple[tuple[Front, ...], str]] = [
    ((Front.LINE,), "/edit 2"),
    ((Front.LINE,), "/edit x text"),
    ((Front.LINE,), "/show 99"),
    ((Front.LINE,), "/star 2 maybe"),
    ((Front.LINE,), "/thread x"),
    ((Front.LINE,), "/go"),
    ((Front.LINE,), "/go nowhere"),
    ((Front.LINE,), "/forget"),
    ((Front.LINE,), "/forget long"),
    ((Front.LINE,), "/devices history 1"),
    ((Front.LINE,), "/sessions drop 1"),
    ((Front.LINE,), "/sessions end 1"),
    ((Front.LINE,), "/alarms read 1"),
    ((Front.LINE,), "/retry 1"),
    ((Front.LINE,), "/report 2 boring"),
    ((Front.UI,), "/report boring"),
    (BOTH, "/react"),
    (BOTH, "/role carol king"),
    (BOTH, "/role carol"),
    (BOTH, "/mute carol long"),
    (BOTH, "/invite .."),
    (BOTH, "/accept nowhere"),
    (BOTH, "/decline"),
    (BOTH, "/kick"),
    (BOTH, "/approve"),
    (BOTH, "/create"),
    ((Front.LINE,), "/alarms now"),
    (BOTH, "/leave garden"),
    (BOTH, "/words"),
    (BOTH, "/favourite nowhere"),
    ((Front.UI,), "/strict"),
    ((Front.UI,), "/typing"),
    ((Front.UI,), "/create den public private"),
]


@pytest.mark.parametrize(
    ("front", "line"),
    [(front, line) for fronts, line in WRONG for front in fronts],
    ids=lambda value: getattr(value, "value", None),
)
async def test_a_wrong_use_asks_for_nothing(client: FakeClient, front: Front, line: str) -> None:
    """It is a sentence."""
    client.encryption.process = replace(client.encryption.process, ended="verified")
    with pytest.raises((ParlourClientError, ParlourProtocolError)) as refused:
        await give(client, front, line)
    assert str(refused.value)
    assert {call[0] for call in client.calls} <= {"sessions"}
    assert not client.encryption.calls


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/ban carol 2h spam", ("Ban carol from lobby for 2 hours?", "Reason: spam")),
        ("/ban carol soon", ("Ban carol from lobby for good?", "Reason: soon")),
        ("/kick carol too loud", ("Remove carol from lobby?", "Reason: too loud")),
    ],
)
async def test_a_question_says_how_long_and_why(client: FakeClient, line: str, said: tuple[str, str]) -> None:
    """`soon` is no length of time: the person sees that before they ban someone for good."""
    question = await give(client, Front.UI, line)
    assert isinstance(question, results.Question)
    assert (question.text, question.details[-1]) == said


@pytest.mark.parametrize("line", ["/kick alice", "/ban alice 1h"])
async def test_no_one_is_asked_whether_to_remove_themselves(client: FakeClient, line: str) -> None:
    """It is refused at once."""
    with pytest.raises(SetupError, match="You can't remove yourself"):
        await give(client, Front.LINE, line)


@pytest.mark.parametrize("line", ["/kick bob", "/ban bob"])
async def test_no_one_is_asked_whether_to_remove_someone_from_a_direct_room(
    client: FakeClient, line: str
) -> None:
    """It is impossible, and what the room's members would say to it helps no one."""
    call = replace(call_from(client, Front.UI), room=client.room(DIRECT))
    with pytest.raises(SetupError, match="direct room"):
        await give(client, Front.UI, line, call)


@pytest.mark.parametrize("front", BOTH)
async def test_no_one_is_asked_whether_to_remove_someone_who_is_not_there(
    client: FakeClient, front: Front
) -> None:
    """It is said at once. Someone whom only an encrypted room's group has can be removed."""
    client.people_in[LOBBY] = [one for one in client.people_in[LOBBY] if one.user != CAROL]
    with pytest.raises(SetupError, match="carol is not in lobby"):
        await give(client, front, "/kick carol")
    assert not client.calls
    client.only_in_group.add((LOBBY, CAROL))
    assert isinstance(await give(client, front, "/kick carol"), results.Question)


@pytest.mark.parametrize(("room", "role"), [(LOBBY, Role.MEMBER), (DIRECT, Role.OWNER)])
async def test_no_one_is_asked_whether_to_delete_what_they_may_not(
    client: FakeClient, room: RoomId, role: Role
) -> None:
    """What others wrote; in a direct room nobody may. One's own is asked about, and a moderator is."""
    client.set_role_raw(room, role)
    theirs, mine = client.say(room, BOB, "hello"), client.say(room, ALICE, "hi")
    call = replace(call_from(client, Front.LINE), room=client.room(room))
    with pytest.raises(SetupError, match="only delete your own"):
        await give(client, Front.LINE, f"/delete {theirs.seq}", call)
    assert isinstance(await give(client, Front.LINE, f"/delete {mine.seq}", call), results.Question)
    client.set_role_raw(LOBBY, Role.MODERATOR)
    other = client.say(LOBBY, BOB, "hello")
    assert isinstance(await give(client, Front.LINE, f"/delete {other.seq}"), results.Question)


async def test_a_member_is_not_asked_what_they_may_not_do(client: FakeClient) -> None:
    """The question would promise something."""
    client.set_role_raw(LOBBY, Role.MEMBER)
    with pytest.raises(SetupError, match="Only moderators and owners"):
        await give(client, Front.UI, "/kick carol")


async def test_without_an_open_room_a_command_for_it_says_so(client: FakeClient) -> None:
    """And what to do."""
    for front in BOTH:
        call = replace(call_from(client, front), room=None)
        with pytest.raises(ParlourClientError, match="No room is open"):
            await give(client, front, "/kick carol", call)
