"""What `tail` and `export` print for scripts: every kind of event is JSON, without bytes."""

import json

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import BEGIN, BOB, LAPTOP, LOBBY

from parlour_client.cli.tail import print_event
from parlour_client.core.model import SYSTEM_ACCOUNT, Room
from parlour_protocol.frames import AnyBody, LogEvent, MessageText
from parlour_protocol.frames.bodies import (
    Created,
    EncryptedMessage,
    FileRef,
    GroupCreated,
    Handshake,
    Message,
)
from parlour_protocol.frames.fields import FileName
from parlour_protocol.frames.opaque import Ciphertext, Digest, HandshakeBytes
from parlour_protocol.ids import Epoch, FileId, GroupId
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.rooms import Role, RoomKind

GROUP, DEVICE = GroupId("g" * 43), DeviceId("d" * 43)
FILE = FileRef(
    file=FileId("f" * 22), name=FileName.parse("plan.pdf"), media_type="application/pdf",
    size=9, sha256=Digest(bytes(32)),
)  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        GroupCreated(group=GROUP, device=DEVICE),
        Handshake(group=GROUP, epoch=Epoch(1), data=HandshakeBytes(b"\xff\xfe"), added=(DEVICE,)),
        EncryptedMessage(group=GROUP, epoch=Epoch(1), data=Ciphertext(b"\xff\xfe")),
        Message(text=MessageText.parse("see this"), file=FILE),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_encrypted_rooms_and_files_add_is_json(
    body: AnyBody, capsys: pytest.CaptureFixture[str]
) -> None:
    """A creation, a commit, an encrypted message, a message with a file: bytes and structs are no JSON."""
    room = Room(LOBBY, RoomKind.PRIVATE, Role.MEMBER, Seq(1), Seq(0), 0, 0, 2, encrypted=True)
    event = LogEvent(room=LOBBY, seq=Seq(1), at=Millis(BEGIN), author=BOB, device=LAPTOP, body=body)
    print_event(room, event, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["kind"] == type(body).__struct_config__.tag
    assert "data" not in printed
    assert printed["device"] == LAPTOP  # a name, whatever the body has
    if isinstance(body, GroupCreated):
        assert printed["device_id"] == DEVICE
    if isinstance(body, Message):
        assert printed["file"]["name"] == "plan.pdf"
        assert printed["file"]["file"] == FILE.file


def test_a_message_with_a_file_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """People see it in `tail` and `export` as scripts do."""
    room = Room(LOBBY, RoomKind.PRIVATE, Role.MEMBER, Seq(1), Seq(0), 0, 0, 2, encrypted=True)
    body = Message(text=MessageText.parse("see this"), file=FILE)
    print_event(
        room,
        LogEvent(room=LOBBY, seq=Seq(1), at=Millis(BEGIN), author=BOB, device=LAPTOP, body=body),
        as_json=False,
    )
    assert capsys.readouterr().out.endswith(
        "bobby: see this\n      = file application/pdf, 9 bytes: plan.pdf\n"
    )


def test_the_system_account_is_called_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Its name on disk is no name that people know, in scripts as on the screen."""
    room = Room(LOBBY, RoomKind.PUBLIC, Role.MEMBER, Seq(1), Seq(0), 0, 0, 2)
    created = Created(room_kind=RoomKind.PUBLIC, name=None)
    event = LogEvent(LOBBY, Seq(1), Millis(BEGIN), SYSTEM_ACCOUNT, LAPTOP, created)
    print_event(room, event, as_json=True)
    assert json.loads(capsys.readouterr().out)["author"] == "server"
    print_event(room, replace(event, body=Message(text=MessageText.parse("hello"))), as_json=False)
    assert capsys.readouterr().out.endswith(" #1 server: hello\n")
    print_event(room, event, "a note of this client", as_json=False)
    assert capsys.readouterr().out.endswith(" #1 (note) server: a note of this client\n")
