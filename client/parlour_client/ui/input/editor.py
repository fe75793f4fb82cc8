"""Opens the text being written in the person's own editor: a private file, the command, and the result.

The file is 0600 in a fresh folder of 0700, which is deleted whatever happens, with everything the editor left
in it. The command is run without a shell; Parlour keeps running (the connection lives) but draws nothing.
"""

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import open_private

MOST_BYTES: Final = 256 * 1024
"""Bytes that are read back; far more than a message may have."""


def command_of(setting: str, environment: Mapping[str, str]) -> list[str]:
    """Return the editor's command: the setting, or VISUAL, or EDITOR. Raises SetupError."""
    words = setting or environment.get("VISUAL", "") or environment.get("EDITOR", "")
    try:
        command = shlex.split(words)
    except ValueError as error:
        raise SetupError(_("The editor's command has an unclosed quotation mark.")) from error
    if not command:
        raise SetupError(_("No editor is set."), _("Set EDITOR in the environment, or editor in /settings."))
    return command


def in_memory(environment: Mapping[str, str]) -> Path | None:
    """Return the session's folder in memory, if there is one: then nothing reaches a disk."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    return Path(runtime) if runtime and Path(runtime).is_dir() else None


async def edit(command: list[str], text: str, under: Path | None = None) -> str:
    """Let the person edit the text and return it. Raises SetupError if the editor failed."""
    folder = Path(tempfile.mkdtemp(prefix="parlour-", dir=under))  # 0700
    try:
        file = folder / "message.txt"
        with os.fdopen(
            open_private(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8"
        ) as out:
            out.write(text)
        await _run([*command, str(file)])
        return _read(file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def edit_file(command: list[str], file: Path) -> None:
    """Let the person edit a file of their own, which is made if there is none. Raises SetupError."""
    try:
        os.close(open_private(file, os.O_WRONLY | os.O_CREAT))
    except OSError as error:
        raise SetupError(
            _("{file} cannot be written: {why}.").format(file=file.name, why=error.strerror),
            _("Check whether the disk is full."),
        ) from error
    await _run([*command, str(file)])


async def _run(command: list[str]) -> None:
    try:
        process = await asyncio.create_subprocess_exec(*command)
    except OSError as error:
        raise SetupError(
            _("The editor {editor} could not be started: {why}.").format(
                editor=command[0], why=error.strerror
            ),
            _("Set another one in /settings."),
        ) from error
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if status:
        raise SetupError(_("The editor ended with an error. Your text is unchanged."))


def _read(file: Path) -> str:
    try:
        # an editor may have replaced the file, so it is opened by its name
        with file.open("rb") as done:
            data = done.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise SetupError(
                _("The text has more than {count} bytes. Your text is unchanged.").format(
                    count=f"{MOST_BYTES:,}"
                )
            )
        return data.decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(_("The edited text could not be read. Your text is unchanged.")) from error
