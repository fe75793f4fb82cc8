"""M30: what is done to the audit log of a real server, and what `audit verify` says of it."""

import signal

from tests.attacks.raw import RunningServer
from tests.e2e import commands


def verify(server: RunningServer) -> commands.Done:
    """Run `audit verify`."""
    return commands.run_here("parlour_server", "audit", "verify", "--data", str(server.data))


def test_audit_log_that_is_changed(own: RunningServer) -> None:
    """M30: a killed server loses no record, an unfinished line is no forgery, and one changed byte is one."""
    own.session("mallory", invite=own.code())
    own.kill(signal.SIGKILL)
    [file] = (own.data / "audit").glob("*.jsonl")
    killed = file.read_bytes()
    assert b'"event":"login_ok"' in killed
    assert verify(own).returncode == 0
    file.write_bytes(killed + b'{"audit":true,"us')
    own.start()
    own.kill(signal.SIGTERM)
    done = verify(own)
    assert done.returncode == 0, done.stdout
    assert "a crash left an unfinished line" in done.stdout
    whole = file.read_bytes()
    line = whole.count(b"\n", 0, whole.index(b"mallory")) + 1
    file.write_bytes(whole.replace(b"mallory", b"nallory", 1))
    done = verify(own)
    assert done.returncode == 1
    assert f"WRONG  {file.name}:{line}: record {line}: was changed" in done.stdout
    file.write_bytes(whole[: whole.rindex(b'"event":"server_stopped"')])
    done = verify(own)
    assert done.returncode == 1
    assert "the database has a head after" in done.stdout
