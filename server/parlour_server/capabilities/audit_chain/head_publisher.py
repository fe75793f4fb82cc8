"""Signs the head of the audit log every few seconds and publishes it: in the database, and to a command.

A head that is kept where the server's operator can't change it proves later that no record before it was
changed; one in the database shows it to the other servers.
"""

import asyncio
import os
import shlex
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final

import msgspec

from parlour_server.capabilities.audit_chain.chain import KnownHead, SignedHead
from parlour_server.capabilities.audit_chain.files import AuditFile
from parlour_server.capabilities.audit_chain.settings import AuditSettings
from parlour_server.capabilities.audit_chain.store import AuditHeads
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import warn

_CLOSE_SECONDS: Final = 0.5
_COMMAND_SECONDS: Final = 30
_MINUTE: Final = 60
_ENVIRONMENT: Final = ("HOME", "LANG", "LC_ALL", "PATH", "TZ")
"""The variables that the command gets of the server's environment; others may be passwords."""


class HeadPublisher:
    """Publishes the heads of one audit log."""

    def __init__(self, file: AuditFile, store: AuditHeads, settings: AuditSettings, clock: Clock) -> None:
        """Nothing is published before ``run``."""
        self._file = file
        self._store = store
        self._settings = settings
        self._clock = clock
        self._published: SignedHead | None = None

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self.publish()
            await self._clock.sleep(self._settings.head_seconds)

    async def publish(self) -> None:
        """Sign the head, if there are new records, and bring it to the disk and into the database."""
        self._file.sign()
        head = self._file.signed
        if head is None or head is self._published:
            return
        await asyncio.to_thread(self._file.sync)  # before anyone else knows of it
        with suppress(UnavailableError, OSError):
            await self._store.put(KnownHead(head, self._file.place))
            self._published = head

    async def close(self) -> None:
        """Publish the last head, and write nothing more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.publish()
        self._file.close()

    async def run_command(self) -> None:
        """Give heads to the command of the settings, now and then, until cancelled."""
        while True:
            if self._published is not None:
                await self._give(msgspec.json.encode(self._published) + b"\n")
                await self._clock.sleep(self._settings.head_command_minutes * _MINUTE)
            else:
                await self._clock.sleep(self._settings.head_seconds)

    async def _give(self, head: bytes) -> None:
        command = shlex.split(self._settings.head_command)
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=environment
            )
        except OSError as error:
            warn("audit_head_command_failed", command=command[0], why=error.strerror)
            return
        why = f"it ran for more than {_COMMAND_SECONDS} seconds"
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                await process.communicate(head)
            why = f"its status is {process.returncode}" if process.returncode else ""
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if why:
            warn("audit_head_command_failed", command=command[0], why=why)
