"""Completion in the shell knows an account's rooms and people, quietly."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from tests.client.core.core_fake import LOBBY, FakeServer

from parlour_client.cli import root
from parlour_client.core.archive import Archive, known_rooms
from parlour_client.core.archive.key import open_key, rewrap
from parlour_client.core.archive.passphrase import Cost
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

HERE = Path(__file__).parents[3]
HOSTILE = ("$(touch x)", "`x`", "a b", "*", "-rf", "x\ny", "\x1b[2J", "x;y")
"""Names that no server may give; an archive has what a server sent."""


def direct(room: str, peer: str) -> RoomSummary:
    """Return a direct room."""
    return RoomSummary(
        room=RoomId(room * 22),
        kind=RoomKind.DIRECT,
        role=Role.MEMBER,
        head=Seq(1),
        read=Seq(1),
        members=2,
        peer=parse_user_name(peer),
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with the lobby, two gardens, a direct room, and people who wrote."""

    async def fill() -> None:
        archive = await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")
        lobby = FakeServer().summary(LOBBY)
        gardens = [
            RoomSummary(
                room=RoomId(letter * 22),
                kind=RoomKind.PRIVATE,
                role=Role.MEMBER,
                head=Seq(1),
                read=Seq(1),
                members=2,
                name=parse_room_name("garden"),
            )
            for letter in "gh"
        ]
        await archive.write(known_rooms.save, [lobby, *gardens, direct("b", "ben")])
        for number, author in enumerate(("cora", *HOSTILE)):
            await archive.write(
                lambda connection, *row: connection.execute(
                    "INSERT INTO events (room, seq, at, author, device, kind, is_row, mention, body)"
                    " VALUES (?, ?, 0, ?, '', 'message', 1, 0, '{}')",
                    row,
                ),
                LOBBY,
                number + 1,
                author,
            )
        await archive.close()

    tmp_path.chmod(0o700)
    asyncio.run(fill())
    return tmp_path


def offered(*words: str) -> list[str]:
    """Return what a shell is offered for the last word."""
    completing = BashComplete(root.cli, {}, "parlour", "_PARLOUR_COMPLETE")
    return [item.value for item in completing.get_completions([*words[:-1]], words[-1])]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (["send", "l"], ["lobby"]),
        (["send", "@"], ["@ben"]),
        (["tail", "ga"], ["garden~gggg", "garden~hhhh"]),
        (["export", ""], ["@ben", "garden~gggg", "garden~hhhh", "lobby"]),
        (["room", "leave", "Lo"], ["lobby"]),
        (["dm", ""], ["ben", "cora"]),
        (["dm", "@c"], ["@cora"]),
        (["verify", "b"], ["ben"]),
        (["room", "kick", "lobby", "c"], ["cora"]),
        (["room", "create", ""], []),
    ],
)
def test_rooms_and_people_are_offered_where_a_command_takes_one(
    home: Path, line: list[str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the archive, without a connection; what no one may be called is left out."""
    monkeypatch.setattr(socket.socket, "connect", None)
    assert offered("--home", str(home), *line) == names


def test_tab_asks_nothing_and_makes_nothing(home: Path, tmp_path: Path) -> None:
    """An archive with a passphrase stays shut, a damaged one is passed over, a missing one is not made."""
    key = home / "archive.key"
    rewrap(key, open_key(key, None), Secret("open sesame"), Cost(operations=1, memory=64 << 10))
    assert offered("--home", str(home), "send", "l") == []
    key.write_text("{}")
    assert offered("--home", str(home), "send", "l") == []
    assert offered("--home", str(tmp_path / "none"), "send", "l") == []
    assert not (tmp_path / "none").exists()
    assert offered("--account", "No Name", "send", "l") == []
    assert offered("--home", "~no one/here", "send", "l") == []


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("send @ b", "@ben"),
        ("send @", "@ben"),
        ("room kick lobby c", "cora"),
        ("send @ ben --fi", "--file"),
    ],
)
def test_bash_completes_a_word_that_it_breaks_at_the_sign(home: Path, line: str, names: str) -> None:
    """In bash `@` is a word of its own."""
    script = HERE / "share/bash-completion/completions/parlour"
    words = f"parlour --home {home} {line}"
    asked = f"COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}; _parlour_completion parlour"
    done = subprocess.run(  # noqa: S603 - our own
        ["bash", "-c", f'source "{script}"; {asked}; echo "${{COMPREPLY[@]}}"'],  # noqa: S607 - the shell of the developer
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == names, done.stderr


@pytest.mark.skipif(shutil.which("fish") is None, reason="NOT TESTED: completion in fish, which is missing")
def test_fish_completes_a_person(home: Path) -> None:
    """As it stands."""
    script = HERE / "share/fish/vendor_completions.d/parlour.fish"
    done = subprocess.run(  # noqa: S603 - our own
        ["fish", "-c", f"source {script}; complete -C 'parlour --home {home} send @b'"],  # noqa: S607 - the shell of the developer
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["@ben"]
