"""What is done to the audit log in the data folder."""

from pathlib import Path

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LabServer


@attack(
    "One letter of a name in the audit log is changed",
    expects="`audit verify` fails, and names the file and the record.",
    stage=Stage.FOLDER,
)
def record_changed(server: LabServer, seen: Evidence) -> bool:
    server.start()
    server.log_in("mallory")
    server.stop()
    file = _with(server, b'"user":"mallory"')
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"user":"mallory"', b'"user":"nallory"', 1))
    seen.sent(f"in {file.name}: the login of mallory becomes one of nallory")
    status, said = server.operate("audit", "verify")
    seen.received(f"status {status}: {said}")
    return status == 1 and f"WRONG  {file.name}:" in said


@attack(
    "The server is killed while it writes a record, and starts again",
    expects="`audit verify` says that a line is unfinished, and finds nothing wrong.",
    stage=Stage.FOLDER,
)
def killed_while_writing(server: LabServer, seen: Evidence) -> bool:
    server.start()
    server.log_in("mallory")
    server.kill()
    file = _with(server, b'"user":"mallory"')
    with file.open("ab") as log:
        log.write(b'{"user":"mal')
    seen.sent("the last line of the audit log is unfinished; the server starts again, and stops")
    server.start()
    server.stop()
    status, said = server.operate("audit", "verify")
    seen.received(f"status {status}: {said}")
    return status == 0 and "unfinished line" in said


def _with(server: LabServer, text: bytes) -> Path:
    """Return the file of the log with a text in it: the folder may have chains of earlier servers."""
    files = sorted((server.data / "audit").glob("*.jsonl"), key=lambda one: one.stat().st_mtime)
    return next(file for file in reversed(files) if text in file.read_bytes())
