"""A row of the server's database that cannot be read: people lose that row and are told."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.processes import Person, Server, json_lines

SENTENCE = "Can't be read: the server's storage is damaged"


def test_an_unreadable_row_costs_one_row(tmp_path: Path) -> None:
    """A client that read nothing before exports the whole room, with a sentence in the place of the row."""
    server = Server(tmp_path)
    server.command("init")
    server.start()
    ada, ben = Person(tmp_path / "ada", server), Person(tmp_path / "ben", server)
    for person, name in ((ada, "ada"), (ben, "ben")):
        person.join(name)
    ada.run("send", "lobby", "--stdin", stdin="first\nsecond\nthird\n")
    server.kill(signal.SIGTERM)
    with closing(sqlite3.connect(server.data / "parlour.db")) as db:
        db.execute("UPDATE entries SET body = x'00' WHERE instr(body, 'second')")
        db.commit()
    server.start()
    try:
        exported = json_lines(ben.run("export", "lobby", "--json").stdout)
        (bad,) = [line for line in exported if line["kind"] == "unreadable"]
        assert bad["note"] == SENTENCE
        texts = [line.get("text") for line in exported]
        assert texts[texts.index("first") + 2] == "third"
        assert SENTENCE in ben.run("export", "lobby").stdout
        ben.run("send", "lobby", "still here")
        assert '"event_unreadable"' in server.log.read_text()
        assert "Traceback" not in server.log.read_text()
    finally:
        server.kill(signal.SIGTERM)
