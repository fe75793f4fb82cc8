"""A real server sends events to a real receiver over TLS, which may be slow, broken or hostile."""

import asyncio
from pathlib import Path

import pytest
from tests.server.chat.capabilities.event_receivers.receiving import place

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.requests import CreateRoom, Encrypt, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.capabilities.event_receivers import sender
from parlour_server.chat.capabilities.event_receivers.sender import WAITS
from parlour_server.chat.program import CHAT


async def test_what_happens_in_the_room_is_sent_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed, once; and nothing of the URL but its server is shown or logged."""
    async with place(tmp_path, monkeypatch) as here:
        await here.say("before")
        await here.add()
        await here.say("one")
        await here.say("two")
        await here.world.person("bob")
        got = [await here.next() for _ in range(3)]
        assert [body["data"].get("text", body["data"].get("user")) for _, body in got] == [
            "one",
            "two",
            "bob",
        ]
        assert [body["type"] for _, body in got] == ["message.posted", "message.posted", "member.joined"]
        assert got[0][0][""] == "POST /hook?token=path-secret HTTP/1.1"
        assert "path-secret" not in str(here.world.logs) + str(await here.run("list"))


async def test_only_chosen_events_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are passed over."""
    async with place(tmp_path, monkeypatch) as here:
        await here.add("--event", "member.joined")
        await here.say("not this")
        await here.world.person("bob")
        assert (await here.next())[1]["data"]["user"] == "bob"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n", "status 500"),
        (b"HTTP/1.1 307 Go\r\nLocation: https://localhost:1/\r\n\r\n", "status 307"),
        (b"nonsense\r\n\r\n", "no answer (ValueError)"),
    ],
)
async def test_what_failed_is_sent_again_and_then_given_up(
    answer: bytes, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later each time, with the same id and a new time; the operator can see it, and have it tried again."""
    async with place(tmp_path, monkeypatch) as here:
        made = await here.add()
        here.answers = [answer] * (len(WAITS) + 1)
        await here.say("hello")
        tried = [(await here.next())[0]]
        tried += [(await here.next(step=wait / 2))[0] for wait in WAITS]
        times = [int(headers["webhook-timestamp"]) for headers in tried]
        assert all(
            after - before >= wait - 1 for before, after, wait in zip(times, times[1:], WAITS, strict=False)
        )
        assert len({headers["webhook-id"] for headers in tried}) == 1
        (given_up,) = await here.failed()
        assert given_up["problem"] == problem
        assert given_up["attempts"] == len(WAITS) + 1
        assert await here.run("retry", made["receiver"]) == {"receiver": made["receiver"], "again": 1}
        assert (await here.next())[1]["data"]["text"] == "hello"
        assert await here.run("failed") == []


async def test_a_receiver_that_hangs_delays_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People write on, and another receiver gets its events."""
    async with place(tmp_path, monkeypatch) as here:
        await here.add()
        here.answers = [b""]
        await here.say("hangs")
        assert (await here.next())[1]["data"]["text"] == "hangs"
        second = await here.add(url=here.url + "&second")
        async with asyncio.timeout(5):
            for number in range(20):
                await here.say(str(number))
        got = [await here.next() for _ in range(20)]
        assert [body["data"]["text"] for _, body in got] == [str(number) for number in range(20)]
        assert {headers["webhook-id"].partition("_")[0] for headers, _ in got} == {second["receiver"]}


async def test_where_the_configuration_does_not_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that it does not name is refused, and so is an address that is not public."""
    async with place(tmp_path, monkeypatch, receivers__networks=[]) as here:
        for url in (
            "https://localhost:1/x",
            "http://" + here.url.partition("://")[2],
            "https://evil.example@localhost/",
        ):
            with pytest.raises(RuntimeError):
                await here.add(url=url)
        await here.add()
        await here.say("hello")
        (given_up,) = await here.failed(step=50_000)
        assert given_up["problem"].endswith(" is not public")
        assert here.got.empty()


async def test_a_receiver_with_a_certificate_of_another_ca_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers at its address could read along otherwise."""
    async with place(tmp_path, monkeypatch) as here:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "no-file"))
        await here.add()
        await here.say("hello")
        (given_up,) = await here.failed(step=50_000)
        assert given_up["problem"] == "no answer (SSLCertVerificationError)"
        assert here.got.empty()


async def test_a_server_that_the_configuration_names_no_longer_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what waits for it already."""
    async with place(tmp_path, monkeypatch) as here:
        await here.add()
        here.answers = [b""]
        await here.say("one")
        assert (await here.next())[1]["data"]["text"] == "one"
        await here.say("two")
    file = CHAT.folder(tmp_path).settings
    text = file.read_text(encoding="utf-8")
    named = f"localhost:{here.port}"
    assert named in text
    file.write_text(text.replace(named, "other.example"), encoding="utf-8")
    async with place(tmp_path, monkeypatch, here.port) as again:
        (given_up, *_) = await again.failed(step=50_000)
        assert given_up["problem"] == "receivers.servers does not name it"
        assert again.got.empty()


async def test_an_attempt_without_an_answer_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hung is sent again like what was refused."""
    monkeypatch.setattr(sender, "SECONDS", 1.0)
    async with place(tmp_path, monkeypatch) as here:
        await here.add()
        here.answers = [b""]
        await here.say("hangs")
        (first, _), (second, _) = await here.next(), await here.next(step=WAITS[0] / 2)
        assert first["webhook-id"] == second["webhook-id"]


async def test_what_waits_survives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is the queue, and what was being sent is sent again."""
    async with place(tmp_path, monkeypatch) as here:
        await here.add()
        here.answers = [b""]
        await here.say("one")
        assert (await here.next())[1]["data"]["text"] == "one"
        await here.say("two")
    async with place(tmp_path, monkeypatch, here.port) as again:
        again.secret = here.secret
        got = {(await again.next(step=5))[1]["data"]["text"] for _ in range(2)}
        assert got == {"one", "two"}


async def test_nothing_of_an_encrypted_room_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what waited when it became encrypted, nor who comes and goes."""
    async with place(tmp_path, monkeypatch) as here:
        name = parse_room_name("kitchen")
        await here.ada.ask(CreateRoom(id=new_request_id(), name=name, kind=RoomKind.PUBLIC))
        made = await here.run("add", "kitchen", here.url)
        room = RoomId(made["room"])
        text = MessageText("a secret")
        await here.ada.ask(Send(id=new_request_id(), room=room, text=text))
        await here.ada.ask(Encrypt(id=new_request_id(), room=room))
        await here.add()
        await here.say("open")
        assert (await here.next())[1]["data"]["text"] == "open"
        with pytest.raises(RuntimeError):
            await here.run("add", "kitchen", here.url)
