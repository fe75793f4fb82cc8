"""Runs a command's coroutine with a client: the home, the passphrase, the event loop, a connection.

It runs to its end or to the first error; Ctrl+C ends it quietly, with the client stopped and queued messages
on disk. Notes for the person go to standard error.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_client.core.account.chat_home import ChatHome, default_folder
from parlour_client.core.events import Change, EntryAdded, HistoryWithheld, TextInspected
from parlour_client.core.model import Entry, Note, NoteKind
from parlour_client.kit.console.printing import echo
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.names import DeviceName, NameRefusedError, parse_device_name
from parlour_protocol.kit.secret import Secret

if TYPE_CHECKING:
    from parlour_client.core.account.sign_in import ChatSignIn
    from parlour_client.core.client import Client

PATIENCE: Final = 10.0
"""Seconds in which a command must connect."""
_OFFER: Final = N_(
    "Messages and keys are kept in an encrypted archive on this computer. With a passphrase, "
    "no one who gets your disk or a backup can open it; Parlour asks for it each time it "
    "starts. Press Enter for none."
)


def run_connected(
    context: click.Context, work: "Callable[[Client], Awaitable[None]]", *, follow: bool = False
) -> None:
    """Run something with a client that is connected, and with ``follow`` caught up; disconnect."""

    async def connect() -> None:
        async with connected(the_home(context), follow=follow) as client:
            await work(client)

    asyncio.run(connect())


def the_home(context: click.Context) -> ChatHome:
    """Return the home that ``--home`` names."""
    folder: Path | None = context.find_root().obj
    return ChatHome(folder or default_folder())


def this_device() -> DeviceName:
    """Return this machine's name, to propose it."""
    try:
        return parse_device_name(socket.gethostname().partition(".")[0])
    except NameRefusedError:
        return parse_device_name("computer")


def the_passphrase(home: ChatHome) -> Secret | None:
    """Ask for the archive's passphrase if it has one and there is a terminal."""
    from parlour_client.core.archive.key import needs_passphrase  # noqa: PLC0415 - as in ``connected``

    if not needs_passphrase(home.key) or not sys.stdin.isatty():
        return None
    return Secret(click.prompt(_("Passphrase"), hide_input=True, err=True))


def first_passphrase(home: ChatHome, *, ask: bool) -> Secret | None:
    """Offer a passphrase for a new archive; ask for the one of an existing archive."""
    if home.key.exists() or not ask or not sys.stdin.isatty():
        return the_passphrase(home)
    echo(_(_OFFER), err=True)
    while True:
        words = _hidden(_("Passphrase for this computer"))
        if not words:
            return None
        if _hidden(_("Repeat it")) == words:
            return Secret(words)
        echo(_("They don't match. Try again."), err=True)


def _hidden(words: str) -> str:
    return str(click.prompt(words, default="", show_default=False, hide_input=True, err=True))


@asynccontextmanager
async def signing_in(home: ChatHome, passphrase: Secret | None) -> "AsyncIterator[ChatSignIn]":
    """Open the archive until the context ends."""
    from parlour_client.core.account.sign_in import ChatSignIn, open_archive  # noqa: PLC0415 - as in ``connected``

    archive = await open_archive(home, passphrase)
    if archive.key.made and archive.key.is_plain:
        echo(
            _(
                "The archive's key is in {key}, readable only by you, but not protected by a passphrase. "
                "Set one with: parlour passphrase"
            ).format(key=home.key),
            err=True,
        )
    try:
        yield ChatSignIn(archive)
    finally:
        await archive.close()


def _warn(client: "Client", printed: dict[str, None], change: Change, *, rows: bool) -> None:
    """Print once what the server withholds, and what inspectors found; ``rows``: within a history."""
    match change:
        case HistoryWithheld(room=room, words=words) | TextInspected(room=room, words=words):
            pass
        case EntryAdded(entry=Entry(room=room, note=Note(kind=NoteKind.MISSING, detail=words))) if rows:
            pass
        case _:
            return
    known = client.rooms.get(room)
    line = f"parlour: {known.title if known is not None else room}: {words}"
    if line not in printed:
        printed[line] = None
        echo(line, err=True)


@asynccontextmanager
async def connected(home: ChatHome, *, follow: bool = False, adopt: bool = False) -> "AsyncIterator[Client]":
    """Yield a client that is connected; with ``follow`` also caught up."""
    from parlour_client.core.client import Client  # noqa: PLC0415 - `--help` of what connects needs no core

    client = Client(home, passphrase=the_passphrase(home), follow=follow, adopt=adopt)
    client.events.subscribe(partial(_warn, client, {}, rows=not follow))
    await client.start()
    try:
        await (client.connection.ready(PATIENCE) if follow else client.connection.connected(PATIENCE))
        for alarm in client.encryption.alarms():
            echo(
                _("parlour: ALARM: {text} Dismiss it in the chat with /alarms.").format(text=alarm.text),
                err=True,
            )
        yield client
    finally:
        await client.stop()
