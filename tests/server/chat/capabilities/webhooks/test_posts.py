"""Posts to a real server: what becomes a message, and what attacks get."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest
from tests.server.chat.capabilities.webhooks.hooks import JSON, TEXT, place

from parlour_protocol.frames.requests import Archive, CreateRoom, DeleteRoom, Encrypt, Kick
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

HOSTILE = "\x1b[2J\x1b]0;root\x07 \u202eevil\u202c\u2066 a\u200bb"
"""It clears a screen, sets a title, and writes backwards."""


async def test_a_post_becomes_a_message_by_the_bot(tmp_path: Path) -> None:
    """As text and as JSON, as it is: what is in it is text for everyone, whatever it looks like."""
    async with place(tmp_path) as here:
        for body, headers, text in (
            (b"All tests pass", TEXT, "All tests pass"),
            (json.dumps({"text": HOSTILE}).encode(), JSON, HOSTILE),
            (HOSTILE.encode(), {"Content-Type": 'text/plain; charset="UTF-8"'}, HOSTILE),
        ):
            assert await here.post(body, headers) == (204, "")
            event, got = await here.message()
            assert (event.author, event.device, got) == ("ci-webhook", "webhook", text)
        assert not any(here.path[-43:] in str(line) for line in here.world.logs)


async def test_no_one_learns_which_webhooks_there_are(tmp_path: Path) -> None:
    """A wrong secret, an old one, a deleted webhook and a disabled bot get the same bytes."""
    async with place(tmp_path) as here:
        old = here.path
        renewed = await here.hook("renew", here.made["webhook"])
        here.made |= renewed
        wrong = f"{here.path[:-1]}{'A' if here.path[-1] != 'A' else 'B'}"
        answers = [await here.post(path=one) for one in (old, wrong, "/v1/webhooks/x", f"{here.path}%20")]
        assert await here.post() == (204, "")
        await here.world.command("user", "disable", "ci-webhook")
        answers.append(await here.post())
        await here.hook("delete", here.made["webhook"])
        answers.append(await here.post())
        assert set(answers) == {(404, "not_found")}


WRONG = (
    (b"x", {"Content-Type": "text/html"}, (415, "not_text")),
    (b"x", {}, (415, "not_text")),
    (b"x", {"Content-Type": "text/plain; charset=utf-16"}, (415, "not_text")),
    (b"x", {**TEXT, "Content-Encoding": "gzip"}, (415, "not_text")),
    (b"x", {**TEXT, "Origin": "https://app.example.org"}, (403, "no_browsers")),
    (b"\xff", TEXT, (400, "malformed")),
    (b"", TEXT, (400, "malformed")),
    (b"x" * 9000, TEXT, (400, "malformed")),
    (b"x\n" * 300, TEXT, (400, "malformed")),
    (b'{"text":"x","file":1}', JSON, (400, "malformed")),
    (b'{"text":"\\ud800"}', JSON, (400, "malformed")),
    (b"[" * 20_000, JSON, (400, "malformed")),
    (b"x", {**TEXT, "Idempotency-Key": "a b"}, (400, "malformed")),
)


async def test_a_wrong_post_is_refused(tmp_path: Path) -> None:
    """Nothing is written; the Origin is refused also where the operator lets its pages in."""
    async with place(tmp_path, listen__origins=["https://app.example.org"]) as here:
        for body, headers, refusal in WRONG:
            assert await here.post(body, headers) == refusal, (body[:20], headers)
        assert await here.post(b"after") == (204, "")
        assert (await here.message())[1] == "after"


async def test_a_body_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    """By what it declares; one must declare a length, and one that stops is cut off."""
    async with place(tmp_path) as here:
        head = (
            f"POST {here.path} HTTP/1.1\r\nHost: localhost:{here.world.port}\r\nContent-Type: text/plain\r\n"
        )
        for rest, status in (
            ("Content-Length: 1000000000\r\n\r\n", b"413"),
            ("Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", b"411"),
            ("Content-Length: 5\r\n\r\nhel", b""),
        ):
            context = ssl.create_default_context(cafile=str(here.world.data / "ca.pem"))
            reader, writer = await asyncio.open_connection("localhost", here.world.port, ssl=context)
            writer.write((head + rest).encode())
            async with asyncio.timeout(20):
                assert (await reader.readline())[9:12] == status
            writer.transport.abort()


async def test_a_retry_writes_once(tmp_path: Path) -> None:
    """With the same key and text; the same key for another text is refused, and keys are a webhook's own."""
    async with place(tmp_path) as here:
        other = await here.hook("create", "lobby", "--name", "other")
        keyed = {**TEXT, "Idempotency-Key": "build-17"}
        assert [await here.post(b"once", keyed) for _ in range(3)] == [(204, "")] * 3
        assert await here.post(b"changed", keyed) == (409, "conflict")
        assert await here.post(b"theirs", keyed, f"/v1/{other['address'].partition('/v1/')[2]}") == (204, "")
        assert [(await here.message())[1] for _ in range(2)] == ["once", "theirs"]


async def test_a_flood_is_refused_and_passes(tmp_path: Path) -> None:
    """Each webhook has a budget of its own."""
    async with place(tmp_path, webhooks__posts_per_minute=3) as here:
        assert [(await here.post())[0] for _ in range(5)] == [204, 204, 204, 429, 429]
        here.clock.forward(60)
        assert (await here.post())[0] == 204


async def test_the_rules_of_the_room_hold(tmp_path: Path) -> None:
    """A bot that was removed writes no more, nor does one in an archived or encrypted room."""
    async with place(tmp_path) as here:
        name = parse_room_name("kitchen")
        await here.ada.ask(CreateRoom(id=new_request_id(), name=name, kind=RoomKind.PUBLIC))
        here.made = await here.hook("create", "kitchen", "--name", "cook")
        room, bot = RoomId(here.made["room"]), parse_user_name("cook-webhook")
        for on, answer in ((True, (403, "archived")), (False, (204, ""))):
            await here.ada.ask(Archive(id=new_request_id(), room=room, on=on))
            assert await here.post() == answer
        await here.ada.ask(Encrypt(id=new_request_id(), room=room))
        assert await here.post() == (403, "encrypted")
        with pytest.raises(RuntimeError):
            await here.hook("create", "kitchen", "--name", "late")
        await here.ada.ask(Kick(id=new_request_id(), room=room, user=bot))
        assert (await here.post())[0] in {403, 404}
        await here.ada.ask(DeleteRoom(id=new_request_id(), room=room))
        assert (await here.post())[0] == 404


async def test_no_person_can_have_such_a_name(tmp_path: Path) -> None:
    """So the ending of a name says what wrote; also in letters that look like it."""
    async with place(tmp_path) as here:
        for name in ("eve-webhook", "eve-vvebhook", "eve-webh00k"):
            with pytest.raises(RuntimeError, match="name_refused"):
                await here.world.person(name)
        with pytest.raises(RuntimeError):
            await here.world.command("user", "create", "eve-webhook")
