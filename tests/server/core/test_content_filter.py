"""Whatever a content filter does, the program gets a request only after it, and only if it lets it pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
import pytest_asyncio
from tests.server.core.connections.toy import Client, Say, World, settle

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Ok, Request
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.content_filter import NamedFile, Passed, Sender, UploadFilter
from parlour_server.core.errors import RefusedError


class Reader:
    """A content filter that does what the words say: at once, or after it has waited for ``gate``."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.senders: list[Sender] = []

    def frame(self, frame: Any, sender: Sender) -> Passed[Any] | Awaitable[Passed[Any]]:
        self.senders.append(sender)
        return self._later(frame) if frame.words.startswith("later") else self._look(frame)

    async def _later(self, frame: Any) -> Passed[Any]:
        await self.gate.wait()
        return self._look(frame)

    def _look(self, frame: Any) -> Passed[Any]:
        if "refuse" in frame.words:
            raise RefusedError(ErrorCode.CONTENT_REFUSED, "no")
        if "crash" in frame.words:
            raise SystemExit
        removed = ReasonText("a word was removed") if "remove" in frame.words else ReasonText()
        return Passed(frame, removed)

    async def body(self, body: Any, sender: Sender) -> Any:
        raise NotImplementedError

    def upload(self, size: int, sender: Sender) -> UploadFilter:
        raise NotImplementedError

    async def file(self, file: NamedFile, sender: Sender) -> None:
        raise NotImplementedError


class Filtered:
    """A toy behind a reader, the words that reached it, and someone who talks to it."""

    def __init__(self) -> None:
        self.reader, self.got = Reader(), list[str]()
        self.world = World(Rates(), {}, self.reader)
        self.world.toy.on_request = self._reached
        self.client: Client

    def _reached(self, _peer: object, request: Request) -> None:
        self.got.append(str(getattr(request, "words", "")))

    def say(self, words: str) -> Any:
        return self.world.send(self.client, Say, words=words)


@pytest_asyncio.fixture
async def filtered() -> AsyncIterator[Filtered]:
    """Yield a toy that someone is connected to."""
    made = Filtered()
    made.client = await made.world.connect()
    yield made
    await made.world.service.close()


@pytest.mark.parametrize("when", ["now", "later"])
@pytest.mark.parametrize(("what", "code"), [("refuse", "content_refused"), ("crash", "unavailable")])
async def test_what_is_not_passed_never_reaches_the_program(
    filtered: Filtered, when: str, what: str, code: str
) -> None:
    """D22: neither if it is refused nor if looking at it failed, whatever it raised."""
    filtered.reader.gate.set()
    request = filtered.say(f"{when} {what}")
    await settle()
    assert filtered.client.code(request) == code
    assert filtered.got == []
    assert filtered.reader.senders[0].user == "ada"


async def test_nothing_overtakes_what_is_looked_at(filtered: Filtered) -> None:
    """The requests behind it wait, and each answer says what was removed from its own."""
    first, second = filtered.say("later remove"), filtered.say("now")
    await settle()
    assert filtered.got == []
    filtered.reader.gate.set()
    await settle()
    assert filtered.got == ["later remove", "now"]
    answers = [filtered.client.answer(one) for one in (first, second)]
    assert [one.redacted for one in answers if isinstance(one, Ok)] == ["a word was removed", ""]
