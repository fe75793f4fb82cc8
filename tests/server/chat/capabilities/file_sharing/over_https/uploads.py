"""Uploads as a good client makes them, and what then lies on the disk."""

from pathlib import Path
from typing import Any

import httpx
from tests.server.chat.delivery.https.api_harness import Home, Village

from parlour_protocol.frames.bodies import FileRef, Message
from parlour_protocol.frames.fields import FileName, MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, RoomId
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.core.data_folder import DataFolder

BYTES = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(256)) * 1000


async def upload(home: Home, room: RoomId, data: bytes = DATA, **headers: str) -> httpx.Response:
    """Upload a file."""
    return await home.ask("POST", f"/v1/rooms/{room}/files", content=data, headers={**BYTES, **headers})


async def uploaded(home: Home, room: RoomId, data: bytes = DATA) -> FileId:
    """Upload a file and return its id."""
    answer = await upload(home, room, data)
    assert answer.status_code == 201, answer.text
    file: FileId = answer.json()["file"]
    return file


def on_disk(folder: DataFolder) -> list[Path]:
    """Return what lies in the folder of files."""
    return sorted(path for path in files_of(folder).rglob("*") if path.is_file())


async def say(village: Village, author: Home, room: RoomId, stored: dict[str, Any], **changed: Any) -> None:
    """Send a message that names a file."""
    ref = FileRef(
        **{
            "file": stored["file"],
            "name": FileName("cat.png"),
            "media_type": "image/png",
            "size": stored["size"],
            "sha256": Digest.parse(stored["sha256"]),
            **changed,
        }
    )
    await village.append(author, room, Message(text=MessageText("look"), file=ref))
