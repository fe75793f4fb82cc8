"""Encryption on the screen: always said in words, never taken for more than it is, decided by typing."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.encryption_fake import AT, LAST, NUMBER, OTHER
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, LOBBY, FakeClient

from parlour_client.commands.results import DeviceLinkShown
from parlour_client.core.e2ee.errors import DevicePendingError
from parlour_client.core.e2ee.trust.compare import Party, code_of
from parlour_client.core.e2ee.values import (
    Alarm,
    OwnDevice,
    OwnKeys,
    RoomEncryption,
    RoomPerson,
    RoomState,
    Trust,
)
from parlour_client.core.events import EncryptionChanged, EntryAdded, HistoryReplaced
from parlour_client.core.model import BEFORE_JOIN, Note, NoteKind
from parlour_client.kit.qr_code import qr_rows
from parlour_client.text.encryption_text import LOST
from parlour_client.ui.chat.encryption.devices import ApprovalScreen, DevicePrompts
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.ids import DeviceId, RequestId
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.rooms import Role, RoomKind, RoomSuite

SEALED = RoomEncryption(RoomState.ACTIVE, "Encrypted · ben not verified")


@pytest.mark.parametrize("size", [(100, 30), (40, 15)])
async def test_an_open_room_says_that_the_server_can_read_it(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """The words are in every window, without colour, on a small terminal too."""
    async with open_app(client, size=size) as pilot:
        await lobby(pilot)
        assert "Not encrypted" in screen_text(pilot)


async def test_an_encrypted_room_says_how_many_are_verified(client: FakeClient, open_app: OpenApp) -> None:
    """Encrypted and verified are two facts; a problem is beside them, and nothing says `secure`."""
    client.encryption.rooms[LOBBY] = SEALED
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert "Encrypted · ben not verified" in screen_text(pilot)
        client.encryption.rooms[LOBBY] = replace(
            SEALED, state=RoomState.BLOCKED, problem="bob has another key: /verify bob"
        )
        client.tell(EncryptionChanged(LOBBY))
        await settled(pilot)
        text = screen_text(pilot)
        assert "bob has another key" in text
        assert "secure" not in text.lower()


async def test_messages_of_people_who_are_not_verified_are_marked(
    client: FakeClient, open_app: OpenApp
) -> None:
    """They are shown, with a mark behind the name, until someone compared the key."""
    client.encryption.rooms[LOBBY] = SEALED
    async with open_app(client, size=(120, 30)) as pilot:
        screen = await lobby(pilot)
        entry = client.say(LOBBY, BOB, "sealed words")
        client.change(replace(entry, sealed=True))
        await settled(pilot)
        screen.pane.timeline.add_pending()
        await settled(pilot)
        assert " bob? " in screen_text(pilot)
        client.encryption.trusted[BOB] = Trust.VERIFIED
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert " bob? " not in screen_text(pilot)


async def test_every_note_is_a_row_of_words(client: FakeClient, open_app: OpenApp) -> None:
    """A refusal, a forgery, a changed key: each says what happened, and the whole of its detail."""
    async with open_app(client, size=(200, 30)) as pilot:
        screen = await lobby(pilot)
        for number, kind in enumerate(NoteKind):
            entry, detail = client.say(LOBBY, BOB, "x"), f"so it is, to the END {number}"
            client.tell(EntryAdded(replace(entry, text=None, note=Note(kind, BOB, detail))))
            await settled(pilot)
            screen.pane.timeline.add_pending()
            await settled(pilot)
            assert detail in " ".join(screen_text(pilot).split()), kind


async def test_what_gave_way_to_history_is_gone_at_once(client: FakeClient, open_app: OpenApp) -> None:
    """The row that said what cannot be read is not left standing among what was sent over; a draft is."""
    async with open_app(client, size=(100, 30)) as pilot:
        screen = await lobby(pilot)
        client.change(replace(client.say(LOBBY, BOB, "x"), text=None, trouble=BEFORE_JOIN))
        await settled(pilot)
        assert "before this device joined" in screen_text(pilot)
        await pilot.press(*"half")
        client.logs[LOBBY].pop()
        client.say(LOBBY, BOB, "long ago")
        client.tell(HistoryReplaced(LOBBY))
        await settled(pilot)
        assert "long ago" in screen_text(pilot)
        assert "before this device joined" not in screen_text(pilot)
        assert screen.pane.composer.text == "half"


async def test_what_cannot_be_read_is_a_row_with_its_cause(client: FakeClient, open_app: OpenApp) -> None:
    """Never silence: whose message, why, and what to do."""
    async with open_app(client, size=(60, 30)) as pilot:
        screen = await lobby(pilot)
        entry = client.say(LOBBY, BOB, "x")
        trouble = "sent before this device joined: ask for the history from another device of yours"
        client.change(replace(entry, text=None, trouble=trouble))
        await settled(pilot)
        screen.pane.timeline.add_pending()
        await settled(pilot)
        text = " ".join(screen_text(pilot).split())
        assert "bob can't be read" in text
        assert "another device of yours" in text


async def test_the_page_of_a_room(client: FakeClient, open_app: OpenApp) -> None:
    """/encryption shows members, who cannot read, the digits, what the server sees, and who checked it."""
    client.encryption.rooms[LOBBY] = SEALED
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/encryption")
        text = screen_text(pilot)
        for words in (
            "01234 56789",
            "first seen, not verified",
            "carol",
            "not independently audited",
            "epoch 7",
        ):
            assert words in text


def in_one_row(text: str) -> str:
    """Return what is within the frame of a dialog of 72, with its rows as one."""
    return " ".join(" ".join(row[15:85] for row in text.split("\n")).split())


GHOST = "The server lists spy as a member; no member admitted them. Nothing is sent to them."


async def test_the_page_says_who_admitted_whom_and_what_the_server_claims(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Each person with their role; a claim of the server's stands above all of it, by name, and once."""
    client.encryption.rooms[LOBBY] = replace(SEALED, claims=(GHOST,))
    client.encryption.void_invitations = ("The invitation of eve is void.",)
    client.encryption.people = (
        RoomPerson(BOB, Role.MODERATOR, ALICE, AT, claimed_by_server=True, devices=(OTHER,)),
        RoomPerson(CAROL, Role.MEMBER, CAROL, AT, claimed_by_server=False),
        RoomPerson(parse_user_name("spy"), None, None, None, claimed_by_server=True),
    )
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/encryption")
        text = screen_text(pilot)
        assert "moderator, let in by alice on 2026-09-21" in text
        assert "member, joined by themselves on 2026-09-21" in text
        assert in_one_row(text).count(GHOST) == 1
        assert "! The invitation of eve is void." in text
        await pilot.press("escape")
        client.encryption.rooms[LOBBY] = replace(SEALED, claims=(GHOST,), problem=GHOST)
        await write(pilot, "/encryption")
        assert in_one_row(screen_text(pilot)).count(f"! {GHOST}") == 1


async def test_turning_on_says_what_is_lost_and_asks(client: FakeClient, open_app: OpenApp) -> None:
    """Nothing is switched on by the command alone."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/encrypt")
        assert not client.encryption.calls
        assert LOST[0] in screen_text(pilot)
        assert "besides you: bob" in screen_text(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert not client.encryption.calls
        await write(pilot, "/encrypt")
        await pilot.press("e")
        await settled(pilot)
        assert client.encryption.calls == [("turn_on", LOBBY, BOB, CAROL)]


async def test_a_person_is_verified_by_typing_the_last_digits(client: FakeClient, open_app: OpenApp) -> None:
    """Enter alone, or a word, verifies no one; wrong digits are refused in words."""
    async with open_app(client, size=(100, 40)) as pilot:
        screen = await lobby(pilot)
        await write(pilot, "/verify bob")
        assert NUMBER.split()[0] in screen_text(pilot)
        await pilot.press("enter")
        await pilot.press(*"yes", "enter")
        await settled(pilot)
        assert not client.encryption.calls
        await pilot.press("escape")
        await write(pilot, "/verify bob")
        await pilot.press(*"00000", "enter")
        await settled(pilot)
        assert client.encryption.trust(BOB) is Trust.FIRST_SEEN
        assert "at least the last 20 digits" in screen_text(pilot)
        await write(pilot, "/verify bob")
        await pilot.press(*LAST, "enter")
        await settled(pilot)
        assert client.encryption.trust(BOB) is Trust.VERIFIED
        assert screen.app.screen is not screen  # the page again, with the new state


async def test_a_changed_key_is_taken_by_words_alone(client: FakeClient, open_app: OpenApp) -> None:
    """The page shouts, and `go on` is typed to accept."""
    client.encryption.trusted[BOB] = Trust.CHANGED
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/verify bob")
        assert "KEY CHANGED" in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert not client.encryption.calls
        await pilot.press(*"go", "space", *"on", "enter")
        await settled(pilot)
        assert ("accept_key", BOB) in client.encryption.calls


async def test_go_on_means_nothing_for_a_key_that_did_not_change(
    client: FakeClient, open_app: OpenApp
) -> None:
    """There is nothing to accept."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/verify bob")
        await pilot.press(*"go", "space", *"on", "enter")
        await settled(pilot)
        assert not client.encryption.calls


def keys(words: Sequence[str]) -> list[str]:
    """Return the key presses that type these words."""
    return ["space" if char == " " else char for char in " ".join(words)]


async def test_short_words_are_confirmed_by_typing_all_of_them(client: FakeClient, open_app: OpenApp) -> None:
    """The dialog follows what the other side does; a habit of pressing Enter confirms nothing."""
    async with open_app(client, size=(100, 40)) as pilot:
        screen = await lobby(pilot)
        await screen.pane.navigation.open(DIRECT)
        await write(pilot, "/verify bob")
        await pilot.press(*"words", "enter")
        await settled(pilot)
        assert ("start_sas", BOB) in client.encryption.calls
        assert "continue with /words" in screen_text(pilot)
        five = ("amber", "brick", "cloud", "delta", "ember")
        client.encryption.process = replace(client.encryption.process, words=five)
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert "ember" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.press(*"ember", "enter")
        await settled(pilot)
        assert not any(call[0] == "confirm_sas" for call in client.encryption.calls)
        assert "type all five in order" in screen_text(pilot)
        await pilot.press(*["backspace"] * 5, *keys(five), "enter")
        await settled(pilot)
        assert any(call[0] == "confirm_sas" for call in client.encryption.calls)


async def test_who_wants_to_compare_words_is_shown_without_a_dialog(
    client: FakeClient, open_app: OpenApp
) -> None:
    """A request of someone is seen in every room and opens nothing by itself; so is how it ended."""
    async with open_app(client, size=(100, 40)) as pilot:
        screen = await lobby(pilot)
        assert "/words" not in screen_text(pilot)
        client.encryption.process = replace(client.encryption.process, started_by_us=False)
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert f"{BOB}: wants to compare words with you  /words" in screen_text(pilot)
        assert pilot.app.screen is screen
        client.encryption.process = replace(client.encryption.process, ended="You waited for too long.")
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert "wants to compare" not in screen_text(pilot)
        assert f"! {BOB}: You waited for too long." in screen_text(pilot)


async def test_the_dialog_follows_the_words_that_count(client: FakeClient, open_app: OpenApp) -> None:
    """Both began at once: what is confirmed are the words that are shown, not those that were asked for."""
    async with open_app(client, size=(100, 40)) as pilot:
        screen = await lobby(pilot)
        await screen.pane.navigation.open(DIRECT)
        await write(pilot, "/words")
        five = ("amber", "brick", "cloud", "delta", "ember")
        counts = replace(client.encryption.process, process=RequestId("the-one-that-counts"), words=five)
        client.encryption.process = counts
        client.tell(EncryptionChanged())
        await settled(pilot)
        await pilot.press(*keys(five), "enter")
        await settled(pilot)
        assert ("confirm_sas", counts.process) in client.encryption.calls


async def test_different_words_end_it(client: FakeClient, open_app: OpenApp) -> None:
    """`no` tells the other side as well."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/words")
        await pilot.press(*"no", "enter")
        await settled(pilot)
        assert any(call[0] == "cancel_sas" for call in client.encryption.calls)


async def test_a_device_is_revoked_after_a_question(client: FakeClient, open_app: OpenApp) -> None:
    """/devices lists them; Enter asks what it would mean."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/devices")
        assert "phone" in screen_text(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert "Revoke a device for good?" in screen_text(pilot)
        assert "│ phone" in screen_text(pilot)
        assert not client.encryption.calls
        await pilot.press("enter")
        await settled(pilot)
        assert not client.encryption.calls
        await write(pilot, "/devices")
        await pilot.press("down", "enter")
        await settled(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        await pilot.press(*"laptop", "enter")
        await settled(pilot)
        assert "That is another name." in screen_text(pilot)
        await pilot.press(*["backspace"] * 6, *"phone", "enter")
        await settled(pilot)
        assert client.encryption.calls == [("revoke", OTHER)]


async def test_history_goes_to_another_device_when_asked_for(client: FakeClient, open_app: OpenApp) -> None:
    """After it was approved, or from the list; never by itself. Enter on this device does nothing."""
    async with open_app(client, size=(100, 40)) as pilot:
        screen = await lobby(pilot)
        await write(pilot, "/approve abcd-efgh-ijkl-mnop")
        assert "The device is approved." in screen_text(pilot)
        assert "│ phone" in screen_text(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert ("send_history", OTHER) not in client.encryption.calls
        await write(pilot, "/devices")
        await pilot.press("enter")
        await settled(pilot)
        assert pilot.app.screen is screen
        assert "/revoke-this-device" in screen_text(pilot)
        await write(pilot, "/devices")
        await pilot.press("down", "enter")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert client.encryption.calls[-1] == ("send_history", OTHER)
        assert "Sent 0 events" in screen_text(pilot)
        await write(pilot, "/approve abcd-efgh-ijkl-mnop")
        await pilot.press("s")
        await settled(pilot)
        assert client.encryption.calls[-1] == ("send_history", OTHER)


async def test_a_device_that_waits_shows_its_code(client: FakeClient, open_app: OpenApp) -> None:
    """What to type on another device stands on the page of devices."""
    client.encryption.own_keys = replace(client.encryption.own_keys, status=DeviceStatus.PENDING)
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/devices")
        assert "abcd-efgh-ijkl-mnop" in screen_text(pilot)


WAITING = OwnDevice(
    DeviceId("w" * 26), parse_device_name("tablet"), DeviceStatus.PENDING, AT, AT, current=False
)


async def test_a_new_device_is_told_at_once_and_approved_with_one_key(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Its code stands there to compare; Enter, which may be on its way to a message, approves nothing."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await pilot.press("alt+a")
        await settled(pilot)
        assert "No device is waiting for approval." in screen_text(pilot)
        client.encryption.waiting_devices = [WAITING]
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert "New device waiting for approval  Alt+A: compare its code" in screen_text(pilot)
        assert "│ tablet" in screen_text(pilot)  # who logged in chose the name
        await pilot.press("alt+a")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ApprovalScreen)
        assert WAITING.code in screen_text(pilot)
        await pilot.press("enter", "space", "escape")
        await settled(pilot)
        assert not client.encryption.calls
        await pilot.press("alt+a")
        await settled(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert ("approve", WAITING.code) in client.encryption.calls


async def test_a_device_that_is_not_mine_is_revoked(client: FakeClient, open_app: OpenApp) -> None:
    """After the question that every revocation has."""
    client.encryption.listed = [WAITING]
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/devices")
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("r")
        await settled(pilot)
        assert "for good?" in screen_text(pilot)
        await pilot.press(*"tablet", "enter")
        await settled(pilot)
        assert client.encryption.calls == [("revoke", WAITING.device)]


async def test_this_device_is_revoked_by_a_command_of_its_own(client: FakeClient, open_app: OpenApp) -> None:
    """It says what that means for who sits at it, and takes the name."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/revoke-this-device")
        text = screen_text(pilot)
        assert "You are using it: you are logged out" in text
        await pilot.press("enter")
        await settled(pilot)
        assert not client.encryption.calls
        (here,) = [one for one in client.encryption.listed if one.current]
        await write(pilot, "/revoke-this-device")
        await pilot.press(*here.name, "enter")
        await settled(pilot)
        assert client.encryption.calls == [("revoke", here.device)]


async def test_what_is_typed_when_a_device_begins_to_wait_is_text(
    client: FakeClient, open_app: OpenApp
) -> None:
    """No dialog opens by itself, in which the r of a word revokes and its Enter confirms."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        client.encryption.waiting_devices = [WAITING]
        client.tell(EncryptionChanged())
        await settled(pilot)
        await pilot.press(*"from here", "enter")
        await settled(pilot)
        assert ("send", LOBBY, "from here", None) in client.calls
        assert not client.encryption.calls


async def test_the_link_for_another_device_is_a_picture_and_a_text(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The picture fits a small terminal; the link has no code."""
    link = LoginLink(ServerAddress("chat.example.org", 8443), parse_user_name("rosalind"), "p" * 43)
    async with open_app(client, size=(80, 24)) as pilot:
        screen = await lobby(pilot)
        await screen.pane.results.show(DeviceLinkShown(link))
        await settled(pilot)
        shown = screen_text(pilot)
        assert all(row.strip() in shown for row in qr_rows(str(link)))
        await pilot.press("end")
        await settled(pilot)
        assert "approve it here" in " ".join(screen_text(pilot).split())


async def test_the_other_pages_open(client: FakeClient, open_app: OpenApp) -> None:
    """The recovery words and one's own code are pages that esc closes."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/recovery")
        assert "24 word24" in screen_text(pilot)
        await pilot.press("escape")
        await write(pilot, "/mycode")
        assert "PARLOUR1:ABCDEF" in screen_text(pilot)
        await pilot.press("escape")
        await write(pilot, "/approve abcd-efgh-ijkl-mnop")
        assert ("approve", "abcd-efgh-ijkl-mnop") in client.encryption.calls


async def test_the_picture_of_the_code_fits_a_small_terminal(client: FakeClient, open_app: OpenApp) -> None:
    """A QR picture of which a part is below the edge cannot be scanned: 80 by 24 shows all of a long code."""
    party = Party(parse_user_name("rosalind"), "chat.example.org:8443", b"k" * 32)
    client.encryption.code = code_of(party)
    rows = qr_rows(client.encryption.code)
    async with open_app(client, size=(80, 24)) as pilot:
        await lobby(pilot)
        await write(pilot, "/mycode")
        shown = screen_text(pilot)
        assert all(row.strip() in shown for row in rows)


async def test_an_alarm_stands_on_every_window(client: FakeClient, open_app: OpenApp) -> None:
    """Until it was read; one that is permanent stays."""
    client.encryption.told = [
        Alarm(1, "bob saw another key log than you.", AT, permanent=True),
        Alarm(2, "Your account has a device that you did not make.", AT, permanent=False),
    ]
    async with open_app(client, size=(100, 40)) as pilot:
        screen = await lobby(pilot)
        assert "a device that you did not make" in screen_text(pilot)
        await screen.pane.navigation.open(DIRECT)
        await settled(pilot)
        assert "a device that you did not make" in screen_text(pilot)
        for key in ("down", "up"):
            await write(pilot, "/alarms")
            await pilot.press(key, "enter")
            await settled(pilot)
            assert "Dismiss this alarm?" in screen_text(pilot)
            await pilot.press("d")
            await settled(pilot)
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert "another key log" in screen_text(pilot)
        assert "that you did not make" not in screen_text(pilot)


async def test_a_room_is_made_encrypted(client: FakeClient, open_app: OpenApp) -> None:
    """/create NAME private encrypted."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        await write(pilot, "/create hideout private encrypted")
        assert client.calls[-1][-1] == "encrypted" or any("encrypted" in call for call in client.calls)


async def test_a_post_quantum_room(client: FakeClient, open_app: OpenApp) -> None:
    """/create NAME post-quantum makes it encrypted as well; /encryption says what its keys are worth."""
    client.encryption.suite = RoomSuite.X_WING
    async with open_app(client, size=(100, 50)) as pilot:
        await lobby(pilot)
        await write(pilot, "/create vault post-quantum")
        assert ("create_room", "vault", RoomKind.PUBLIC, "", "encrypted", RoomSuite.X_WING) in client.calls
        await write(pilot, "/encryption")
        assert "X-Wing" in screen_text(pilot)


async def test_a_device_that_waits_says_so_in_every_room(client: FakeClient, open_app: OpenApp) -> None:
    """What has to be typed on the other device is there until it was."""
    client.encryption.own_keys = replace(client.encryption.own_keys, status=DeviceStatus.PENDING)
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        assert "/approve abcd-efgh-ijkl-mnop" in screen_text(pilot)
        client.encryption.own_keys = replace(client.encryption.own_keys, status=DeviceStatus.ACTIVE)
        client.tell(EncryptionChanged())
        await settled(pilot)
        assert "/approve" not in screen_text(pilot)


async def test_a_device_without_keys_yet_opens_all_the_same(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first contact, or at a server without encryption, there is no own device to speak of."""

    def none() -> OwnKeys:
        raise DevicePendingError("This device has no keys yet.")

    monkeypatch.setattr(client.encryption, "own", none)
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        assert "the server can read this" in screen_text(pilot)


async def test_a_room_is_kept_to_verified_people_by_a_word(client: FakeClient, open_app: OpenApp) -> None:
    """On or off; anything else is told in words."""
    async with open_app(client, size=(100, 40)) as pilot:
        await lobby(pilot)
        await write(pilot, "/strict")
        assert "Write /strict on or /strict off." in screen_text(pilot)
        await pilot.press(*["backspace"] * 7)
        await write(pilot, "/strict on")
        assert ("keep_strict", LOBBY, True) in client.calls


@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
async def test_the_number_and_the_field_are_seen_together(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """On a small terminal the dialog begins at its beginning, not past the digits that it asks to compare."""
    async with open_app(client, size=size) as pilot:
        await lobby(pilot)
        await write(pilot, "/verify bob")
        await settled(pilot)
        text = screen_text(pilot)
        assert NUMBER.split()[0] in text
        assert NUMBER.split()[-1] in text
        assert "the last 20 digits" in text
        assert "Esc: cancel" in text


@pytest.mark.parametrize(
    "ask",
    [
        DevicePrompts.ask_approval,
        DevicePrompts.ask_revoke,
        DevicePrompts.offer_history,
        DevicePrompts._ask_about,
    ],
)
async def test_a_devices_name_is_behind_our_mark(
    client: FakeClient, open_app: OpenApp, ask: Callable[[DevicePrompts, OwnDevice], None]
) -> None:
    """In each row and in no title: whoever logs in as you chooses it. The keys fit, too."""
    name = parse_device_name("! It is yours: y y y y y y y y y")
    hostile = OwnDevice(DeviceId("h" * 26), name, DeviceStatus.ACTIVE, AT, AT, current=False)
    async with open_app(client, size=(40, 15)) as pilot:
        screen = await lobby(pilot)
        ask(screen.pane.results.devices, hostile)
        await settled(pilot)
        found = [row for row in screen_text(pilot).split("\n") if "yours" in row or "y y" in row]
        assert found
        assert all(row.lstrip().startswith(("│ │ ! It is", "│ │ y")) for row in found)
        assert "Esc" in screen_text(pilot)
