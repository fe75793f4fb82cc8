"""Files over a real server: by commands, in an open and in an encrypted room."""

import json
from pathlib import Path

import pytest
from tests.e2e.processes import Person, Server, json_lines


@pytest.mark.parametrize("room", ["lobby", "direct"])
def test_a_file_arrives_as_it_was(
    server: Server, ada: Person, ben: Person, tmp_path: Path, room: str
) -> None:
    """The same bytes; the second one of a name gets another; the server sees no byte of an encrypted one."""
    content = f"CANARY of {room}\n".encode() * 5_000
    path = tmp_path / f"{room} honey.txt"
    path.write_bytes(content)
    there, here = ("@ben", "@ada") if room == "direct" else (room, room)
    if room == "direct":
        ada.run("dm", "ben", "look at this")
    (sent,) = json_lines(ada.run("send", there, "--file", str(path), "the first", "--json").stdout)
    folder = tmp_path / "saved"
    folder.mkdir()
    for _ in range(2):
        saved = json.loads(ben.run("save", here, str(sent["seq"]), "--to", str(folder), "--json").stdout)
        assert Path(saved["path"]).parent == folder
    names = sorted(one.name for one in folder.iterdir())
    assert names == [f"{room} honey (1).txt", f"{room} honey.txt"]
    assert [(folder / name).read_bytes() for name in names] == [content, content]
    stored = b"".join(one.read_bytes() for one in server.data.rglob("*") if one.is_file())
    assert (f"CANARY of {room}".encode() in stored) is (room == "lobby")
    assert (f"{room} honey".encode() in stored) is (room == "lobby")
