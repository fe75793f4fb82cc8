"""The line mode's commands for files: send one, save one.

Both go on beside what is typed. A name from the chat chooses no place: where a file lies is said afterwards.
``commands`` lists them.
"""

from typing import TYPE_CHECKING

from parlour_client.core.e2ee.messages.attachments import Progress
from parlour_client.core.errors import SetupError
from parlour_client.plain.line_text import shown
from parlour_client.plain.words import number
from parlour_client.text.file_text import downloads_folder, facts_of, typed_path
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import Seq

if TYPE_CHECKING:
    from parlour_client.plain.line_mode import LineMode


async def file(mode: "LineMode", rest: str) -> None:
    """/file PATH [CAPTION]: send a file to this room; write a space in the path as backslash and space."""
    room = mode.here()
    path, caption = typed_path(rest)

    async def send(progress: Progress) -> str:
        await mode.client.send_file(room.id, path, caption, progress=progress)
        return f"{room.title}, file uploaded: {shown(path.name)}"

    mode.transfers.begin(f"Sending {shown(path.name)} to {room.title}.", send)


async def save(mode: "LineMode", rest: str) -> None:
    """/save NUMBER: save the file of a message into your downloads."""
    entry = await mode.client.entry(mode.here().id, Seq(number(rest)))
    body = entry.body if entry is not None else None
    if entry is None or not isinstance(body, Message) or body.file is None:
        raise SetupError("There is no file with that message.", "Look at the number.")
    folder = downloads_folder(mode.settings)

    async def fetch(progress: Progress) -> str:
        return f"Saved: {shown(str(await mode.client.save_file(entry, folder, progress=progress)))}"

    mode.transfers.begin(f"Saving a file, {facts_of(body.file)}.", fetch)
