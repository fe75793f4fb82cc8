"""Moves what commands recorded to the audit log of the running server (M7)."""

import asyncio
from pathlib import Path
from typing import Final

from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.output import warn
from parlour_server.host.setup.operator_record import action_files, opened_action, read_action

_LOOK_SECONDS: Final = 0.5
_LONG_LOOKS: Final = 20
"""A command that runs at so many looks, for ten seconds, is in the audit log before it ends, too."""


class OperatorRecordReader:
    """Empties the folder that commands write to."""

    def __init__(self, folder: Path) -> None:
        """Use this folder, which may not exist yet."""
        self._folder = folder
        self._running: dict[Path, int] = {}
        """How often it was looked at an action that still ran."""
        self._unusable: set[Path] = set()
        """Files, or the folder, of which the log says that they can't be read or removed."""
        self._left: set[Path] = set()
        """Files that can't be removed, and must not be moved a second time."""

    async def run(self, audit: Audit) -> None:
        """Move records to the audit log, until cancelled."""
        while True:
            try:
                await self.pass_on(audit)
            except OSError as error:  # of the folder; someone may mend it while the server runs
                self._warn(self._folder, error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def pass_on(self, audit: Audit) -> None:
        """Move what ended to the audit log, unless that can't be written; what runs for long is there, too.

        A file is removed once its record is on the disk, so that an action can be there twice, with the same
        `run`, and never not at all. Raises OSError.
        """
        moved, running = [], {}
        for file in action_files(self._folder):
            if file in self._left:
                continue
            try:
                with opened_action(file) as (opened, is_running):
                    fields = read_action(opened, is_running=is_running)
                if is_running:
                    looks = self._running.get(file, 0) + 1
                    if looks != _LONG_LOOKS or self._pass_on(audit, fields):
                        running[file] = looks
                elif self._pass_on(audit, fields):
                    moved.append(file)
            except OSError as error:
                self._warn(file, error)
        self._running = running
        if moved:
            removal = asyncio.create_task(self._remove(moved, audit))
            try:
                await asyncio.shield(removal)
            except asyncio.CancelledError:  # a stop, after which these would be recorded a second time
                await removal
                raise

    async def _remove(self, moved: list[Path], audit: Audit) -> None:
        """Remove files whose records are in the audit log, once they are on the disk."""
        await asyncio.to_thread(audit.sync)
        for file in moved:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                self._left.add(file)
                self._warn(file, error)

    def _pass_on(self, audit: Audit, fields: dict[str, str]) -> bool:
        """Record one action; returns whether the audit log has it."""
        return audit.try_record(AuditEvent.OPERATOR_ACTION, **fields)

    def _warn(self, file: Path, error: OSError) -> None:
        if file not in self._unusable:
            self._unusable.add(file)
            warn("operator_log_unusable", file=str(file), why=error.strerror)
