"""Encryption in the line mode: always said in words, decided by typing, alarms at once."""

from dataclasses import replace

import pytest
from tests.client.plain.ear import Ear
from tests.client.ui.encryption_fake import AT, NUMBER, OPEN, OTHER
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, DIRECT, LOBBY, FakeClient

from parlour_client.core.e2ee.values import KEYS, Alarm, RoomEncryption, RoomPerson, RoomState, Trust
from parlour_client.core.events import EncryptionChanged, EntryAdded
from parlour_client.core.model import Note, NoteKind
from parlour_client.text.encryption_text import LOST
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import Role, RoomKind, RoomSuite

ACTIVE = RoomEncryption(RoomState.ACTIVE, "Encrypted · ben not verified")
BLOCKED = RoomEncryption(
    RoomState.BLOCKED, "Encrypted, ben not verified, BLOCKED: a key changed", "Decide first."
)


@pytest.mark.parametrize("line", ["/go lobby", "/dm bob", "/create den", "/next"])
async def test_the_label_is_printed_when_a_room_is_opened(ear: Ear, line: str) -> None:
    """Also of a room that is not encrypted, and before its messages."""
    ear.client.say(LOBBY, BOB, "psst")
    heard = await ear.say(line)
    label = next(at for at, one in enumerate(heard) if f"encryption: {OPEN}." in one)
    assert not any(" bob: " in one for one in heard[:label])


async def test_the_label_is_printed_again_only_when_it_changes(ear: Ear) -> None:
    """With what is in the way."""
    ear.client.encryption.rooms[LOBBY] = ACTIVE
    for _ in range(2):
        ear.client.tell(EncryptionChanged(LOBBY))
    ear.client.encryption.rooms[LOBBY] = BLOCKED
    ear.client.tell(EncryptionChanged())
    assert [line for line in ear.heard if "Encrypted" in line] == [
        "lobby, encryption: Encrypted, ben not verified.",
        "lobby, encryption: Encrypted, ben not verified, BLOCKED: a key changed. Problem: Decide first.",
    ]


async def test_an_alarm_is_printed_at_once_and_once(ear: Ear) -> None:
    """And again in the list, until it was read; a permanent one stays."""
    ear.client.encryption.told = [Alarm(7, "Two\nkeys", AT, permanent=False)]
    for _ in range(2):
        ear.client.tell(EncryptionChanged())
    said = [line for line in ear.heard if line.startswith("ALARM")]
    assert said == ["ALARM: Two\n    more: keys /alarms lists them all."]
    assert (await ear.say("/alarms"))[0].startswith("1: 2026-")
    await ear.say("/alarms read 1")
    assert ("dismiss", 7) in ear.client.encryption.calls
    assert await ear.say("/alarms") == ["There are no alarms."]
    assert (await ear.say("/alarms read 1"))[0].startswith("Not done")


async def test_an_older_alarm_is_printed_at_the_start(client: FakeClient) -> None:
    """It was not read yet."""
    client.encryption.told = [Alarm(7, "Two keys", AT, permanent=True)]
    ear = Ear(client)
    await ear.mode.start()
    assert any(line.startswith("ALARM: Two keys") for line in ear.heard)


async def test_notes_and_troubles_are_rows(ear: Ear) -> None:
    """In our words, and nothing of them is left out."""
    entry = ear.client.say(LOBBY, BOB, "x")
    note = replace(entry, text=None, note=Note(NoteKind.KEY_CHANGED, BOB, "Compare again."))
    ear.client.tell(EntryAdded(note))
    assert ear.heard[-1] == "note: the key of bob has CHANGED: /verify bob: Compare again."
    ear.client.tell(EntryAdded(replace(entry, text=None, trouble="Its keys are gone. Ask bob again.")))
    assert ear.heard[-1] == "bob 4, can't be read: Its keys are gone. Ask bob again."


async def test_the_report_says_everything(ear: Ear) -> None:
    """Problems, people, digits, what the server sees, what no one has checked."""
    ear.client.encryption.rooms[LOBBY] = BLOCKED
    heard = "\n".join(await ear.say("/encryption"))
    for part in ("Problem: Decide first.", "bob, first seen, not verified. Devices: laptop.", "carol: no"):
        assert part in heard
    for part in ("01234 56789", "Who is in the room.", "not independently audited"):
        assert part in heard


async def test_the_report_says_who_admitted_whom_and_what_the_server_claims(ear: Ear) -> None:
    """By name; a claim that is in the label is not said again."""
    ear.client.encryption.rooms[LOBBY] = replace(ACTIVE, claims=("The server lists spy as a member.",))
    ear.client.encryption.people = (
        RoomPerson(BOB, Role.MODERATOR, ALICE, AT, claimed_by_server=True, devices=(OTHER,)),
        RoomPerson(CAROL, Role.MEMBER, CAROL, AT, claimed_by_server=False),
        RoomPerson(parse_user_name("spy"), None, None, None, claimed_by_server=True),
    )
    heard = await ear.say("/encryption")
    assert [line for line in heard if "spy" in line] == ["The server lists spy as a member."]
    bob = "bob, first seen, not verified, moderator, let in by alice on 2026-09-21. Devices: laptop."
    assert bob in heard
    by = "joined by themselves on 2026-09-21"
    assert f"carol, {by}: no device in the group, can't read this room." in heard


async def test_encrypting_is_explained_first_and_confirmed_in_words(ear: Ear) -> None:
    """A bare command turns nothing on."""
    heard = await ear.say("/encrypt")
    assert set(LOST) <= set(heard)
    assert not ear.client.encryption.calls
    heard = await ear.say("/encrypt for good")
    assert ("turn_on", LOBBY, BOB, CAROL) in ear.client.encryption.calls
    assert heard == ["lobby, encryption: Encrypted, ben not verified."]


async def test_encrypting_names_the_people_first(ear: Ear) -> None:
    """M27: who was not named is not admitted; the question is asked again with them in it."""
    heard = await ear.say("/encrypt for good")
    assert any("besides you: bob, carol." in line for line in heard)
    dave = replace(ear.client.people_in[LOBBY][-1], user=parse_user_name("dave"))
    ear.client.people_in[LOBBY].append(dave)
    heard = await ear.say("/encrypt for good")
    assert any("besides you: bob, carol, dave." in line for line in heard)
    assert not ear.client.encryption.calls
    await ear.say("/encrypt for good")
    assert ("turn_on", LOBBY, BOB, CAROL, dave.user) in ear.client.encryption.calls


async def test_a_key_is_compared_by_typing(ear: Ear) -> None:
    """Looking verifies no one; digits, a code or words do; wrong digits do not."""
    heard = await ear.say("/verify bob")
    assert f"Safety number: {NUMBER}." in heard
    assert not ear.client.encryption.calls
    assert (await ear.say("/verify bob 00000"))[0].startswith("Not done")
    assert (await ear.say(f"/verify bob {NUMBER.split()[-1]}"))[0].startswith("Not done")
    assert await ear.say(f"/verify @bob {' '.join(NUMBER.split()[-4:])}") == ["bob: verified."]
    await ear.say("/verify bob PARLOUR1:ABC", "/verify bob words")
    assert ("check_code", BOB, "PARLOUR1:ABC") in ear.client.encryption.calls
    assert ("start_sas", BOB) in ear.client.encryption.calls
    assert (await ear.say("/verify bob yes"))[0].startswith("Not done")


async def test_a_changed_key_is_taken_in_words_alone(ear: Ear) -> None:
    """And not offered while the key is the old one."""
    assert (await ear.say("/verify bob go on"))[0].startswith("Not done")
    ear.client.encryption.trusted[BOB] = Trust.CHANGED
    assert any("go on accepts the new key" in line for line in await ear.say("/verify bob"))
    assert ("accept_key", BOB) not in ear.client.encryption.calls
    await ear.say("/verify bob go on")
    assert ("accept_key", BOB) in ear.client.encryption.calls


async def test_a_direct_room_names_the_person(ear: Ear) -> None:
    """No one must be typed there."""
    await ear.say("/dm bob")
    assert (await ear.say("/verify"))[0] == "bob: first seen, not verified."
    await ear.say("/go lobby")
    assert (await ear.say("/verify"))[0].startswith("Not done")


async def test_short_words_are_said_and_confirmed_by_all_of_them(ear: Ear) -> None:
    """One of them, though it is the last, confirms nothing; no ends it."""
    keys = ear.client.encryption
    keys.process = replace(keys.process, process=RequestId("q" * 22), started_by_us=False, room=DIRECT)
    ear.client.tell(EncryptionChanged(DIRECT))
    assert ear.heard[-1] == "bob wants to compare short words with you. Continue with /words."
    await ear.say("/words")
    assert ("answer_sas", keys.process.process) in keys.calls
    keys.process = replace(keys.process, words=("one", "two", "three", "four", "five"))
    ear.client.tell(EncryptionChanged(DIRECT))
    assert "one two three four five" in ear.heard[-1]
    assert (await ear.say("/words five"))[0].startswith("Not done")
    assert ("confirm_sas", keys.process.process) not in keys.calls
    await ear.say("/words One two  three four five")
    assert ("confirm_sas", keys.process.process) in keys.calls
    await ear.say("/words no")
    assert ("cancel_sas", keys.process.process) in keys.calls
    keys.process = replace(keys.process, ended="verified")
    ear.client.tell(EncryptionChanged(DIRECT))
    assert ear.heard[-1] == "Short words with bob ended: verified."
    assert (await ear.say("/words"))[0].startswith("Not done")


async def test_a_device_is_revoked_by_the_list_that_was_heard(ear: Ear) -> None:
    """In words; a number without a list is nothing."""
    keys = ear.client.encryption
    assert (await ear.say("/devices revoke 2 for good"))[0].startswith("Not done")
    first, second = (await ear.say("/devices"))[:2]
    assert first.startswith("1: laptop, approved, seen 2026-09-21 ")
    assert first.endswith(", this one")
    assert second.startswith("2: phone, approved, seen ")
    keys.listed = keys.listed[::-1]
    await ear.say("/devices revoke 2")
    assert not keys.calls
    assert await ear.say("/devices revoke 2 for good") == ["phone is revoked."]
    assert keys.calls == [("revoke", OTHER)]
    assert await ear.say("/devices history 2") == ["Sent 0 events to phone, encrypted."]
    assert keys.calls[-1] == ("send_history", OTHER)


async def test_a_waiting_device_says_its_code(ear: Ear) -> None:
    """To be typed on another one."""
    ear.client.encryption.own_keys = replace(ear.client.encryption.own_keys, status=DeviceStatus.PENDING)
    assert (await ear.say("/devices"))[-1].endswith("/approve abcd-efgh-ijkl-mnop")


async def test_the_rest_asks_for_what_it_says(ear: Ear) -> None:
    """Codes, recovery words, approving, creation again, encrypted rooms."""
    assert await ear.say("/mycode") == ["PARLOUR1:ABCDEF", "Others check it with: /verify CODE"]
    words = await ear.say("/recovery")
    assert words[-2].endswith(" 21. word21 22. word22 23. word23 24. word24")
    assert words[-1].startswith("Write them on paper")
    await ear.say("/approve abcd", "/recreate --yes", "/create den private encrypted a topic")
    assert ear.client.encryption.calls == [("approve", "abcd"), ("recreate", LOBBY)]
    assert ("create_room", "den", RoomKind.PRIVATE, "a topic", "encrypted") in ear.client.calls


async def test_a_post_quantum_room(ear: Ear) -> None:
    """It is an encrypted one, and the report says what its keys are worth."""
    await ear.say("/create vault post-quantum private the topic of it")
    made = (
        "create_room",
        "vault",
        RoomKind.PRIVATE,
        "the topic of it",
        "encrypted",
        RoomSuite.X_WING,
    )
    assert made in ear.client.calls
    ear.client.encryption.suite = RoomSuite.X_WING
    assert KEYS[RoomSuite.X_WING] in " ".join(await ear.say("/encryption"))
