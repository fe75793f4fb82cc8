"""What `send` says while it waits for the server's word, and how long it does."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.client.core.core_fake import LOBBY, Desk, FakeServer
from tests.client.core.outbox.sender_world import turns

from parlour_client.cli import send
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.events import Change, EntryAdded
from parlour_client.core.model import Delivery
from parlour_client.kit.errors import ParlourClientError, SetupError, UnreachableError


async def test_only_a_long_outage_ends_a_send(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is slow and then away for a moment is waited for; one that stays away is not."""
    loop = asyncio.get_running_loop()
    passed, time = 0.0, loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)
    monkeypatch.setattr(send, "_LOOK_SECONDS", 0.0)
    client = await desk.open()
    room = client.rooms.get(LOBBY)
    assert room is not None
    server.silent = True

    async def say(text: str) -> "asyncio.Future[None]":
        entry = await client.messages.send(LOBBY, text)
        return asyncio.ensure_future(send.acknowledged(client, room, entry, as_json=False))

    async def pass_by(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        for _ in range(20):
            await asyncio.sleep(0)

    patient = await say("a moment, please")
    await pass_by(1)
    await pass_by(send.LONGEST_OUTAGE - 10)
    await desk.lose(client)
    await pass_by(20)
    server.silent = False
    await desk.regain(client)
    async with asyncio.timeout(60):
        await patient
    server.silent = True
    lost = await say("is anybody there?")
    await desk.lose(client)
    await pass_by(1)
    await pass_by(send.LONGEST_OUTAGE)
    with pytest.raises(UnreachableError):
        async with asyncio.timeout(60):
            await lost


async def test_a_server_that_never_answers_ends_a_send(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However well it is connected all the time."""
    loop = asyncio.get_running_loop()
    passed, time = 0.0, loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)
    monkeypatch.setattr(send, "_LOOK_SECONDS", 0.0)
    client = await desk.open()
    room = client.rooms.get(LOBBY)
    assert room is not None
    server.silent = True
    entry = await client.messages.send(LOBBY, "hello?")
    waiting = asyncio.ensure_future(send.acknowledged(client, room, entry, as_json=False))
    await asyncio.sleep(0)
    passed = send.LONGEST_WAIT - 1
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    passed = send.LONGEST_WAIT + 1
    async with asyncio.timeout(60):
        with pytest.raises(UnreachableError, match="did not answer in time"):
            await waiting
    assert client.messages.outgoing() == []


async def test_why_a_message_waits_is_said_once(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As soon as there is a reason; then the server has it."""
    monkeypatch.setattr(send, "_LOOK_SECONDS", 0.0)
    client = await desk.open()
    room = client.rooms.get(LOBBY)
    assert room is not None
    server.silent = True
    entry = await client.messages.send(LOBBY, "hello?")
    (one,) = client.messages.outgoing()
    waits = replace(one, entry=replace(one.entry, delivery=Delivery.QUEUED, problem="The room is not ready."))
    with monkeypatch.context() as patched:
        patched.setattr(type(client.messages), "outgoing", lambda _: [waits])
        waiting = asyncio.ensure_future(send.acknowledged(client, room, entry, as_json=False))
        for _ in range(20):
            await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert capsys.readouterr().err == "parlour: Not sent yet: The room is not ready.\n"


async def test_no_line_without_an_answer_is_sent_later(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever were read: what is said of them in JSON is true, also when the next program starts."""
    loop = asyncio.get_running_loop()
    passed, time = 0.0, loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)
    monkeypatch.setattr(send, "_LOOK_SECONDS", 0.0)

    many, queued = send.MAX_UNANSWERED + 10, asyncio.Event()

    async def lines() -> AsyncIterator[list[bytes]]:
        yield [b"first"]
        for row in client.messages.outgoing():
            assert row.entry.request is not None
            await client.messages.stored(row.entry.request)
        server.silent = True
        yield [b"%d" % number for number in range(many)]

    def hear(change: Change) -> None:
        if isinstance(change, EntryAdded) and change.entry.text == str(many - 1):
            queued.set()

    monkeypatch.setattr(send, "read_lines", lines)
    client = await desk.open(follow=False, ready=False)
    await client.connection.connected()
    room = client.rooms.get(LOBBY)
    assert room is not None
    client.events.subscribe(hear)
    running = asyncio.ensure_future(send._Lines(client, room, as_json=True).run())
    await queued.wait()
    await turns()
    passed = send.LONGEST_WAIT + 1
    with pytest.raises(ExceptionGroup):
        async with asyncio.timeout(60):
            await running
    assert client.messages.outgoing() == []
    outcomes = [json.loads(line)["outcome"] for line in capsys.readouterr().out.splitlines()]
    assert outcomes == ["stored"] + ["unreachable"] * many


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UnreachableError("gone"), "unreachable"),
        (NotReadyError("later"), "not-ready"),
        (SetupError("no"), "refused"),
    ],
)
def test_each_failure_has_a_word_for_scripts(error: ParlourClientError, outcome: str) -> None:
    """Not sent because of the connection, of the room's keys, or for good."""
    assert send.outcome_of(error) == outcome
