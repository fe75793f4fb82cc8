"""Checks that must hold in the demo, one after another, against a real server process.

A check raises ``CheckFailedError`` with what it found instead; it never passes by not looking.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from parlour_client.core.events import Change, StatusChanged
from parlour_client.demo.people import Person, sign_up
from parlour_client.demo.script import BEN, CORA, GUEST, HOSTILE, LOBBY, LOOK_ALIKE, MALLORY, SCRIPT
from parlour_client.kit.demo_server import DemoServer
from parlour_client.kit.errors import ParlourClientError, RefusedError
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.wire import CHAT_PATH, SUBPROTOCOL
from parlour_protocol.kit.api import Login, SessionCreated, TicketIssued
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

BURST = 40
"""Messages sent while the server is killed and started again."""
PATIENCE = 60.0
"""Seconds without any event, or without an answer, after which a check fails."""


class CheckFailedError(Exception):
    """Something that must hold does not; the text says what was found instead."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and the people that the checks use."""

    server: DemoServer
    people: dict[str, Person]


async def everyone_is_connected(stage: Stage) -> str:
    """Everyone joined with the invite link and is connected, with the server's key pinned."""
    words = {person.client.connection.status.security for person in stage.people.values()}
    if not all("TLS 1.3" in text and "pin" in text for text in words):
        raise CheckFailedError(f"the connections say: {words}")
    return f"{len(stage.people)} people are connected: {words.pop()}"


async def a_look_alike_is_refused(stage: Stage) -> str:
    """A name that looks like Cora's cannot be registered."""
    link = await stage.server.invite(1)
    try:
        await sign_up(stage.server.folder / "look-alike", LOOK_ALIKE, link, Secret.random())
    except (ParlourClientError, ValueError) as error:
        return f"a second cora, in Cyrillic letters that look the same, was refused: {error}"
    raise CheckFailedError("it was accepted")


async def a_ticket_opens_one_socket(stage: Stage) -> str:
    """A ticket is redeemed once, and refused the second time."""
    context = ssl.create_default_context(cafile=stage.server.certificate)
    password = Secret.random()
    await sign_up(stage.server.folder / "knocker", "knocker", await stage.server.invite(1), password)
    address = ServerAddress.parse(stage.server.url.removeprefix("https://"))
    api = Api(Verifier(address, CaFile.read(stage.server.certificate)))
    login = Login(username="knocker", password=password, device=parse_device_name("knocker"))
    made = await api.log_in(login)
    if not isinstance(made, SessionCreated):
        raise CheckFailedError(f"the login was answered with {made}")
    ticket = (await api.call("POST", "/v1/tickets", TicketIssued, bearer=made.session)).ticket.reveal()

    async def knock() -> int:
        url = stage.server.url.replace("https:", "wss:") + CHAT_PATH
        headers = {"Authorization": f"Bearer {ticket}"}
        try:
            async with connect(
                url,
                ssl=context,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers=headers,
                open_timeout=PATIENCE,
                proxy=None,
            ):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    first, second = await knock(), await knock()
    if (first, second) != (101, 401):
        raise CheckFailedError(f"the answers were {first} and {second}")
    return "a ticket opened one socket (101) and was refused the second time (401)"


async def people_talk(stage: Stage) -> str:
    """Messages arrive unchanged, in one order."""
    lines = [line for line in SCRIPT if line.who != MALLORY and line.room == LOBBY]
    sent = [(await stage.people[line.who].say(line.text), line.text) for line in lines]
    for name in (CORA, BEN, GUEST):
        received = [(e.seq, e.text) for e in [await stage.people[name].received(seq) for seq, _ in sent]]
        if received != sent:
            raise CheckFailedError(f"{name} received {received}")
    return f"{len(sent)} messages were stored, numbered, and received by everyone in the same order"


async def hostile_text_is_shown_escaped(stage: Stage) -> str:
    """Text from Mallory reaches Guest unchanged, and is shown as text."""
    escapes = 0
    for text in HOSTILE:
        entry = await stage.people[GUEST].received(await stage.people[MALLORY].say(text))
        if entry.text is None or entry.text != text:
            raise CheckFailedError(f"{text!r} arrived as {entry.text!r}")
        shown = safe_text(entry.text)
        escapes += shown.hidden
        bad = [line for line in shown.lines if FORBIDDEN.search(line)]
        if bad or "\x1b" in shown.plain:
            raise CheckFailedError(f"{text!r} would be shown as {bad!r}")
    if not escapes:
        raise CheckFailedError("nothing was escaped")
    return f"{len(HOSTILE)} hostile messages are shown as text: {escapes} hidden characters made visible"


async def a_private_room_is_private(stage: Stage) -> str:
    """Without an invitation, nobody can enter a private room or learn that it exists."""
    cora, mallory = stage.people[CORA].client, stage.people[MALLORY].client
    ben = stage.people[BEN].client
    room = await cora.rooms.create(parse_room_name("back-room"), RoomKind.PRIVATE)
    changes = ben.events.stream()  # subscribed before the invitation, so that it is not missed
    await cora.invitations.send(room.id, parse_user_name(BEN))
    while all(invitation.id != room.id for invitation in ben.invitations.all):
        await anext(changes)
    if ben.rooms.get(room.id) is not None:
        raise CheckFailedError("ben was put into it without being asked")
    await ben.invitations.accept(room.id)
    try:
        await mallory.rooms.join(room.id)
    except RefusedError as refused:
        if refused.code is not ErrorCode.NOT_FOUND:
            raise CheckFailedError(f"the refusal tells too much: {refused.code}") from refused
        return "a private room does not exist for people who were not invited"
    raise CheckFailedError("mallory entered it")


async def nothing_is_lost_when_the_server_dies(stage: Stage) -> str:
    """The server is killed while people write and started again: everything arrives, once, in order."""
    cora, ben = stage.people[CORA], stage.people[BEN]
    texts = [f"while the server dies: {number}" for number in range(BURST)]
    before = cora.lobby.head
    requests = [
        (await cora.client.messages.send(cora.lobby.id, text)).request for text in texts[: BURST // 2]
    ]
    first = requests[0]
    if first is not None:
        await cora.client.messages.stored(first)  # some are on the disk now, the others are not
    await stage.server.kill()
    requests += [
        (await cora.client.messages.send(cora.lobby.id, text)).request for text in texts[BURST // 2 :]
    ]
    await stage.server.start()
    seqs = [await cora.client.messages.stored(request) for request in requests if request is not None]
    await ben.received(seqs[-1])
    received = await ben.client.history.timeline(ben.lobby.id, after=before, limit=2 * BURST)
    if [entry.text for entry in received if entry.text in texts] != texts:
        raise CheckFailedError(f"ben received {[entry.text for entry in received]}")
    return f"the server was killed while people wrote: {BURST} of {BURST} messages arrived, once, in order"


async def the_log_holds_no_secret(stage: Stage) -> str:
    """No password and no message is in the server's log."""
    log = stage.server.log()
    words = [person.password.reveal() for person in stage.people.values()] + ["while the server dies"]
    if not log or any(word in log for word in words):
        raise CheckFailedError("the log is empty, or a password or a message is in it")
    if "Traceback" in log:
        raise CheckFailedError("the log has a traceback")
    return f"the server's log has {len(log.splitlines())} lines, and no password or message in them"


Check = Callable[[Stage], Awaitable[str]]
CHECKS: tuple[Check, ...] = (
    everyone_is_connected,
    a_look_alike_is_refused,
    a_ticket_opens_one_socket,
    people_talk,
    hostile_text_is_shown_escaped,
    a_private_room_is_private,
    nothing_is_lost_when_the_server_dies,
    the_log_holds_no_secret,
)


async def run_check(check: Check, stage: Stage, *, seconds: float = PATIENCE) -> tuple[bool, str]:
    """Run one check; returns whether it held, and what to report.

    It fails when nothing has happened for ``seconds``, however long all of it takes.
    """
    loop = asyncio.get_running_loop()
    unsubscribe: list[Callable[[], None]] = []
    try:
        async with asyncio.timeout(seconds) as patience:

            def on_change(change: Change) -> None:
                only_retries = isinstance(change, StatusChanged)
                if not only_retries and not patience.expired():
                    patience.reschedule(loop.time() + seconds)

            unsubscribe += [person.client.events.subscribe(on_change) for person in stage.people.values()]
            return True, await check(stage)
    except CheckFailedError as failure:
        return False, f"{check.__doc__} But {failure}."
    except TimeoutError:
        return False, f"{check.__doc__} But nothing happened for {seconds:.0f} s."
    except ParlourClientError as error:
        return False, f"{check.__doc__} But: {error} {error.hint}"
    finally:
        for end in unsubscribe:
            end()
