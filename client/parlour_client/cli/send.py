"""`send`: one message, or one for each line of the standard input.

Success means that the server has stored it. Lines are sent as they arrive, many at a time, and acknowledged
in order. Unacknowledged messages are not sent later if the command fails: those that the server refused stay
in the outbox as failed, for the person to retry or cancel, but no more than ``MAX_KEPT`` of them. Scripts
call it: each outcome has an exit status, a sentence, an `outcome` in JSON and a time, which
docs/reference/client-commands.md lists.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_client.cli.output import print_json, tell_claims
from parlour_client.cli.parameters import ROOM
from parlour_client.cli.run_client import connected, the_home
from parlour_client.commands.find import find_room
from parlour_client.commands.front import Front
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.checked_text import message_text
from parlour_client.core.model import Delivery, Entry, Room, display_name
from parlour_client.core.settings import load
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError, SetupError, UnreachableError
from parlour_client.kit.language import N_, _
from parlour_client.plain.input_lines import read_lines
from parlour_client.text.emoji_names import with_emoji
from parlour_client.text.untrusted_text import shown

if TYPE_CHECKING:
    from parlour_client.core.client import Client

LONGEST_OUTAGE: Final = 30.0
"""Seconds without a connection after which a command gives up."""
LONGEST_WAIT: Final = 120.0
"""Seconds in which a message has an outcome, whatever the server does."""
_LOOK_SECONDS: Final = 1.0
"""How often the connection is looked at meanwhile."""
NOT_FOR_ALL: Final = 3
"""The exit status if the server has it, and someone in the room can't read it."""
_KEPT: Final = N_(
    "What the server refused is in the outbox: press F7 in the chat to send it again or cancel it."
)
_FULL: Final = N_(
    "What the server refused was not kept, because the outbox already holds too much of it (F7 in the chat)."
)
MAX_KEPT: Final = 100
"""Refused messages in the outbox; a script that continues would fill it unnoticed."""
MAX_UNANSWERED: Final = 256
"""Unacknowledged lines; no more are read."""
_TOGETHER: Final = 32
"""Messages that are waited for together: the last has no outcome before the others have."""


@click.command(
    epilog=(
        '\b\nExample:\n  parlour send lobby "good morning"\n  parlour send @ben "are you there?"\n  '
        "parlour send lobby --file honey.pdf 'the first honey'\n  tail -f build.log | parlour "
        "send builds --stdin"
    )
)
@click.argument("room", type=ROOM)
@click.argument("text", required=False)
@click.option(
    "--stdin",
    "lines",
    is_flag=True,
    help=N_("Send each line of standard input as a message, except empty ones."),
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help=N_("Send a file, with TEXT as its caption."),
)
@click.option("--json", "as_json", is_flag=True, help=N_('Print {"seq": …} for each message that is stored.'))
@click.pass_context
def send(
    context: click.Context, room: str, text: str | None, *, lines: bool, path: Path | None, as_json: bool
) -> int:
    """Send TEXT to ROOM (a name, or @user). Exit status 0 means that it is on the server's disk.

    The status is 3 if it is there, and someone in an encrypted room can't read it on all their devices.
    """
    if lines == (text is not None or path is not None):
        raise click.UsageError(_("Give a TEXT, a --file or --stdin."))
    home = the_home(context)
    if text is not None and load(home.folder).shortcodes:  # lines of standard input may be a program's
        text = with_emoji(text)
    if path is not None:
        work = _send_file(home, room, path, text or "", as_json=as_json)
    elif text is not None:
        work = _send_one(home, room, text, as_json=as_json)
    else:
        work = _send_lines(home, room, as_json=as_json)
    return asyncio.run(work)


async def _send_one(home: ChatHome, wanted: str, text: str, *, as_json: bool) -> int:
    with _failure_in_json(wanted, as_json=as_json):
        message_text(text)  # refuse before connecting
        async with connected(home, adopt=True) as client:
            room = find_room(client, Front.CLI, wanted)
            entry = await client.messages.send(room.id, text)
            return await delivered(client, room, entry, as_json=as_json)


async def _send_file(home: ChatHome, wanted: str, path: Path, caption: str, *, as_json: bool) -> int:
    with _failure_in_json(wanted, as_json=as_json):
        if caption:
            message_text(caption)
        async with connected(home, adopt=True) as client:
            room = find_room(client, Front.CLI, wanted)
            entry = await client.files.send(room.id, path, caption)
            return await delivered(client, room, entry, as_json=as_json)


@contextmanager
def _failure_in_json(wanted: str, *, as_json: bool) -> Iterator[None]:
    """Print an error as JSON as well: it is the outcome of the message."""
    try:
        yield
    except ParlourClientError as error:
        if as_json:
            print_json({"room": wanted, "outcome": outcome_of(error), "error": error.whole})
        raise


def outcome_of(error: ParlourClientError) -> str:
    """Return what became of a message that has no acknowledgement, in one word for scripts."""
    if isinstance(error, UnreachableError):
        return "unreachable"
    from parlour_client.core.e2ee.errors import NotReadyError  # noqa: PLC0415 - for no `--help`

    return "not-ready" if isinstance(error, NotReadyError) else "refused"


async def delivered(client: "Client", room: Room, entry: Entry, *, as_json: bool) -> int:
    """Wait for the server's answer and print it; after a refusal, say what happens to the message.

    Returns the exit status.
    """
    try:
        await acknowledged(client, room, entry, as_json=as_json)
        await client.finish()
        return 0 if await tell_claims(client, room) else NOT_FOR_ALL
    except UnreachableError:
        raise
    except ParlourClientError:
        await tell_claims(client, room)
        echo(await _what_becomes_of(client, entry), err=True)
        raise


async def _what_becomes_of(client: "Client", entry: Entry) -> str:
    """Drop a refused message above the limit; return the text about it."""
    refused = sum(message.entry.failed for message in client.messages.outgoing())
    if refused <= MAX_KEPT:
        return _(_KEPT)
    if entry.request is not None:
        await client.messages.abandon([entry.request])
    return _(_FULL)


async def _send_lines(home: ChatHome, wanted: str, *, as_json: bool) -> int:
    with _failure_in_json(wanted, as_json=as_json):
        async with connected(home, adopt=True) as client:
            sender = _Lines(client, find_room(client, Front.CLI, wanted), as_json=as_json)
            return await sender.run()


class _Lines:
    """Sends lines in order, with a bounded number of them unacknowledged."""

    def __init__(self, client: "Client", room: Room, *, as_json: bool) -> None:
        self._client = client
        self._room = room
        self._as_json = as_json
        self._unanswered: deque[Entry] = deque()
        self._some, self._few = asyncio.Event(), asyncio.Event()
        self._ended = False
        self._failed = 0
        self._refused: dict[str, None] = {}  # texts to print at the end, each once

    async def run(self) -> int:
        """Send until the input ends; returns the exit status."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read())
            tasks.create_task(self._report())
        await self._client.finish()
        for_all = await tell_claims(self._client, self._room)
        for words in self._refused:
            echo(words, err=True)
        return 1 if self._failed else 0 if for_all else NOT_FOR_ALL

    async def _read(self) -> None:
        async for lines in read_lines():
            texts = [text for line in lines if (text := self._text(line)) is not None]
            if texts:
                self._unanswered += await self._client.messages.send_many(self._room.id, texts)
                self._some.set()
            while len(self._unanswered) >= MAX_UNANSWERED:
                self._few.clear()
                await self._few.wait()
        self._ended = True
        self._some.set()

    async def _report(self) -> None:
        try:
            while self._unanswered or not self._ended:
                async with aclosing(_with_outcome(self._client, self._unanswered)) as entries:
                    async for entry in entries:
                        await self._tell(entry)
                        self._few.set()
                self._some.clear()
                if not self._ended:
                    await self._some.wait()
        except (ParlourClientError, asyncio.CancelledError) as error:
            waiting = [entry.request for entry in self._unanswered if entry.request is not None]
            await self._client.messages.abandon(waiting)
            if isinstance(error, ParlourClientError):
                self._say(error, times=len(waiting))
            raise

    async def _tell(self, entry: Entry) -> None:
        """Print the outcome of a message that has one. Raises an error that ends the command."""
        try:
            await _print_stored(self._client, self._room, entry, as_json=self._as_json)
        except ParlourClientError as error:
            if error.stops or isinstance(error, UnreachableError):
                raise
            self._refused[await _what_becomes_of(self._client, entry)] = None
            self._refuse(error)

    def _text(self, line: bytes) -> str | None:
        """Return a line's text; None for an empty one, or for an invalid one, which is reported."""
        try:
            text = line.decode()
            if not text.strip():
                return None
            return str(message_text(text))
        except UnicodeDecodeError:
            self._refuse(SetupError(_("A line isn't valid UTF-8 and was skipped.")))
        except SetupError as error:
            self._refuse(error)
        return None

    def _refuse(self, error: ParlourClientError) -> None:
        self._failed += 1
        self._say(error, times=1)
        echo(f"parlour: {error}", err=True)

    def _say(self, error: ParlourClientError, *, times: int) -> None:
        """Print the outcome of so many messages, for scripts."""
        for _message in range(times if self._as_json else 0):
            where = {"room": self._room.title, "room_id": self._room.id}
            print_json(where | {"outcome": outcome_of(error), "error": error.whole})


async def acknowledged(client: "Client", room: Room, entry: Entry, *, as_json: bool) -> None:
    """Wait for the server's answer and print it. Raises UnreachableError without one, and a refusal."""
    assert entry.request is not None  # noqa: S101 - a message that was just queued has one
    try:
        async with aclosing(_with_outcome(client, deque([entry]))) as entries:
            async for stored in entries:
                await _print_stored(client, room, stored, as_json=as_json)
    except (UnreachableError, asyncio.CancelledError):
        await client.messages.abandon([entry.request])
        raise


async def _with_outcome(client: "Client", entries: deque[Entry]) -> AsyncGenerator[Entry, None]:
    """Yield queued messages in order, each once it has an outcome, and drop it then; print why others wait.

    Raises UnreachableError after a while without a connection, or without an answer.
    """
    loop, told = asyncio.get_running_loop(), ""
    begun = online = loop.time()
    while entries:
        first, last = entries[0], entries[min(len(entries), _TOGETHER) - 1].request
        assert last is not None  # noqa: S101 - as above
        waiting = asyncio.ensure_future(client.messages.outcome(last))
        try:
            await asyncio.wait({waiting}, timeout=_LOOK_SECONDS)
            if waiting.done() and not client.messages.has_outcome(first):
                waiting.result()  # raises why the client has stopped
        finally:
            waiting.cancel()
        while entries and client.messages.has_outcome(entries[0]):
            yield entries[0]
            entries.popleft()
            begun = loop.time()
        if not entries or entries[0] is not first:
            continue
        if client.connection.status.state is LinkState.ONLINE:
            online = loop.time()
        if loop.time() - online > LONGEST_OUTAGE or loop.time() - begun > LONGEST_WAIT:
            raise UnreachableError(
                client.connection.status.problem or _("The server did not answer in time."),
                _("Send it again later."),
            )
        told = _tell_why(client, entries, told)


async def _print_stored(client: "Client", room: Room, entry: Entry, *, as_json: bool) -> None:
    """Print where a message is stored. Raises why it is not."""
    assert entry.request is not None  # noqa: S101 - as above
    stored = await client.messages.outcome(entry.request)
    if as_json:
        without = sorted(await client.encryption.left_out(room.id)) if room.encrypted else []
        place = {"seq": stored.seq, "room": room.title, "room_id": room.id, "at": stored.at}
        print_json(place | {"outcome": "stored", "without": list(map(display_name, without))})


def _tell_why(client: "Client", entries: Collection[Entry], told: str) -> str:
    """Print why a message waits, if that is known and was not printed; returns what was."""
    requests = {entry.request for entry in entries}
    problems = [
        entry.problem
        for entry in (message.entry for message in client.messages.outgoing())
        if entry.request in requests and entry.delivery is Delivery.QUEUED
    ]
    why = next(filter(None, problems), "")
    if why and why != told:
        echo(_("parlour: Not sent yet: {why}").format(why=shown(why)), err=True)
    return why or told
