"""A member whom only the server's table knows, as the commands tell of one."""

import json
import signal
import sqlite3
from pathlib import Path

from tests.e2e.processes import DEADLINE, Person, Server, json_lines


def test_a_ghost_is_named_by_send_export_and_encryption(
    server: Server, ada: Person, ben: Person, tmp_path: Path
) -> None:
    """M21: one row and no event: it reads nothing, the commands go on, and say so on the error output."""
    lurker = Person(tmp_path / "lurker", server)
    lurker.join("lurker")
    lurker.run("device", "list")
    ada.run("room", "create", "hollow", "--encrypted")
    ada.run("room", "invite", "hollow", "ben")
    ben.run("room", "accept", "hollow")
    ada.run("send", "hollow", "welcome ben")
    (room,) = [
        line for line in json_lines(ada.run("room", "list", "--json").stdout) if line["room"] == "hollow"
    ]
    (path,) = [one for one in server.data.iterdir() if one.suffix in {".db", ".sqlite", ".sqlite3"}]
    with sqlite3.connect(path, timeout=DEADLINE) as database:
        database.execute(
            "INSERT INTO members (room, account, role, since, read, consent)"
            " VALUES (?, 'lurker', 'member', 0, 0, 'given')",
            (room["room_id"],),
        )
    words = "The server lists lurker as a member; no member admitted them. Nothing is sent to them."
    assert words in ada.run("send", "hollow", "among us").stderr
    assert words in ben.run("export", "hollow").stderr
    assert words in ada.run("encryption", "hollow").stdout
    report = json.loads(ben.run("encryption", "hollow", "--json").stdout)
    people = {one["user"]: one for one in report["people"]}
    assert (people["lurker"]["admitted_by"], people["lurker"]["claimed_by_server"]) == (None, True)
    assert (people["ben"]["admitted_by"], people["ben"]["claimed_by_server"]) == ("ada", True)
    assert {member["user"] for member in report["members"]} == {"ada", "ben"}
    assert all(member["admitted_by"] == "ada" for member in report["members"])
    assert "among us" not in lurker.run("export", "hollow", "--json").stdout
    assert "among us" in ben.run("export", "hollow", "--json").stdout


def test_a_send_says_that_someone_could_not_be_added(tmp_path: Path) -> None:
    """The server answers 429 to the key package that cora's device needs: the message goes, and it tells."""
    server = Server(tmp_path)
    server.command("init")
    rates = "[rates]\nclaims_per_hour = 1\nhttp_per_minute = 100000\nhttp_burst = 10000\n"
    (server.data / "parlour.toml").write_text(rates)
    server.start()
    try:
        ada, ben, cora = (Person(tmp_path / name, server) for name in ("ada", "ben", "cora"))
        for name, person in (("ada", ada), ("ben", ben), ("cora", cora)):
            person.join(name)
            person.run("device", "list")
        ada.run("room", "create", "den", "--encrypted")
        for name, person, words in (
            ("ben", ben, ""),
            ("cora", cora, "parlour: Not everyone in den can read this yet: "),
        ):
            ada.run("room", "invite", "den", name)
            person.run("room", "accept", "den")
            told = ada.run("send", "den", f"welcome {name}", check=False)
            assert told.returncode == (3 if words else 0)
            assert ("Not everyone in den" in told.stderr) == bool(words)
            assert words in told.stderr
        assert "too many" in told.stderr.lower()
        assert "welcome cora" in ben.run("export", "den", "--json").stdout
        assert "welcome cora" not in cora.run("export", "den", "--json").stdout
    finally:
        server.kill(signal.SIGTERM)
