"""A server restored from a backup, seen by people who went on talking after it: by the commands alone.

Both people's new messages are in both exports, what the server lost stays on the devices that had it, and the
words say why. Encrypted rooms are recreated, without anyone who was removed after the backup.
"""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.processes import DEADLINE, Person, Server, json_lines, password

WORDS = "The server's history is older than this device's: it was restored from a backup or rolled back."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Return a server of this test's own."""
    made = Server(tmp_path)
    made.command("init")
    (made.data / "parlour.toml").write_text("[rates]\nhttp_per_minute = 100000\nhttp_burst = 10000\n")
    made.start()
    yield made
    made.kill(signal.SIGTERM)


def joined(server: Server, folder: Path, name: str) -> Person:
    """Return a person with an account."""
    person = Person(folder / f"home of {name}", server)
    person.join(name)
    return person


def let_in(owner: Person, person: Person, name: str, room: str) -> None:
    """Invite someone, who accepts; the next thing that is said there adds their device."""
    owner.run("room", "invite", room, name)
    person.run("room", "accept", room)


def restored(server: Server, backup: Path, folder: Path) -> None:
    """Stop the server and go on from a backup in another folder."""
    server.kill(signal.SIGTERM)
    server.data = folder
    server.command("backup", "restore", str(backup))
    server.start()


def said(person: Person, room: str) -> list[str]:
    """Return the texts of a room's export, in order."""
    lines = json_lines(person.run("export", room, "--json").stdout)
    assert [line["seq"] for line in lines] == sorted({int(str(line["seq"])) for line in lines})
    return [str(line["text"]) for line in lines if line["kind"] == "message"]


def notes(person: Person, room: str) -> str:
    """Return what the client itself says in a room's export."""
    lines = json_lines(person.run("export", room, "--json").stdout)
    return "\n".join(str(line["note"]) for line in lines if "note" in line)


def logged_in(server: Server, home: Path, name: str) -> Person:
    """Return another device of a person, which waits for its approval."""
    device = Person(home, server)
    arguments = ["login", f"localhost:{server.port}", "--username", name, "--password-stdin"]
    device.run(*arguments, "--ca", str(server.data / "ca.pem"), stdin=f"{password(name)}\n")
    return device


def approve(owner: Person, device: Person) -> None:
    """Approve a device, which comes for its keys and is let into the rooms."""
    (code,) = [
        str(d["code"]) for d in json_lines(device.run("device", "list", "--json").stdout) if "code" in d
    ]
    approving = owner.begin("device", "approve", code)
    tailing = device.begin("tail", "secret", "--events")
    assert approving.communicate(timeout=DEADLINE)[1].startswith("Approved")
    tailing.send_signal(signal.SIGINT)
    tailing.communicate(timeout=DEADLINE)
    end, own = time.monotonic() + DEADLINE, device_of(device)
    while own not in devices_in(owner, "secret"):  # it was approved, whenever its key packages came
        assert time.monotonic() < end
        device.run("device", "list")


def devices_in(person: Person, room: str) -> set[str]:
    """Return the devices in a room's group; anyone who asks adds those that are missing."""
    found = json.loads(person.run("encryption", room, "--json").stdout)
    return {str(member["device"]) for member in found["members"]}


def device_of(person: Person) -> str:
    """Return the id of the device that someone uses."""
    listed = json_lines(person.run("device", "list", "--json").stdout)
    return next(str(one["device"]) for one in listed if one["current"])


@pytest.mark.long
def test_open_rooms_after_a_restore(server: Server, tmp_path: Path) -> None:
    """R31: new messages of both are in both exports, and the words say what happened."""
    ada, ben = joined(server, tmp_path, "ada"), joined(server, tmp_path, "ben")
    ada.run("room", "create", "garden")
    ben.run("room", "join", "garden")
    ada.run("room", "create", "cellar", "--private")
    let_in(ada, ben, "ben", "cellar")
    for room in ("garden", "cellar"):
        ada.run("send", room, "before")
    backup = tmp_path / "backup.tar"
    server.command("backup", "create", str(backup))
    for room in ("garden", "cellar"):
        ada.run("send", room, "lost of ada")
        ben.run("send", room, "lost of ben")
        for person in (ada, ben):
            assert said(person, room) == ["before", "lost of ada", "lost of ben"]
    for person in (ada, ben):  # acknowledged to a program that reads nothing
        person.run("send", "lobby", "lost in the lobby")
    restored(server, backup, tmp_path / "again")
    for room in ("garden", "cellar"):
        ada.run("send", room, "new of ada")
        ben.run("send", room, "new of ben")
        for person in (ada, ben):
            assert said(person, room) == ["before", "lost of ada", "lost of ben", "new of ada", "new of ben"]
            assert f"{WORDS} 2 messages above exist only on this device." in notes(person, room)
            assert WORDS in person.run("export", room).stdout
            tail = person.run("tail", room, "--json", "--from", "1", "--count", "5")
            assert [line["text"] for line in json_lines(tail.stdout)] == said(person, room)
            assert WORDS in tail.stderr
    for person, name in ((ada, "ada"), (ben, "ben")):
        person.run("send", "lobby", f"new of {name}")
    for person in (ada, ben):
        assert said(person, "lobby") == ["lost in the lobby", "new of ada", "new of ben"]
        assert f"{WORDS} 1 message above exists only on this device." in notes(person, "lobby")
    cat = joined(server, tmp_path, "cat")
    cat.run("room", "join", "garden")
    assert said(cat, "garden") == ["before", "new of ada", "new of ben"]
    assert WORDS not in notes(cat, "garden")


@pytest.mark.long
def test_encrypted_rooms_after_a_restore(server: Server, tmp_path: Path) -> None:
    """R36: recreated by a plain member; who was kicked after the backup reads nothing new."""
    people = {name: joined(server, tmp_path, name) for name in ("ada", "ben", "eve")}
    ada, ben, eve = people.values()
    ada.run("room", "create", "secret", "--encrypted")
    for name in ("ben", "eve"):
        let_in(ada, people[name], name, "secret")
    ada.run("send", "secret", "before")
    ada.run("dm", "ben", "before, for you")
    for person in (ben, eve):
        person.run("export", "secret")
        person.run("send", "secret", "I am here")
    ben.run("send", "@ada", "yes")
    backup = tmp_path / "all.tar"
    server.command("backup", "create", str(backup))
    ada.run("room", "kick", "secret", "eve")
    lost = {"secret": ("lost of ada", "lost of ben"), "@": ("lost, for you", "lost, for me")}
    for room, (of_ada, of_ben) in lost.items():
        ada.run("send", "secret" if room == "secret" else "@ben", of_ada)
        ben.run("send", "secret" if room == "secret" else "@ada", of_ben)
    for person in (ada, ben):
        assert said(person, "secret")[-2:] == ["lost of ada", "lost of ben"]
    assert said(ada, "@ben")[-1] == said(ben, "@ada")[-1] == "lost, for me"
    restored(server, backup, tmp_path / "again")
    order = ("ben", "ada")
    for name in order:
        people[name].run("send", "secret", f"new of {name}")
        people[name].run("send", "@ben" if name == "ada" else "@ada", f"new, by {name}")
    new = [f"new of {name}" for name in order]
    for person in (ada, ben):
        assert said(person, "secret")[-4:] == ["lost of ada", "lost of ben", *new]
        assert f"{WORDS} 2 messages above exist only on this device." in notes(person, "secret")
    for person, room in ((ada, "@ben"), (ben, "@ada")):
        assert said(person, room)[-2:] == [f"new, by {name}" for name in order]
        assert WORDS in notes(person, room)
    heard = eve.run("export", "secret", check=False)
    assert not [text for text in new if text in heard.stdout]
    eve.run("send", "secret", "let me in", check=False)
    members = json.loads(ada.run("encryption", "secret", "--json").stdout)["members"]
    assert {member["user"] for member in members} == {"ada", "ben"}
    ours, theirs = (json.loads(p.run("encryption", "secret", "--json").stdout) for p in (ada, ben))
    assert ours["authenticator"] == theirs["authenticator"] != ""
    assert "let me in" not in said(ada, "secret")
    for person in (ada, ben):  # the server lists her again, which is told, and nothing else is
        alarms = [line for line in person.run("encryption", "secret").stderr.splitlines() if "ALARM" in line]
        assert all("The server lists eve as a member" in line for line in alarms)


@pytest.mark.long
def test_keys_that_were_new_after_the_backup(server: Server, tmp_path: Path) -> None:
    """R37: people, devices and revocations of after the backup: published again, told once, and no alarm."""
    ada, ben = joined(server, tmp_path, "ada"), joined(server, tmp_path, "ben")
    ada.run("room", "create", "secret", "--encrypted")
    let_in(ada, ben, "ben", "secret")
    ada.run("send", "secret", "before")
    ben.run("export", "secret")
    phone, tablet = (logged_in(server, tmp_path / name, "ada") for name in ("phone", "tablet"))
    approve(ada, phone)
    backup = tmp_path / "all.tar"
    server.command("backup", "create", str(backup))
    approve(ada, tablet)
    revoked = device_of(phone)
    ada.run("device", "revoke", revoked, "--yes")
    eve = joined(server, tmp_path, "eve")  # an account that the restored server does not have
    eve.run("dm", "ben", "hello")
    ben.run("send", "secret", "lost")
    for person in (ada, ben, tablet):
        assert said(person, "secret")[-1] == "lost"
    restored(server, backup, tmp_path / "again")
    gus = joined(server, tmp_path, "gus")  # the key log grows, to what others have not seen
    gus.run("dm", "ben", "hello")
    ben.run("send", "secret", "new of ben")
    kept = ada.run("send", "secret", "new of ada", check=False)
    assert (kept.returncode, "it has no key package" in kept.stderr) == (
        3,
        True,
    )  # the tablet, until it comes
    tablet.run("export", "secret")
    ada.run("send", "secret", "new of ada again")
    tablet.run("send", "secret", "new of the tablet")
    for person in (ada, ben, tablet):
        new = said(person, "secret")
        assert new[-1] == "new of the tablet"
        # ada's own devices bring the tablet's certificate back; what ben says before that is not for it
        assert new[-2] == "new of ada again"
        assert "new of ben" in new or person is tablet
        alarms = person.run("encryption", "secret").stderr
        assert "its key log lacks" in alarms
        assert "different keys" not in alarms
        assert "denies now" not in alarms
    devices = {str(one["device"]): one for one in json_lines(ada.run("device", "list", "--json").stdout)}
    assert (devices[device_of(tablet)]["status"], devices[revoked]["status"]) == ("active", "revoked")
    assert said(gus, "@ben") == ["hello"]
