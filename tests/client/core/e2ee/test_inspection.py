"""D23, D24: what the operator may have inspected in encrypted rooms, and what no server gets by it."""

from pathlib import Path

import pytest
from tests.client.core.client_parts import parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN

from parlour_client.core.archive import own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.client import Client
from parlour_client.core.e2ee.inspection import InspectionError, NewPolicyError
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import Change, TextInspected
from parlour_client.core.model import Delivery
from parlour_client.kit.errors import ParlourClientError
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.requests import Send
from parlour_protocol.identity import PolicyEntry
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.inspect import Action
from parlour_protocol.kit.inspect.policy import InspectionPolicy

CARD = "4111 1111 1111 1111"


def policy(action: Action, *, words: tuple[str, ...] = ("falcon",)) -> InspectionPolicy:
    """Return a policy of this action."""
    return InspectionPolicy((("cards", action), ("words", action), ("files", action)), words, ("program",))


class Talk:
    """Two people in an encrypted room, and what ana's client says."""

    def __init__(self, harness: Harness, ana: Client, room: RoomId) -> None:
        self.harness, self.ana, self.room = harness, ana, room
        self.said: list[str] = []
        ana.events.subscribe(self._hear)

    def _hear(self, change: Change) -> None:
        if isinstance(change, TextInspected):
            self.said.append(change.words)

    async def publish(self, new: InspectionPolicy, *, shown: bool = True) -> list[str]:
        """Append a policy to the key log and have ana's device read it; return its announcements."""
        server = self.harness.server
        server.append(PolicyEntry(server.clock.now(), new.to_bytes()))
        await self.catch_up()
        alarms = self.ana.encryption.alarms()
        if shown:
            self.ana.encryption.shown(alarms)
        return [one.text for one in alarms]

    async def catch_up(self) -> None:
        """Read the key log."""
        await _read_key_log(self.ana)

    async def all_caught_up(self) -> None:
        """Let everyone have read the messages, and the key log as it was when they were sent."""
        await self.harness.quiet()
        for client in self.harness.clients:
            await _read_key_log(client)

    async def send(self, text: str) -> str:
        """Send a message; return the text that was stored."""
        entry = await self.ana.messages.send(self.room, text)
        assert entry.request is not None
        await self.ana.messages.stored(entry.request)
        return str(entry.text)

    @property
    def log(self) -> list[object]:
        """The bodies of the room's log, as the server has them."""
        return [event.body for event in self.harness.server.rooms[self.room].log]


async def _read_key_log(client: Client) -> None:
    rooms = parts(client).e2ee
    assert rooms is not None
    await rooms.identity.catch_up()


@pytest.fixture
async def talk(harness: Harness) -> Talk:
    """Return ana's room with ben, who is there."""
    ana = await harness.open(ANA)
    await harness.open(BEN)
    room = (await ana.rooms.open_direct(BEN)).id
    await harness.quiet()
    return Talk(harness, ana, room)


async def test_the_first_message_after_a_policy_shows_it_and_is_not_sent(talk: Talk) -> None:
    """D23: never silently, and never unchecked: once, also in a later program on the same home."""
    [told] = await talk.publish(policy(Action.FLAG), shown=False)
    before = len(talk.log)
    with pytest.raises(NewPolicyError) as shown:
        await talk.send("hello")
    assert told in str(shown.value)
    assert len(talk.log) == before
    await talk.harness.close(talk.ana)
    talk.ana = await talk.harness.open(ANA)
    assert await talk.send("hello") == "hello"


async def test_a_policy_applies_once_it_was_shown(talk: Talk) -> None:
    """D23: never silently: the person reads what is looked for and what happens, with every word."""
    [told] = await talk.publish(policy(Action.BLOCK))
    assert await talk.send("before") == "before"
    assert "to be checked on this device before it is encrypted: card numbers (it is not sent)" in told
    assert "The words: falcon. The files: program." in told
    assert "no one is told what was found" in told
    await talk.all_caught_up()
    before = (len(talk.log), list(talk.harness.server.calls))
    for text in (CARD, "4\u200b111 1111 1111 1111", "the FALCON"):
        with pytest.raises(InspectionError) as refused:
            await talk.send(text)
        assert "1111" not in str(refused.value)
    assert (len(talk.log), list(talk.harness.server.calls)) == before  # the server hears of nothing
    assert await talk.send("hello") == "hello"


async def test_what_is_redacted_is_what_is_written(talk: Talk) -> None:
    """D23: the writer sees the text that goes out, and is told."""
    await talk.publish(policy(Action.REDACT))
    assert await talk.send(f"pay {CARD}") == "pay [removed: a card number]"
    [said] = talk.said
    assert said.startswith("Removed before it was encrypted: a card number")


async def test_what_is_flagged_is_sent_and_said(talk: Talk) -> None:
    """D23: to the writer, and to no one else."""
    await talk.publish(policy(Action.FLAG))
    assert await talk.send(f"pay {CARD}") == f"pay {CARD}"
    assert "flags it: a card number. The check was made only on this device." in talk.said[0]


async def test_what_goes_around_is_not_encrypted(talk: Talk) -> None:
    """D23: the part that encrypts looks again, so that nothing queued in another way goes out."""
    await talk.publish(policy(Action.REDACT))
    frame = Send(id=new_request_id(), room=talk.room, text=MessageText(CARD))
    await parts(talk.ana).outbox.put([frame])
    await talk.harness.until(
        lambda: any(one.entry.delivery is Delivery.FAILED for one in talk.ana.messages.outgoing())
    )
    with pytest.raises(EncryptionError):
        await talk.ana.messages.stored(frame.id)


async def test_a_file_is_looked_at_before_it_is_uploaded(talk: Talk, tmp_path: Path) -> None:
    """D23: its name and its content; nothing of it is sent."""
    await talk.publish(policy(Action.BLOCK))
    (tmp_path / "cat.png").write_bytes(b"\x7fELF" + bytes(100))
    (tmp_path / "list.txt").write_text(f"name,card\nada,{CARD}\n", encoding="utf-8")
    (tmp_path / "ok.txt").write_text("hello", encoding="utf-8")
    for name in ("cat.png", "list.txt"):
        with pytest.raises(InspectionError):
            await talk.ana.files.send(talk.room, tmp_path / name)
    await talk.ana.files.send(talk.room, tmp_path / "ok.txt")


async def test_all_the_text_of_a_file_is_looked_at(talk: Talk, tmp_path: Path) -> None:
    """D23: also far behind its beginning, and across an edge between two pieces."""
    await talk.publish(policy(Action.BLOCK))
    lines = b"a line of a table\n" * 10_000
    for at in (65_530, 131_060, len(lines)):
        (tmp_path / "table.txt").write_bytes(lines[:at] + f" {CARD} ".encode() + lines[at:])
        with pytest.raises(InspectionError):
            await talk.ana.files.send(talk.room, tmp_path / "table.txt")
    (tmp_path / "table.txt").write_bytes(lines)
    await talk.ana.files.send(
        talk.room, tmp_path / "table.txt"
    )  # which raises if it can't read all of it again


async def test_each_change_is_announced(talk: Talk) -> None:
    """D23: also back to one of before, and the end of it; a dismissed one stays in force."""
    strict, mild = policy(Action.BLOCK), policy(Action.FLAG)
    await talk.publish(strict)
    await talk.ana.encryption.dismiss(talk.ana.encryption.alarms()[0].id)
    assert not talk.ana.encryption.alarms()
    with pytest.raises(InspectionError):
        await talk.send(CARD)
    [told] = await talk.publish(mild)
    assert "(you are told)" in told
    [told] = await talk.publish(strict, shown=True)
    assert "(it is not sent)" in told
    [told] = await talk.publish(InspectionPolicy())
    assert "no longer wants" in told
    assert await talk.send(CARD) == CARD


async def test_a_policy_weakens_no_encryption(talk: Talk) -> None:
    """D24: whatever it says, what goes out is encrypted to the same devices, and no finding goes anywhere."""
    everything = tuple((name, Action.FLAG) for name in ("secrets", "cards", "words", "files", "size"))
    await talk.publish(InspectionPolicy(everything, ("hello",), ("program",), 1, 1))
    before = len(talk.log)
    await talk.send("hello CANARY")
    [body] = talk.log[before:]
    assert isinstance(body, EncryptedMessage)
    server = repr(talk.harness.server.rooms[talk.room].log) + repr(talk.harness.server.calls)
    assert "CANARY" not in server
    assert "hello" not in server
    report = await talk.ana.encryption.report(talk.room)
    assert {member.user for member in report.members} == {ANA, BEN}


async def stored_policy(talk: Talk) -> bytes | None:
    """Return the policy that ana's device has."""
    return await parts(talk.ana).archive.read(own_keys.get, Name.INSPECTION)


async def test_a_policy_that_no_one_signed_is_none(talk: Talk) -> None:
    """D24: of another key or server, or in a log that was cut back: refused, and the old one stays."""
    await talk.publish(policy(Action.FLAG))
    old, server = await stored_policy(talk), talk.harness.server
    strict = PolicyEntry(server.clock.now(), policy(Action.BLOCK).to_bytes())

    seed, server.log_seed = server.log_seed, type(server.log_seed)(bytes(32))
    server.append(strict)
    with pytest.raises(ParlourClientError):
        await talk.catch_up()
    server.log_seed = seed
    server.entries.pop()

    name, server.server = server.server, "other.example"
    server.append(strict)
    with pytest.raises(ParlourClientError):
        await talk.catch_up()
    server.server = name
    server.entries.pop()

    newest = server.entries.pop()  # the log of before the policy
    with pytest.raises(ParlourClientError):
        await talk.catch_up()
    server.append(strict)  # another entry in the place of the one that was shown
    with pytest.raises(ParlourClientError):
        await talk.catch_up()
    server.entries[-1] = newest
    assert await stored_policy(talk) == old == policy(Action.FLAG).to_bytes()
    assert await talk.send(CARD) == CARD


async def test_an_entry_that_is_no_policy_has_no_effect(talk: Talk) -> None:
    """D24: an inspector that needs more than the text, or another spelling: void, as other entries are."""
    server = talk.harness.server
    for data in (
        b"",
        b"\xc0",
        InspectionPolicy((("tunnel", Action.BLOCK),)).to_bytes(),
        b"\x95\x90\x90\x90\x00\x00x",
    ):
        server.append(PolicyEntry(server.clock.now(), data))
    await talk.catch_up()
    assert await stored_policy(talk) is None
    assert not talk.ana.encryption.alarms()


async def test_open_rooms_are_the_servers(talk: Talk) -> None:
    """The policy is for encrypted rooms: elsewhere the server looks itself."""
    await talk.publish(policy(Action.BLOCK))
    room = (await talk.ana.rooms.open_direct(ANA, encrypted=False)).id
    entry = await talk.ana.messages.send(room, CARD)
    assert str(entry.text) == CARD
