"""Copies text with a clipboard program of this machine: run without a shell, it reads the text.

A terminal's own clipboard (OSC 52) is another way; views ask before they use that one.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.programs import find_program

PATIENCE: Final = 5.0
"""Seconds for the program to take the text."""


@dataclass(frozen=True, slots=True)
class ClipboardProgram:
    """A program that copies what it reads."""

    command: tuple[str, ...]
    encoding: str = "utf-8"


def find_clipboard_program(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> ClipboardProgram | None:
    """Return the program that fills the clipboard the person sees, or None.

    Over SSH the programs of macOS and Windows would fill the clipboard of the other machine. tmux
    passes on no OSC 52 of a program in it unless it is told to, but fills it itself with ``-w``.
    """
    here = not environment.get("SSH_CONNECTION") and not environment.get("SSH_TTY")
    for command, is_usable, encoding in (
        (("pbcopy",), platform == "darwin" and here, "utf-8"),
        (("clip.exe",), platform == "win32" and here, "utf-16"),
        (("wl-copy", "--type", "text/plain"), bool(environment.get("WAYLAND_DISPLAY")), "utf-8"),
        (("xclip", "-selection", "clipboard", "-in"), bool(environment.get("DISPLAY")), "utf-8"),
        (("xsel", "--clipboard", "--input"), bool(environment.get("DISPLAY")), "utf-8"),
        (("clip.exe",), bool(environment.get("WSL_DISTRO_NAME")) and here, "utf-16"),
        (("tmux", "load-buffer", "-w", "-"), bool(environment.get("TMUX")), "utf-8"),
    ):
        path = find_program(command[0], environment) if is_usable else None
        if path is not None:
            return ClipboardProgram((path, *command[1:]), encoding)
    return None


async def copy_with(
    program: ClipboardProgram, text: str, environment: Mapping[str, str] = os.environ
) -> None:
    """Give the text to the program. Raises SetupError if it does not take it."""
    nothing = asyncio.subprocess.DEVNULL
    name = os.path.basename(program.command[0])  # noqa: PTH119 - a name to show
    try:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=nothing,
            stderr=nothing,
            env=dict(environment),
        )
    except OSError as error:
        raise _failed(name) from error
    try:
        async with asyncio.timeout(PATIENCE):
            _out, _err = await process.communicate(text.encode(program.encoding))
    except TimeoutError as error:
        process.kill()
        _code = await process.wait()
        raise _failed(name) from error
    if process.returncode:
        raise _failed(name)


def _failed(name: str) -> SetupError:
    return SetupError(
        _("Nothing was copied: {program} failed.").format(program=name),
        _("Let the terminal copy instead: clipboard in /settings."),
    )
