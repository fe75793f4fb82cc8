"""Encrypted rooms by the command line alone: each step is a process of its own that ends."""

import asyncio
import json
import select
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import cast

import apsw
import pytest
from tests.e2e.processes import DEADLINE, Person, Server, json_lines, password

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import open_archive
from parlour_client.core.e2ee.identity import own_device
from parlour_client.core.e2ee.identity.keys import words_of

PLAIN = "Not encrypted: the server can read this"


@pytest.fixture(scope="module")
def secret(ada: Person, ben: Person) -> str:
    """Return an encrypted room of ada's; ben, who has only joined the server, is in it."""
    assert not ben.run("room", "list", "--json").stdout.count("secret")
    ada.run("room", "create", "secret", "--encrypted")
    let_in(ada, ben, "ben", "secret")
    return "secret"


@pytest.mark.long
def test_a_message_to_someone_who_never_opened_a_chat(ada: Person, ben: Person, secret: str) -> None:
    """Made, invited, sent, read and answered, by processes that end; both see the same digits."""
    sent = number_of(ada.run("send", secret, "hi", "--json"))
    heard = tail(ben, secret, sent, 1)
    assert [(line["kind"], line["text"], line["author"], line["seq"]) for line in heard] == [
        ("message", "hi", "ada", sent)
    ]
    back = number_of(ben.run("send", secret, "hello yourself", "--json"))
    assert [(line["text"], line["author"]) for line in tail(ada, secret, back, 1)] == [
        ("hello yourself", "ben")
    ]
    assert [line["text"] for line in tail(ben, secret, sent, 2)] == ["hi", "hello yourself"]
    for person in (ada, ben):
        found = json_lines(person.run("search", "yourself", "--json").stdout)
        assert [line["text"] for line in found] == ["hello yourself"]
    ours, theirs = agreed(secret, ada, ben)
    assert ours["authenticator"] != ""
    assert ours["group"] == theirs["group"]
    assert int(str(ours["epoch"])) > 0
    members = ours["members"]
    assert isinstance(members, list)
    assert [(member["user"], member["state"]) for member in members] == [
        ("ada", "verified"),
        ("ben", "first-seen"),
    ]
    assert len({member["device"] for member in members}) == 2


def test_a_post_quantum_room(ada: Person, ben: Person, secret: str) -> None:
    """Made, invited, sent and read like any other; both see what its keys are."""
    ada.run("room", "create", "vault", "--encrypted", "--post-quantum")
    let_in(ada, ben, "ben", "vault")
    sent = number_of(ada.run("send", "vault", "hi", "--json"))
    assert [line["text"] for line in tail(ben, "vault", sent, 1)] == ["hi"]
    for person in (ada, ben):
        found = encryption(person, "vault")
        assert found["suite"] == "MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA256_Ed25519"
        assert found["post_quantum"] is True
        assert str(found["label"]).startswith("Encrypted (post-quantum)")
    assert "X-Wing" in ada.run("encryption", "vault").stdout
    assert encryption(ada, secret)["post_quantum"] is False
    assert ada.run("room", "create", "open", "--post-quantum", check=False).returncode == 2


def test_a_direct_room_is_encrypted_unless_it_is_opened_openly(
    server: Server, ada: Person, ben: Person, tmp_path: Path
) -> None:
    """`dm` encrypts; `dm --open` does not, and says so wherever it is asked."""
    ada.run("dm", "ben", "for you alone")
    assert encryption(ada, "@ben")["state"] == "active"
    assert [line["text"] for line in tail(ben, "@ada", 1, 1)] == ["for you alone"]
    cat = joined(server, tmp_path, "cat")
    ada.run("dm", "cat", "--open", "for all to read")
    for person, room in ((ada, "@cat"), (cat, "@ada"), (ada, "lobby")):
        report = encryption(person, room)
        assert (report["state"], report["label"], report["members"]) == ("open", PLAIN, [])
        assert PLAIN in person.run("encryption", room).stdout
    for person, user in ((ada, "cat"), (cat, "ada")):  # neither of them is brought to say something readable
        refused = person.run("dm", user, "for you alone", check=False)
        assert refused.returncode == 1
        assert "without encryption" in refused.stderr
    cat.run("dm", "ada", "--open", "I know")
    assert [line["text"] for line in tail(ada, "@cat", 1, 2)] == ["for all to read", "I know"]


@pytest.mark.long
def test_a_message_that_no_one_could_read_is_not_sent_and_says_so(server: Server, ada: Person) -> None:
    """An account that never logged in: the command fails, and promises nothing for later."""
    server.command("user", "create", "gus")
    refused = ada.run("dm", "gus", "are you there?", check=False)
    assert refused.returncode == 1
    assert "gus has no device" in refused.stderr
    assert "It was not sent." in refused.stderr
    assert "It is sent" not in refused.stderr


def test_two_copies_of_one_home_are_reported(
    server: Server, ada: Person, secret: str, tmp_path: Path
) -> None:
    """The one that renews its keys goes on; the other one says so and sends nothing; no one is disturbed."""
    hal = joined(server, tmp_path, "hal")
    let_in(ada, hal, "hal", secret)
    hal.run("send", secret, "one")
    copy = Person(Path(shutil.copytree(hal.home, tmp_path / "copy")), server)
    first = number_of(hal.run("send", secret, "of the first", "--json"))
    copy.run("send", secret, "of the second")
    refused = hal.run("send", secret, "of the first again", check=False)
    assert refused.returncode == 1
    assert "Another copy of this home folder is in use" in refused.stderr
    assert "log in here as a new device" in refused.stderr
    here = "This device has sent messages here that this copy of its home does not know"
    displaced = "Another copy of this home folder is in use: it has renewed this device's keys"
    for person, words in ((copy, here), (hal, displaced)):
        exported = json_lines(person.run("export", secret, "--json").stdout)
        assert any(words in str(line.get("note")) for line in exported)
        assert words in person.run("export", secret).stdout
    stands = encryption(hal, secret)
    assert (stands["state"], displaced in str(stands["problem"])) == ("blocked", True)
    hal.run("send", "lobby", "other rooms go on")
    copy.run("send", secret, "of the second again")
    ada.run("send", secret, "and I am not disturbed")
    heard = ada.run("tail", secret, "--json", "--from", str(first), "--count", "4")
    said = ["of the first", "of the second", "of the second again", "and I am not disturbed"]
    assert [line["text"] for line in json_lines(heard.stdout)] == said
    assert "#" not in heard.stderr
    assert [line["text"] for line in tail(copy, secret, first + 1, 3)] == said[1:]
    assert {person["state"] for person in agreed(secret, ada, copy)} == {"active"}


def test_a_send_beside_a_tail_of_the_same_home(ada: Person, ben: Person, secret: str) -> None:
    """Two processes on one archive take turns: the tail hears its own home's messages and the others'."""
    first = number_of(ben.run("send", secret, "before", "--json"))
    tailing = ada.begin("tail", secret, "--json", "--from", str(first), "--count", "6")
    assert select.select([tailing.stdout], [], [], DEADLINE)[0]  # it has caught up: the first line is here
    for number in range(2):
        ada.run("send", secret, f"mine {number}")
        ben.run("send", secret, f"theirs {number}")
    ada.run("send", secret, "the last")
    out, errors = tailing.communicate(timeout=DEADLINE)
    assert tailing.returncode == 0, errors
    said = ["before", "mine 0", "theirs 0", "mine 1", "theirs 1", "the last"]
    assert [line["text"] for line in json_lines(out)] == said
    assert [line["text"] for line in tail(ben, secret, first, 6)] == said
    agreed(secret, ada, ben)


def test_a_second_device_waits_until_it_is_approved(
    server: Server, ada: Person, ben: Person, secret: str, tmp_path: Path
) -> None:
    """It says in a sentence what to do, and sends nothing; approved, it reads what is said from then on."""
    phone = Person(tmp_path / "phone", server)
    arguments = ["login", f"localhost:{server.port}", "--username", "ada", "--password-stdin"]
    phone.run(*arguments, "--ca", str(server.data / "ca.pem"), stdin=f"{password('ada')}\n")
    refused = phone.run("send", secret, "too early", check=False)
    assert refused.returncode == 1
    assert "not approved yet" in refused.stderr
    devices = json_lines(phone.run("device", "list", "--json").stdout)
    (code,) = [str(device["code"]) for device in devices if "code" in device]
    outside = encryption(phone, secret)
    assert (outside["members"], outside["without_device"]) == ([], [])  # it cannot know who reads here
    assert f"parlour device approve {code}" in refused.stderr
    approving = ada.begin("device", "approve", code)  # waits for the device's key packages, to let it in
    waiting = phone.begin("tail", secret, "--json", "--from", "1", "--count", "1")
    assert approving.communicate(timeout=DEADLINE)[1].startswith("Approved"), approving.returncode
    # It is approved whether or not its key packages came at once: this program adds it when they are there.
    agreed(secret, ada, phone)
    number = number_of(ben.run("send", secret, "to both of you", "--json"))
    assert [line["text"] for line in json_lines(waiting.communicate(timeout=DEADLINE)[0])] == [
        "to both of you"
    ]
    assert [line["text"] for line in tail(phone, secret, number, 1)] == ["to both of you"]
    phone.run("send", secret, "from the phone")
    assert [line["text"] for line in tail(ada, secret, number, 2)] == ["to both of you", "from the phone"]
    assert [line["text"] for line in tail(phone, secret, 1, 2)] == ["to both of you", "from the phone"]
    agreed(secret, ada, ben, phone)


@pytest.mark.long
def test_a_fresh_device_shows_what_was_handed_over(
    server: Server, ada: Person, ben: Person, tmp_path: Path
) -> None:
    """`export`, `search` and `pins` have it in the first program that runs; and `send` is in the room."""
    room = "handed"
    ada.run("room", "create", room, "--encrypted")
    let_in(ada, ben, "ben", room)
    first = number_of(ben.run("send", room, "a wagtail, long ago", "--json"))
    ben.run("send", room, "and what was said next")
    ada.run("room", "pin", room, str(first))
    phone = Person(tmp_path / "tablet", server)
    arguments = ["login", f"localhost:{server.port}", "--username", "ada", "--password-stdin"]
    phone.run(*arguments, "--ca", str(server.data / "ca.pem"), stdin=f"{password('ada')}\n")
    (code,) = [d["code"] for d in json_lines(phone.run("device", "list", "--json").stdout) if "code" in d]
    ada.run("device", "approve", str(code))
    (own,) = [d["device"] for d in json_lines(phone.run("device", "list", "--json").stdout) if d["current"]]
    ada.run("device", "history", str(own))
    said = ["welcome ben", "a wagtail, long ago", "and what was said next"]
    exported = phone.run("export", room, "--json").stdout
    assert [line["text"] for line in json_lines(exported) if line["kind"] == "message"] == said
    assert "can't be read" not in exported + phone.run("export", room).stdout
    (found,) = json_lines(phone.run("search", "wagtail", "--json").stdout)
    (pinned,) = json_lines(phone.run("room", "pins", room, "--json").stdout)
    assert found["seq"] == pinned["seq"] == first
    phone.run("send", room, "from the tablet")
    assert [line["text"] for line in tail(phone, room, 1, 4)] == [*said, "from the tablet"]
    assert [line["text"] for line in tail(ben, room, 1, 4)] == [*said, "from the tablet"]


@pytest.mark.long
def test_the_recovery_words_bring_a_new_device_into_its_rooms(server: Server, tmp_path: Path) -> None:
    """All devices are lost: it creates what is its own again, and waits for members in the others."""
    kim, lea = joined(server, tmp_path, "kim"), joined(server, tmp_path, "lea")
    kim.run("room", "create", "kims", "--encrypted")
    kim.run("dm", "kim", "a note")
    kim.run("room", "create", "both", "--encrypted")
    let_in(kim, lea, "lea", "both")
    words = recovery_words(kim)
    shutil.rmtree(kim.home)
    phone = Person(tmp_path / "phone", server)
    arguments = ["login", f"localhost:{server.port}", "--username", "kim", "--password-stdin"]
    phone.run(*arguments, "--ca", str(server.data / "ca.pem"), stdin=f"{password('kim')}\n")
    phone.run("recovery", "use", stdin=f"{words}\n")
    for room in ("kims", "@kim"):
        phone.run("send", room, "I have you again")
        assert tail(phone, room, 1, 1)[0]["text"] == "I have you again"
    assert encryption(phone, "both")["state"] == "waiting"
    lea.run("send", "both", "are you back?")
    number = number_of(phone.run("send", "both", "I am", "--json"))
    assert [line["text"] for line in tail(lea, "both", number, 1)] == ["I am"]
    agreed("both", phone, lea)


@pytest.mark.long
def test_words_and_a_backup_bring_back_what_a_lost_device_read(server: Server, tmp_path: Path) -> None:
    """In a new home: every message in order, and a file that opens; the server has nothing of it."""
    wes, vic = joined(server, tmp_path, "wes"), joined(server, tmp_path, "vic")
    wes.run("room", "create", "attic", "--encrypted")
    let_in(wes, vic, "vic", "attic")
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"CANARY-B in a letter\n" * 3_000)
    said = [f"CANARY-B number {number}" for number in range(4)]
    for number, text in enumerate(said):
        (wes, vic)[number % 2].run("send", "attic", text)
    (sent,) = json_lines(vic.run("send", "attic", "--file", str(letter), "read it", "--json").stdout)
    assert tail(wes, "attic", 1, 1) == tail(vic, "attic", 1, 1)
    path = tmp_path / "wes.backup"
    (written,) = json_lines(wes.run("backup", "export", str(path), "--json").stdout)
    assert int(str(written["events"])) >= len(said) + 1
    (verified,) = json_lines(wes.run("backup", "verify", str(path), "--json").stdout)
    assert (verified["same"], verified["elsewhere"]) == (written["events"], 0)
    words = recovery_words(wes)
    shutil.rmtree(wes.home)
    phone = Person(tmp_path / "phone-of-wes", server)
    arguments = ["login", f"localhost:{server.port}", "--username", "wes", "--password-stdin"]
    phone.run(*arguments, "--ca", str(server.data / "ca.pem"), stdin=f"{password('wes')}\n")
    refused = phone.run("backup", "restore", str(path), check=False)
    assert refused.returncode == 1
    assert "not approved" in refused.stderr
    phone.run("recovery", "use", stdin=f"{words}\n")
    (restored,) = json_lines(phone.run("backup", "restore", str(path), "--json").stdout)
    assert restored["missing"] == {}
    exported = json_lines(phone.run("export", "attic", "--json").stdout)
    assert [line["text"] for line in exported if line["kind"] == "message"] == [
        "welcome vic",
        *said,
        "read it",
    ]
    folder = tmp_path / "saved"
    folder.mkdir()
    phone.run("save", "attic", str(sent["seq"]), "--to", str(folder))
    assert (folder / letter.name).read_bytes() == letter.read_bytes()
    stored = [file.read_bytes() for file in server.data.rglob("*") if file.is_file()]
    assert not [data for data in (*stored, path.read_bytes()) if b"CANARY-B" in data]
    cut = tmp_path / "cut.backup"
    cut.write_bytes(path.read_bytes()[:-1])
    refused = phone.run("backup", "restore", str(cut), check=False)
    assert (refused.returncode, "The end of this backup is missing." in refused.stderr) == (1, True)


def renewed(person: Person, room: str) -> int | None:
    """Return when a device last renewed its keys in a room, without running a command."""
    query = """
        SELECT own_since FROM mls_groups JOIN rooms ON rooms.id = mls_groups.room
        WHERE json_extract(summary, '$.name') = ? AND state IS NOT NULL"""

    def own_since(connection: apsw.Connection) -> int | None:
        return next((cast("int | None", at) for (at,) in connection.execute(query, (room,))), None)

    async def read() -> int | None:
        archive = await open_archive(ChatHome(person.home))
        found = await archive.read(own_since)
        await archive.close()
        return found

    return asyncio.run(read())


def recovery_words(person: Person) -> str:
    """Return the words, which are printed to a terminal alone."""

    async def read() -> str:
        archive = await open_archive(ChatHome(person.home))
        found = await archive.read(own_device.load)
        await archive.close()
        assert found is not None
        assert found.account is not None
        return " ".join(words_of(found.account))

    return asyncio.run(read())


def test_who_exports_a_room_lets_in_who_waits_there(
    server: Server, ada: Person, ben: Person, tmp_path: Path
) -> None:
    """A device of a member that is online only for a command is online."""
    room = "briefly"
    ada.run("room", "create", room, "--encrypted")
    let_in(ada, ben, "ben", room)
    for command, name in (("export", "ida"), ("encryption", "jo")):
        newcomer = joined(server, tmp_path / command, name)
        newcomer.run("device", "list")  # connected once, it has a key by which it can be admitted
        if command == "export":
            ada.run("room", "invite", room, name)
            said = newcomer.run("room", "accept", room).stderr
        else:
            said = newcomer.run("room", "join", room).stderr
        assert "once a member's device has added this one" in said
        assert encryption(newcomer, room)["state"] == "waiting"
        ben.run(command, room)
        assert encryption(newcomer, room)["state"] == "active"


def test_verified_by_digits_and_changed_by_a_reset(server: Server, tmp_path: Path) -> None:
    """The same number on both sides; `--confirm` verifies; a new key of the other stops sending in words."""
    dan, eve = joined(server, tmp_path, "dan"), joined(server, tmp_path, "eve")
    dan.run("dm", "eve", "hello")
    tail(eve, "@dan", 1, 1)
    ours, theirs = verify(dan, "eve"), verify(eve, "dan")
    assert ours["safety_number"] == theirs["safety_number"]
    groups = str(ours["safety_number"]).split()
    assert [len(group) for group in groups] == [5] * 12
    assert (ours["state"], theirs["state"]) == ("first-seen", "first-seen")
    wrong = [*groups[-4:-1], f"{(int(groups[-1]) + 1) % 100_000:05}"]
    for typed, why in (("".join(wrong), "not the last digits"), (groups[-1], "at least the last 20 digits")):
        refused = dan.run("verify", "eve", "--confirm", typed, check=False)
        assert (refused.returncode, why in refused.stderr) == (1, True)
    assert verify(dan, "eve")["state"] == "first-seen"
    assert verify(dan, "eve", "--confirm", " ".join(groups[-4:]))["state"] == "verified"
    assert verify(dan, "eve")["state"] == "verified"
    assert verify(eve, "dan")["state"] == "first-seen"
    eve.run("recovery", "reset", "--yes", "--password-stdin", stdin=f"{password('eve')}\n")
    now = verify(dan, "eve")
    assert now["state"] == "changed"
    refused = dan.run("send", "@eve", "who are you?", check=False)
    assert refused.returncode == 1
    assert "eve" in refused.stderr
    assert "key" in refused.stderr
    assert verify(dan, "eve", "--accept")["state"] == "first-seen"
    number = number_of(dan.run("send", "@eve", "nice to meet you", "--json"))
    assert [line["text"] for line in tail(eve, "@dan", number, 1)] == ["nice to meet you"]
    assert verify(dan, "eve")["safety_number"] == verify(eve, "dan")["safety_number"] != ours["safety_number"]


def test_wrong_usage_in_sentences(server: Server, ada: Person, secret: str, tmp_path: Path) -> None:
    """Unknown rooms and people, and a room that one was removed of: one sentence, status 1."""
    fay = joined(server, tmp_path, "fay")
    for arguments in (
        ("encryption", "nowhere"),
        ("room", "invite", secret, "zoe"),
        ("dm", "zoe", "hello"),
        ("verify", "zoe", "--confirm", "12345"),
    ):
        done = ada.run(*arguments, check=False)
        assert done.returncode == 1, arguments
        assert done.stderr.startswith("parlour: "), done.stderr
    let_in(ada, fay, "fay", secret)
    fay.run("send", secret, "I am here")
    ada.run("room", "kick", secret, "fay")
    refused = fay.run("send", secret, "am I not?", check=False)
    assert refused.returncode == 1
    assert secret in refused.stderr
    ada.run("send", secret, "she is gone")
    members = encryption(ada, secret)["members"]
    assert isinstance(members, list)
    assert "fay" not in {member["user"] for member in members}


def test_a_device_that_only_sends_renews_its_keys(ada: Person, ben: Person) -> None:
    """`send` says one thing and ends; what is due after joining is done before."""
    room = "hourly"
    ada.run("room", "create", room, "--encrypted")
    let_in(ada, ben, "ben", room)
    assert renewed(ben, room) is None
    ben.run("send", room, "every hour")
    at = renewed(ben, room)  # as its archive says: another command would renew them as well
    assert at is not None
    assert encryption(ben, room)["last_change"] == at
    agreed(room, ada, ben)


def test_what_was_read_is_found_without_the_room_and_without_a_session(
    server: Server, ada: Person, secret: str, tmp_path: Path
) -> None:
    """Put out of the room, and logged out from elsewhere: the archive is this device's own."""
    quinn = joined(server, tmp_path, "quinn")
    let_in(ada, quinn, "quinn", secret)
    quinn.run("send", secret, "a heron on the roof")
    quinn.run("export", secret)
    ada.run("room", "kick", secret, "quinn")
    found = quinn.run("search", "heron")
    assert f" {secret} #" in found.stdout, found.stdout
    server.command("user", "disable", "quinn")
    late = quinn.run("search", "heron")
    assert (late.stdout, late.stderr.startswith("parlour: ")) == (found.stdout, True)


def joined(server: Server, folder: Path, name: str) -> Person:
    """Return a person who has made an account and done nothing else."""
    person = Person(folder / name, server)
    person.join(name)
    return person


def test_a_send_says_who_cannot_read_it(server: Server, ada: Person, tmp_path: Path) -> None:
    """It is on the server, and the status and the JSON say for whom it is not; then it is for everyone."""
    uma = Person(tmp_path / "uma", server)
    uma.join("uma")
    ada.run("room", "create", "cellar", "--encrypted")
    ada.run("room", "invite", "cellar", "uma")
    uma.run("room", "accept", "cellar")
    with closing(sqlite3.connect(server.data / "parlour.db", timeout=DEADLINE)) as database, database:
        query = "DELETE FROM key_packages WHERE device IN (SELECT device FROM devices WHERE account = ?)"
        database.execute(query, ("uma",))
    done = ada.run("send", "cellar", "is it dry?", "--json", check=False)
    assert done.returncode == 3
    (line,) = json_lines(done.stdout)
    assert (line["outcome"], line["without"]) == ("stored", ["uma"])
    assert "A device of uma can't read this in cellar: it has no key package" in done.stderr
    piped = ada.run("send", "cellar", "--stdin", "--json", stdin="and warm?\n", check=False)
    assert piped.returncode == 3
    uma.run("room", "list")  # it uploads key packages
    done = ada.run("send", "cellar", "now?", "--json")
    (line,) = json_lines(done.stdout)
    assert (line["outcome"], line["without"]) == ("stored", [])


def test_a_send_that_fails_says_why_in_json(ada: Person) -> None:
    """The outcome in a word, and the sentence; and the status that it had."""
    for arguments in (["attic of nobody", "hello"], ["attic of nobody", "--file", "/no/such/file"]):
        done = ada.run("send", *arguments, "--json", check=False)
        assert done.returncode == 1
        (line,) = json_lines(done.stdout)
        assert line["outcome"] == "refused"
        assert line["error"]


def let_in(owner: Person, person: Person, name: str, room: str) -> None:
    """Invite someone, who accepts; the next thing that is said there adds their device."""
    owner.run("room", "invite", room, name)
    person.run("room", "accept", room)
    owner.run("send", room, f"welcome {name}")


def number_of(done: "subprocess.CompletedProcess[str]") -> int:
    """Return the number of the message that was sent."""
    (line,) = json_lines(done.stdout)
    return int(str(line["seq"]))


def tail(person: Person, room: str, first: int, count: int) -> list[dict[str, object]]:
    """Return messages as a script sees them."""
    arguments = ["tail", room, "--json", "--from", str(first), "--count", str(count)]
    return json_lines(person.run(*arguments).stdout)


def encryption(person: Person, room: str) -> dict[str, object]:
    """Return what `encryption ROOM --json` says."""
    found: dict[str, object] = json.loads(person.run("encryption", room, "--json").stdout)
    return found


def agreed(room: str, *people: Person) -> list[dict[str, object]]:
    """Return the state of a room once all of these agree: a device renews its keys in between."""
    end = time.monotonic() + DEADLINE
    while True:
        found = [encryption(person, room) for person in people]
        if len({(one["epoch"], one["authenticator"]) for one in found}) == 1:
            return found
        assert time.monotonic() < end, f"they do not agree: {found}"


def verify(person: Person, user: str, *more: str) -> dict[str, object]:
    """Return what `verify USER --json` says."""
    found: dict[str, object] = json.loads(person.run("verify", user, *more, "--json").stdout)
    return found
