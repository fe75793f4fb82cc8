"""What the operator does is recorded (M7): that it begins before it is done, and how it ended, once."""

import asyncio
import errno
import fcntl
import json
import os
import pwd
import resource
import signal
import socket
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pytest
from tests.server.fakes import ReadableAudit

from parlour_server.core.audit import AuditEvent
from parlour_server.core.errors import (
    OutcomeUnknownError,
    SetupError,
    SignalledError,
    UnrecordedOutcomeError,
)
from parlour_server.host.setup import operator_record, operator_record_reader
from parlour_server.host.setup.operator_record import (
    DONE,
    FAILED,
    INTERRUPTED,
    RUNNING,
    UNFINISHED,
    OperatorRecord,
)
from parlour_server.host.setup.operator_record_reader import OperatorRecordReader


class Thing:
    """Something that a weak reference can be to."""


@pytest.fixture
def log(tmp_path: Path) -> OperatorRecord:
    """Return a log in a folder that isn't there yet."""
    return OperatorRecord(tmp_path / "operator")


@pytest.fixture
def reader(tmp_path: Path) -> OperatorRecordReader:
    """Return what empties it."""
    return OperatorRecordReader(tmp_path / "operator")


def files(tmp_path: Path) -> list[Path]:
    """Return every file of the log."""
    return sorted((tmp_path / "operator").iterdir())


async def test_an_action_is_passed_on_once(
    reader: OperatorRecordReader, log: OperatorRecord, tmp_path: Path, audit: ReadableAudit
) -> None:
    """With who, what, whom, where and when; then its file is gone."""
    with log.action("user disable", user="anna"):
        pass
    with log.action("room create", room="x" * 5000) as result:
        result["id"] = "r1"
    assert {file.stat().st_mode & 0o777 for file in files(tmp_path)} == {0o600}
    assert (tmp_path / "operator").stat().st_mode & 0o777 == 0o700
    for _ in range(2):
        await reader.pass_on(audit)
    [(first, fields), (second, others)] = audit.events
    assert first is second is AuditEvent.OPERATOR_ACTION
    assert (fields["action"], fields["user"], fields["outcome"]) == ("user disable", "anna", DONE)
    assert (fields["by"], fields["host"]) == (pwd.getpwuid(os.getuid()).pw_name, socket.gethostname())
    assert fields["run"] != others["run"]
    assert (len(str(others["room"])), others["id"]) == (200, "r1")
    assert files(tmp_path) == []


def test_the_beginning_is_there_before_anything_is_done(log: OperatorRecord, tmp_path: Path) -> None:
    """Whole, with room for the end: on a full disk that can still be written."""
    with log.action("user disable", user="anna"):
        [file] = files(tmp_path)
        size = file.stat().st_size
        [running] = log.waiting()
        assert (running["action"], running["user"], running["outcome"]) == ("user disable", "anna", RUNNING)
    assert [one["outcome"] for one in log.waiting()] == [DONE]
    assert file.stat().st_size == size


def test_a_record_is_on_the_disk(
    log: OperatorRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning, with the folders that lead to it, before anything is done; its end before it is told."""
    fsync, synced = os.fsync, set[int]()

    def sync(file: int) -> None:
        fsync(file)
        synced.add(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    with log.action("user disable"):
        [file] = files(tmp_path)
        assert synced == {one.stat().st_ino for one in (file, file.parent, tmp_path)}
        synced.clear()
    assert synced == {file.stat().st_ino}


def test_what_fails_is_recorded_with_the_reason(log: OperatorRecord) -> None:
    """Who tried it, and why it failed: the first words of that, however long it is."""
    with pytest.raises(SetupError), log.action("user disable", user="anna"):
        raise SetupError("no such account" + "!" * 50_000)
    [failed] = log.waiting()
    assert (failed["outcome"], failed["why"]) == (FAILED, "no such account".ljust(200, "!"))


@pytest.mark.parametrize(("login", "known"), [(os.getuid(), None), (4_294_967_295, None), (54_321, "54321")])
def test_who_logged_in_is_recorded_where_it_is_someone_else(
    log: OperatorRecord, monkeypatch: pytest.MonkeyPatch, login: int, known: str | None
) -> None:
    """As behind `sudo`: the kernel knows."""
    monkeypatch.setattr(Path, "read_text", lambda _path, _encoding: str(login))
    with log.action("user disable"):
        pass
    assert [one.get("login") for one in log.waiting()] == [known]


async def test_another_thread_has_no_signals_to_take(log: OperatorRecord) -> None:
    """Python gives them to the main thread alone; a program may run a command in any."""

    def act() -> None:
        with log.action("user disable"):
            pass

    await asyncio.to_thread(act)
    assert [one["outcome"] for one in log.waiting()] == [DONE]


def test_an_outcome_that_nobody_knows_is_not_recorded_as_a_failure(log: OperatorRecord) -> None:
    """The database was lost in its commit: perhaps everything was stored."""
    with pytest.raises(OutcomeUnknownError), log.action("user disable"):
        raise OutcomeUnknownError("the database was lost")
    assert [one["outcome"] for one in log.waiting()] == [INTERRUPTED]


@pytest.mark.parametrize(("moment", "outcome"), [(1, INTERRUPTED), (2, DONE)])
def test_a_signal_waits_while_a_record_is_written(
    log: OperatorRecord, monkeypatch: pytest.MonkeyPatch, moment: int, outcome: str
) -> None:
    """Ctrl+C at the write of the beginning is recorded; at that of the end it comes too late."""
    pwrite, writes = os.pwrite, []

    def write(file: int, data: bytes, at: int) -> int:
        writes.append(at)
        if len(writes) == moment:
            signal.raise_signal(signal.SIGINT)
        return pwrite(file, data, at)

    monkeypatch.setattr(os, "pwrite", write)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored, in the background
    try:
        with pytest.raises(KeyboardInterrupt), log.action("user disable"):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert [one["outcome"] for one in log.waiting()] == [outcome]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_recorded(log: OperatorRecord, number: signal.Signals) -> None:
    """A lost connection in the middle; afterwards signals do what they did before."""
    before = signal.signal(number, signal.SIG_DFL)  # SIGHUP may be ignored, where the tests run with `nohup`
    try:
        with pytest.raises(SignalledError) as raised, log.action("user disable"):
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert raised.value.number == number
    assert [one["outcome"] for one in log.waiting()] == [INTERRUPTED]


@pytest.mark.parametrize(("problem", "outcome"), [(SetupError("locked"), INTERRUPTED), (None, DONE)])
def test_a_signal_in_a_callback_of_a_weak_reference(
    log: OperatorRecord, monkeypatch: pytest.MonkeyPatch, problem: Exception | None, outcome: str
) -> None:
    """Python drops what is raised there: what fails after it was interrupted, what is done is done."""
    dropped: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", dropped.append)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGHUP))
    raised: list[BaseException] = []
    try:
        with log.action("user disable"):
            del thing
            if problem is not None:
                raise problem
    except SignalledError as error:
        raised.append(error)
    finally:
        signal.signal(signal.SIGHUP, before)
    [one] = log.waiting()
    assert (one["outcome"], len(raised), reference()) == (outcome, int(problem is not None), None)
    assert len(dropped) == 1


def test_an_ignored_hangup_stays_ignored(log: OperatorRecord) -> None:
    """As `nohup` has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with log.action("user disable"):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert [one["outcome"] for one in log.waiting()] == [DONE]


def test_without_room_for_the_beginning_nothing_is_done(log: OperatorRecord, tmp_path: Path) -> None:
    """The block doesn't run, and nothing of the attempt stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        sentence = r"the audit log can't be written: .* too large; nothing was changed: make room"
        with pytest.raises(SetupError, match=sentence), log.action("user disable"):
            pytest.fail("it was done")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []


def test_an_end_that_cannot_be_written_is_said_loudly(log: OperatorRecord) -> None:
    """The operator learns how it ended; the log knows that it began."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        sentence = "user disable: done, but the audit log will say that it did not finish"
        with pytest.raises(UnrecordedOutcomeError, match=sentence), log.action("user disable"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [one["outcome"] for one in log.waiting()] == [UNFINISHED]


async def test_nothing_is_removed_that_the_audit_log_does_not_have(
    reader: OperatorRecordReader, log: OperatorRecord, tmp_path: Path, audit: ReadableAudit
) -> None:
    """While that can't be written, on a full disk, records wait."""
    with log.action("user disable"):
        pass
    audit.is_full = True
    await reader.pass_on(audit)
    assert (len(files(tmp_path)), audit.events) == (1, [])
    audit.is_full = False
    await reader.pass_on(audit)
    assert (len(files(tmp_path)), len(audit.events)) == (0, 1)


async def test_nothing_is_removed_that_the_audit_log_does_not_have_on_the_disk(
    reader: OperatorRecordReader,
    log: OperatorRecord,
    tmp_path: Path,
    audit: ReadableAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine may stop between the two."""
    there = list[int]()
    monkeypatch.setattr(audit, "sync", lambda: there.append(len(files(tmp_path))))
    with log.action("user disable"):
        pass
    await reader.pass_on(audit)
    assert (there, files(tmp_path)) == ([1], [])


async def test_a_stop_while_the_audit_log_is_synced_leaves_nothing_to_record_again(
    reader: OperatorRecordReader,
    log: OperatorRecord,
    tmp_path: Path,
    audit: ReadableAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow disk: the server stops between the record and the removal of its file."""
    syncing, synced = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def sync() -> None:
        loop.call_soon_threadsafe(syncing.set)
        assert synced.wait(30)

    monkeypatch.setattr(audit, "sync", sync)
    with log.action("user disable"):
        pass
    work = asyncio.create_task(reader.run(audit))
    await syncing.wait()
    work.cancel()
    loop.call_soon(synced.set)
    await asyncio.wait([work])
    assert (work.cancelled(), len(audit.events), files(tmp_path)) == (True, 1, [])


async def test_what_runs_for_long_is_there_twice(
    reader: OperatorRecordReader, log: OperatorRecord, audit: ReadableAudit
) -> None:
    """That it runs, once, after ten seconds; and its end."""
    with log.action("backup create"):
        for _ in range(19):
            await reader.pass_on(audit)
        assert audit.events == []
        for _ in range(30):
            await reader.pass_on(audit)
    await reader.pass_on(audit)
    assert [fields["outcome"] for _, fields in audit.events] == [RUNNING, DONE]
    assert len({fields["run"] for _, fields in audit.events}) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b"\xff\xff\n", b"[" * 100_000 + b"\n"])
async def test_a_damaged_file_is_no_fault(
    reader: OperatorRecordReader, log: OperatorRecord, tmp_path: Path, audit: ReadableAudit, content: bytes
) -> None:
    """It is in the audit log as unreadable, and what comes after it is passed on all the same."""
    with log.action("room create"):
        pass
    (tmp_path / "operator" / "0").write_bytes(content)
    (tmp_path / "operator" / "1").mkdir()
    await reader.pass_on(audit)
    assert [fields["action"] for _, fields in audit.events] == ["unreadable", "room create"]
    assert audit.events[0][1]["outcome"] == UNFINISHED


async def test_a_link_is_not_followed(
    reader: OperatorRecordReader, log: OperatorRecord, tmp_path: Path, audit: ReadableAudit
) -> None:
    """What another file of the server's says does not get into the audit log."""
    with log.action("room create"):
        pass
    [file] = files(tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    await reader.pass_on(audit)
    assert audit.events == []


async def test_a_cut_off_end_is_none(
    reader: OperatorRecordReader, tmp_path: Path, audit: ReadableAudit
) -> None:
    """The machine stopped in the middle of it; fields can't take the place of the record's own."""
    line = json.dumps({"action": "room create", "by": "anna", "event": "login_ok", "audit": False})
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator" / "1").write_text(f'{line}\n{{"outcome": "do')
    await reader.pass_on(audit)
    [(_, fields)] = audit.events
    assert fields == {"action": "room create", "by": "anna", "outcome": UNFINISHED}


async def test_a_folder_that_cannot_be_read_is_looked_at_again(
    reader: OperatorRecordReader,
    log: OperatorRecord,
    tmp_path: Path,
    audit: ReadableAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Someone may mend it while the server runs."""
    monkeypatch.setattr(operator_record_reader, "_LOOK_SECONDS", 0)
    (tmp_path / "operator").write_text("")
    running = asyncio.create_task(reader.run(audit))
    await asyncio.sleep(0)
    (tmp_path / "operator").unlink()
    with log.action("room create"):
        pass
    await asyncio.sleep(0)
    assert [fields["action"] for _, fields in audit.events] == ["room create"]
    running.cancel()
    await asyncio.wait([running])


async def test_a_file_that_cannot_be_removed_is_recorded_once(
    reader: OperatorRecordReader,
    log: OperatorRecord,
    tmp_path: Path,
    audit: ReadableAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the audit log would grow twice a second; what comes after it is passed on."""

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, f"missing_ok={missing_ok}")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with log.action("user disable"):
            pass
        for _ in range(2):
            await reader.pass_on(audit)
    with log.action("room create"):
        pass
    await reader.pass_on(audit)
    assert [fields["action"] for _, fields in audit.events] == ["user disable", "room create"]
    assert len(files(tmp_path)) == 1


async def test_nothing_to_pass_on(
    reader: OperatorRecordReader, log: OperatorRecord, audit: ReadableAudit
) -> None:
    """There is no folder before the first action."""
    await reader.pass_on(audit)
    assert (audit.events, log.waiting()) == ([], [])


def test_the_server_does_not_take_a_file_before_it_is_locked(
    log: OperatorRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its creation and its lock it has another name: what runs must not look like what was killed."""
    seen = []

    def lock(file: int, how: int) -> None:
        if how == fcntl.LOCK_EX:
            seen.append(log.waiting())
        fcntl.flock(file, how)

    class Fcntl:
        LOCK_EX, LOCK_SH, LOCK_NB, flock = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_NB, staticmethod(lock)

    monkeypatch.setattr(operator_record, "fcntl", Fcntl)
    with suppress(SetupError), log.action("room create"):
        pass
    assert seen == [[]]
