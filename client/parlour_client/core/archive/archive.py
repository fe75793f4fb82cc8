"""The archive: one encrypted SQLite file, opened with its key, and used on one thread of its own.

Its content is read and written by functions over a connection, which are in the other modules of this folder:
``await archive.read(events.below, room, before, limit)``. The cipher is ChaCha20-Poly1305 per page (SQLite3
Multiple Ciphers), which also detects damage; the write-ahead log is encrypted as well, and nothing temporary
touches the disk. Several programs may have it open: transactions are short and begin with the write lock.
Settings and the session token are inside as well.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw

from parlour_client.core.archive.key import Key, open_key
from parlour_client.core.archive.schema import VERSION, create
from parlour_client.core.errors import ArchiveError, DamagedArchiveError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import open_private
from parlour_protocol.kit.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")

_WAIT_FOR_OTHERS: Final = 10_000
"""Milliseconds: another program's transaction takes a few at most."""


class Archive:
    """One open archive."""

    def __init__(self, connection: apsw.Connection, thread: ThreadPoolExecutor, key: Key) -> None:
        """Take an open connection; use ``Archive.open``."""
        self.key = key
        self._connection = connection
        self._thread = thread
        self._closed = False

    @classmethod
    async def open(cls, path: Path, key_file: Path, passphrase: Secret | None = None) -> "Archive":
        """Open or create the file and its key.

        Raises PassphraseNeededError, and DamagedArchiveError if the key does not open the file.
        """
        key = await asyncio.to_thread(open_key, key_file, passphrase)
        thread = ThreadPoolExecutor(1, thread_name_prefix="archive")
        try:
            connection = await _later(thread, lambda: _open(path, key.raw))
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(connection, thread, key)

    async def close(self) -> None:
        """Write what is queued and close the file; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    async def read(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``call(connection, …)`` on the archive's thread."""
        return await self._submit(lambda: call(self._connection, *args, **kwargs))

    async def write(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run it in one transaction, all or nothing; the last ones may be lost with the power."""
        return await self._submit(lambda: _in_transaction(self._connection, call, *args, **kwargs))

    async def write_durably(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run it so that it is on disk when this returns: for data that no server has yet."""
        return await self._submit(lambda: _durably(self._connection, call, *args, **kwargs))

    async def shorten_log(self) -> None:
        """Remove overwritten data from the write-ahead log, unless another program is reading it."""
        await self.read(_shorten)

    def submit_write(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        """Run it in a transaction of its own, queued when this returns: before later writes."""
        return self._submit(lambda: _in_transaction(self._connection, call, *args, **kwargs))

    def _submit(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Queue a call; calls run in the order of queueing."""
        return _later(self._thread, call)


def _shorten(connection: apsw.Connection) -> None:
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def _later(thread: ThreadPoolExecutor, call: Callable[[], T]) -> "asyncio.Future[T]":
    return asyncio.get_running_loop().run_in_executor(thread, lambda: _guarded(call))


def _in_transaction(
    connection: apsw.Connection,
    call: Callable[Concatenate[apsw.Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    connection.execute("BEGIN IMMEDIATE")  # the write lock first: upgrading a read transaction can fail
    try:
        result = call(connection, *args, **kwargs)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return result


def _durably(
    connection: apsw.Connection,
    call: Callable[Concatenate[apsw.Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    connection.pragma("synchronous", "full")
    try:
        return _in_transaction(connection, call, *args, **kwargs)
    finally:
        connection.pragma("synchronous", "normal")


def _guarded(call: Callable[[], T]) -> T:
    """Translate the database's errors into ours."""
    try:
        return call()
    except apsw.FullError as error:
        raise ArchiveError(
            _("The disk is full; nothing was written."),
            _("Free some space and try again; if Parlour has stopped, start it again."),
        ) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise ArchiveError(
            _("Another program is using the archive."), _("Close the other Parlour and try again.")
        ) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise DamagedArchiveError(
            _("The archive is damaged, or its key belongs to another archive.")
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.IOError) as error:
        raise ArchiveError(_("The archive cannot be read or written.")) from error


def _open(path: Path, key: Secret) -> apsw.Connection:
    _made_private(path)
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(_WAIT_FOR_OTHERS)
        connection.pragma("cipher", "chacha20")
        connection.execute(f"PRAGMA key = 'raw:{key.reveal()}'")  # 64 hex digits, generated here
        connection.pragma("journal_mode", "wal")  # the first access: a wrong key fails here
        connection.pragma("synchronous", "normal")  # history comes back from the server
        connection.pragma("secure_delete", 1)  # deleted data is overwritten
        connection.pragma("temp_store", 2)  # in memory: no unencrypted temporary file
        _require_version(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _made_private(path: Path) -> None:
    """Create the file with mode 0600 before SQLite does; its log and index files get the same mode."""
    try:
        os.close(open_private(path, os.O_RDWR | os.O_CREAT))
    except OSError as error:
        raise ArchiveError(
            _("The file {path} cannot be used: {strerror}.").format(path=path, strerror=error.strerror)
        ) from error


def _require_version(connection: apsw.Connection) -> None:
    if connection.pragma("user_version") != VERSION:
        _in_transaction(connection, _create)


def _create(connection: apsw.Connection) -> None:
    """Make the tables of a new file. Raises ArchiveError for one of another version."""
    version = int(str(connection.pragma("user_version")))
    if version > VERSION:
        raise ArchiveError(
            _("The archive was written by a newer version of Parlour."),
            _("Update this one: pip install -U parlour."),
        )
    if 0 < version < VERSION:
        raise ArchiveError(
            _("This archive is from an earlier version of Parlour, which this one can't read."),
            _("Log in again with another folder (--home DIR); this device is then a new one."),
        )
    if not version:
        create(connection)
