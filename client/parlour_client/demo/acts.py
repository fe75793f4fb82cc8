"""What the demo shows, act by act, each with what must hold: the same script with and without a screen.

An act raises ``Missed`` with what it found when something does not hold; it never passes by not looking.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from parlour_client.core.errors import ParlourClientError, RefusedError
from parlour_client.core.events import Change, StatusChanged
from parlour_client.demo.house import House
from parlour_client.demo.people import Person, sign_up
from parlour_client.demo.script import BEN, CORA, GUEST, HOSTILE, LOOK_ALIKE, MALLORY, SCRIPT
from parlour_protocol.api import CHAT_PATH, SUBPROTOCOL
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.names import parse_room_name, parse_user_name
from parlour_protocol.secret import Secret
from parlour_protocol.text import safe_text
from parlour_protocol.text.forbidden import FORBIDDEN

BURST = 40
"""Messages sent while the server is killed and started again."""


class MissedError(Exception):
    """Something that must hold does not; the text says what was found instead."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the acts are played."""

    house: House
    people: dict[str, Person]


async def everybody_is_in(scene: Scene) -> str:
    """Everybody joined by the invite link and is connected, the server's key pinned."""
    words = {person.client.status.security for person in scene.people.values()}
    if not all("TLS 1.3" in text and "pin" in text for text in words):
        raise MissedError(f"the connections say: {words}")
    return f"{len(scene.people)} people are connected: {words.pop()}"


async def a_look_alike_is_refused(scene: Scene) -> str:
    """A name that looks like Cora's cannot be registered."""
    link = await scene.house.invite(1)
    try:
        await sign_up(scene.house.folder / "look-alike", LOOK_ALIKE, link, Secret.random())
    except (ParlourClientError, ValueError) as error:
        return f"a second cora, in Cyrillic letters that look the same, was refused: {error}"
    raise MissedError("it was accepted")


async def a_ticket_opens_one_socket(scene: Scene) -> str:
    """A ticket is redeemed once, and refused the second time."""
    context = ssl.create_default_context(cafile=scene.house.certificate)
    password = Secret.random()
    await sign_up(scene.house.folder / "knocker", "knocker", await scene.house.invite(1), password)
    async with httpx.AsyncClient(verify=context, trust_env=False, base_url=scene.house.url) as http:
        login = {"username": "knocker", "password": password.reveal(), "device": "door"}
        session = (await http.post("/v1/sessions", json=login)).json()["session"]
        answer = await http.post("/v1/tickets", headers={"Authorization": f"Bearer {session}"})
        ticket = answer.json()["ticket"]

    async def knock() -> int:
        url = scene.house.url.replace("https:", "wss:") + CHAT_PATH
        headers = {"Authorization": f"Bearer {ticket}"}
        try:
            async with connect(
                url,
                ssl=context,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers=headers,
                proxy=None,
            ):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    first, second = await knock(), await knock()
    if (first, second) != (101, 401):
        raise MissedError(f"the answers were {first} and {second}")
    return "a ticket opened one socket (101) and was refused the second time (401)"


async def people_talk(scene: Scene) -> str:
    """What people say arrives, in one order, as they said it."""
    lines = [line for line in SCRIPT if line.who != MALLORY]
    said = [(await scene.people[line.who].say(line.text), line.text) for line in lines]
    for name in (CORA, BEN, GUEST):
        heard = [(e.seq, e.text) for e in [await scene.people[name].heard(seq) for seq, _ in said]]
        if heard != said:
            raise MissedError(f"{name} heard {heard}")
    return f"{len(said)} messages were stored, numbered, and heard by everybody in the same order"


async def hostile_text_is_shown_escaped(scene: Scene) -> str:
    """What Mallory sends reaches Guest unchanged, and is shown as text."""
    escapes = 0
    for text in HOSTILE:
        entry = await scene.people[GUEST].heard(await scene.people[MALLORY].say(text))
        if entry.text is None or entry.text != text:
            raise MissedError(f"{text!r} arrived as {entry.text!r}")
        shown = safe_text(entry.text)
        escapes += shown.hidden
        bad = [line for line in shown.lines if FORBIDDEN.search(line)]
        if bad or "\x1b" in shown.plain:
            raise MissedError(f"{text!r} would be shown as {bad!r}")
    if not escapes:
        raise MissedError("nothing was escaped")
    return f"{len(HOSTILE)} hostile messages are shown as text: {escapes} hidden characters made visible"


async def a_private_room_is_private(scene: Scene) -> str:
    """Who was not invited can neither write to a private room nor learn that it exists; who was, is asked."""
    cora, mallory = scene.people[CORA].client, scene.people[MALLORY].client
    ben = scene.people[BEN].client
    room = await cora.create_room(parse_room_name("back-room"), RoomKind.PRIVATE)
    changes = ben.changes()  # before the invitation: what comes in between is not missed
    await cora.invite(room.id, parse_user_name(BEN))
    while all(one.id != room.id for one in ben.invitations):
        await anext(changes)
    if ben.room(room.id) is not None:
        raise MissedError("ben is in it without having been asked")
    await ben.accept(room.id)
    try:
        await mallory.join(room.id)
    except RefusedError as refused:
        if refused.code is not ErrorCode.NOT_FOUND:
            raise MissedError(f"the refusal tells too much: {refused.code}") from refused
        return "a private room does not exist for who was not invited"
    raise MissedError("mallory got in")


async def nothing_is_lost_when_the_server_dies(scene: Scene) -> str:
    """The server is killed in mid-traffic and started again: all arrives, once, in order."""
    cora, ben = scene.people[CORA], scene.people[BEN]
    texts = [f"while the server dies: {number}" for number in range(BURST)]
    before = cora.lobby.head
    requests = [(await cora.client.send(cora.lobby.id, text)).request for text in texts[: BURST // 2]]
    first = requests[0]
    if first is not None:
        await cora.client.stored(first)  # in mid-traffic: some are on the disk, the others are not
    await scene.house.kill()
    requests += [(await cora.client.send(cora.lobby.id, text)).request for text in texts[BURST // 2 :]]
    await scene.house.start()
    seqs = [await cora.client.stored(request) for request in requests if request is not None]
    await ben.heard(seqs[-1])
    heard = await ben.client.timeline(ben.lobby.id, after=before, limit=2 * BURST)
    if [entry.text for entry in heard if entry.text in texts] != texts:
        raise MissedError(f"ben heard {[entry.text for entry in heard]}")
    return f"the server was killed and restarted in mid-traffic: {BURST} of {BURST} messages, once, in order"


async def the_log_holds_no_secret(scene: Scene) -> str:
    """No password and no message is in the server's log."""
    log = scene.house.log()
    words = [person.password.reveal() for person in scene.people.values()] + ["while the server dies"]
    if not log or any(word in log for word in words):
        raise MissedError("the log is empty, or a password or a message is in it")
    if "Traceback" in log:
        raise MissedError("the log has a traceback")
    return f"the server's log has {len(log.splitlines())} lines, and no password or message in them"


Act = Callable[[Scene], Awaitable[str]]
ACTS: tuple[Act, ...] = (
    everybody_is_in,
    a_look_alike_is_refused,
    a_ticket_opens_one_socket,
    people_talk,
    hostile_text_is_shown_escaped,
    a_private_room_is_private,
    nothing_is_lost_when_the_server_dies,
    the_log_holds_no_secret,
)


async def play(act: Act, scene: Scene, *, seconds: float = 60) -> tuple[bool, str]:
    """Play one act; returns whether it held, and what to report.

    It fails when nothing has gone on for so many ``seconds``, however long all of it takes.
    """
    loop = asyncio.get_running_loop()
    ends: list[Callable[[], None]] = []
    try:
        async with asyncio.timeout(seconds) as patience:

            def goes_on(change: Change) -> None:
                tries = isinstance(change, StatusChanged)  # to connect: that gets nobody further
                if not tries and not patience.expired():
                    patience.reschedule(loop.time() + seconds)

            ends += [person.client.subscribe(goes_on) for person in scene.people.values()]
            return True, await act(scene)
    except MissedError as missed:
        return False, f"{act.__doc__} But {missed}."
    except TimeoutError:
        return False, f"{act.__doc__} But nothing went on for {seconds:.0f} s."
    except ParlourClientError as error:
        return False, f"{act.__doc__} But: {error} {error.hint}"
    finally:
        for end in ends:
            end()
