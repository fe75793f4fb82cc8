"""What goes wrong with a data folder on the server's own machine."""

import socket
import sqlite3
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LOOPBACK, LabServer
from parlour_server.capabilities.prometheus.listener import refuse_open
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.errors import SetupError
from parlour_server.core.net.message_assembler import refuse_old_websockets

_BROKEN = {
    "5,000 digits": "[connections]\ntotal = " + "9" * 5000,
    "deep nesting": "[listen]\nnames = " + "[" * 5000,
    "a name with a newline": '[listen]\nnames = ["localhost", "evil\\nexample"]',
    "a wrong type": "[connections]\ntotal = 'many'",
    "no TOML": "[connections]\ntotal =",
}


@attack(
    "Starting a second server on the folder of one that runs",
    expects="It is refused with one sentence, before it changes anything in the folder.",
    stage=Stage.OWN_SERVER,
)
def second_server(server: LabServer, seen: Evidence) -> bool:
    with socket.create_server((LOOPBACK, 0)) as taken:  # so that it ends even if no lock stops it
        metrics = f'[listen]\nmetrics = "{LOOPBACK}:{taken.getsockname()[1]}"\n'
        (server.data / "parlour.toml").write_text(metrics)
        seen.sent("parlour-server run, a second time")
        status, said = server.run_to_end()
    seen.received(f"status {status}: {said}")
    return status == 1 and "already running" in said


@attack(
    "Configuration files that Python's own parser does not survive",
    expects="Each is refused with one sentence that names the file and the line.",
    stage=Stage.FOLDER,
)
def broken_configuration(server: LabServer, seen: Evidence) -> bool:
    file = server.data / "parlour.toml"
    explained = 0
    for how, text in _BROKEN.items():
        file.write_text(text)
        status, said = server.run_to_end()
        seen.sent(how)
        seen.received(f"status {status}: {said}")
        explained += said.startswith(f"parlour-server: {file}, line 2")
    return explained == len(_BROKEN)


@attack(
    "Restoring a backup, after which numbers of events are used again",
    expects="The restored logs have another name, by which clients notice.",
    stage=Stage.FOLDER,
)
def restored_numbers(server: LabServer, seen: Evidence) -> bool:
    again = _restored(server, seen)
    question = "SELECT name FROM incarnation"
    before, after = _ask(server.data, question), _ask(again, question)
    seen.observed(f"the incarnation of the logs was {before[0][0]}, and is {after[0][0]}")
    return before != after


@attack(
    "Asking a restored server for a key package that it gave away after the backup",
    expects="Single-use key packages of the backup count as given; the one of last resort stays.",
    stage=Stage.FOLDER,
)
def repeated_key_package(server: LabServer, seen: Evidence) -> bool:
    with closing(sqlite3.connect(server.data / "parlour.db")) as db, db:
        db.execute("INSERT INTO devices VALUES ('d', 'ada', x'01', 'box', 'active', 1, 1, NULL, NULL)")
        db.executemany(
            "INSERT INTO key_packages (number, device, digest, last_resort, given, package, expires)"
            " VALUES (?, 'd', ?, ?, 0, x'02', 9)",
            [(1, b"single use", 0), (2, b"last resort", 1)],
        )
    again = _restored(server, seen)
    left = _ask(again, "SELECT last_resort FROM key_packages WHERE given = 0")
    seen.observed(f"{len(left)} key packages can be given, of two in the backup")
    return left == [(1,)]


def _restored(server: LabServer, seen: Evidence) -> Path:
    """Back the folder up, and restore it elsewhere."""
    file, again = server.folder / "all.tar", server.folder / "again"
    for action, data in (("create", None), ("restore", again)):
        status, said = server.operate("backup", action, str(file), data=data)
        assert status == 0, said
        seen.sent(f"parlour-server backup {action}")
    return again


def _ask(data: Path, question: str) -> list[Any]:
    with closing(sqlite3.connect(data / "parlour.db")) as db:
        return db.execute(question).fetchall()


@attack(
    "A server that finds a version of websockets without a limit for fragments",
    expects="It does not start, and says which version to install.",
    stage=Stage.UNIT,
)
def old_dependency(folder: Path, seen: Evidence) -> bool:
    del folder
    refused = 0
    for version in ("16.1", "17.3", "17.3.1"):
        seen.sent(f"websockets {version}")
        try:
            refuse_old_websockets(version)
        except SetupError as error:
            refused += 1
            seen.received(error)
    return refused == 3


@attack(
    "Settings by which other machines could reach the metrics, or the server without being asked",
    expects="Metrics are refused on any address but loopback, and the server listens there by default.",
    stage=Stage.UNIT,
)
def open_metrics(folder: Path, seen: Evidence) -> bool:
    del folder
    refused = 0
    for host in ("0.0.0.0", "::", "192.0.2.1"):  # noqa: S104 - refused
        seen.sent(f"metrics on {host}")
        try:
            refuse_open(host)
        except SetupError as error:
            refused += 1
            seen.received(error)
    seen.observed(f"by default the server listens on {Listen().address}")
    return refused == 3 and Listen().address.startswith(LOOPBACK)


@attack(
    "Being installed beside the server, as a dependency of a dependency, with a capability in the metadata",
    expects="Nothing of it is imported: no configuration names it, or it has the name of another one.",
    stage=Stage.UNIT,
)
def stowaway(folder: Path, seen: Evidence) -> bool:
    from parlour_server.chat.cli.command_line import COMMAND_LINE  # noqa: PLC0415 - loads the commands

    ran, data = folder / "ran", folder / "data"
    data.mkdir()
    places = [
        _package(folder / "one", "stowaway", f"open({str(ran)!r}, 'w').close()"),
        _package(folder / "two", "wanted", "CAPABILITY = None"),
    ]
    sys.path[:0] = places
    try:
        for how, text in (
            ("not named", ""),
            ("with a name that is", '[capabilities]\npackages = ["wanted"]'),
        ):
            (data / "parlour.toml").write_text(text)
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
                COMMAND_LINE.run(["disk", "show", "--data", str(data)])
            seen.sent(f"a package, {how}, whose module writes a file when it is imported")
            seen.received(said.getvalue())
    finally:
        sys.path[:] = [place for place in sys.path if place not in places]
    seen.observed("its module ran" if ran.exists() else "its module did not run")
    return not ran.exists()


def _package(folder: Path, name: str, code: str) -> str:
    """Install a package that offers the capability `wanted`; return its place."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{name}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[parlour_server.capabilities]\nwanted = {name}:CAPABILITY\n")
    return str(folder)
