"""Commands for files: send one, save one. A name in the chat never chooses a path; the core ensures that."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from parlour_client.commands.command import (
    SHELL,
    Call,
    Connect,
    Elsewhere,
    File,
    FileMessage,
    Here,
    Kind,
    Takes,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import FileSaved, FileSent, Transfer
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.text.file_text import downloads_folder

if TYPE_CHECKING:
    from parlour_client.core.attachments import Progress
    from parlour_client.core.model import Entry, Room
    from parlour_protocol.kit.ids import Seq

PATIENCE: Final = 10.0
"""Seconds that the command line waits for a message that is still being decrypted."""


@command("file", aliases=("upload", "attach"), cli=Elsewhere("parlour send ROOM --file PATH"))
async def file(
    call: Call, room: Here, path: File, caption: Annotated[str, Takes(Kind.TEXT, "CAPTION")] = ""
) -> Transfer:
    """Send a file; quote a path that has spaces, or put a backslash before each space."""

    async def run(progress: "Progress") -> FileSent:
        words = call.with_emoji(caption)
        await call.client.files.send(room.id, path, words, reply_to=call.thread, progress=progress)
        return FileSent(room, path.name)

    return Transfer(room, path.name, run)


@command(
    "save",
    aliases=("download",),
    cli="save",
    connect=Connect.CAUGHT_UP,
    json=True,
    examples=("save lobby 17 --to .",),
)
async def save(
    call: Call,
    room: Here,
    message: FileMessage,
    *,
    to: Annotated[
        Path | None,
        Takes(Kind.PATH, "DIR", N_("Where to save it. Default: your downloads folder."), fronts=SHELL),
    ] = None,
) -> Transfer:
    """Save a message's file to your downloads folder."""
    folder = to if to is not None else downloads_folder(call.settings)
    entry = await _found(call, room, message)
    wanted = entry.file if entry is not None and not entry.deleted else None
    if entry is None or wanted is None:
        hint = "" if call.front is Front.UI else _("Check the number.")
        raise SetupError(_("That message has no file."), hint)

    async def run(progress: "Progress") -> FileSaved:
        return FileSaved(await call.client.files.save(entry, folder, progress=progress))

    return Transfer(room, wanted.name, run, wanted)


async def _found(call: Call, room: "Room", seq: "Seq") -> "Entry | None":
    """Return the message; a command that has just connected waits until it is decrypted."""
    if call.front is not Front.CLI:
        return await call.client.history.entry(room.id, seq)
    numbers = _("parlour tail ROOM --json shows the numbers.")
    if seq > room.head:
        raise SetupError(_("{title} has no message {seq} yet.").format(title=room.title, seq=seq), numbers)
    entry = await call.client.events.until(lambda: call.client.history.entry(room.id, seq), PATIENCE)
    if entry is None:
        raise SetupError(_("That message is not available."), numbers)
    return entry
