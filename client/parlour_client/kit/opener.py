"""Opens an address with the system's opener, or the person's own command, without a shell.

Whoever calls it has shown the address first. It takes only http, https and mailto in printable ASCII, so an
argument can't begin with a dash, hold a space, or mean anything to a shell that an opener is written in.
"""

import asyncio
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.programs import find_program

PATIENCE: Final = 3.0
"""Seconds in which an opener may fail; one that still runs then is left to run: it may be the browser."""
_ADDRESS: Final = re.compile(r"(?:https?://|mailto:)[A-Za-z0-9\[\]._~:/?#@&+,;=%-]{1,8192}")
_OPENERS: Final = ("xdg-open", "wslview")


def opener_command(setting: str, platform: str = sys.platform) -> list[str]:
    """Return the command that takes the address; empty: Windows opens it itself. Raises SetupError."""
    if setting:
        try:
            command = shlex.split(setting)
        except ValueError as error:
            raise SetupError(_("The opener's command has an unclosed quotation mark.")) from error
        if command:
            return command
    if platform == "win32":
        return []
    found = "/usr/bin/open" if platform == "darwin" else next(filter(None, map(find_program, _OPENERS)), None)
    if found is None:
        raise SetupError(
            _("There is no program here that opens addresses (xdg-open)."),
            _("Copy the address, or set a command of your own: opener in /settings."),
        )
    return [found]


async def open_address(address: str, setting: str = "", environment: Mapping[str, str] = os.environ) -> None:
    """Open it. Raises SetupError if the opener failed, ValueError for an address that isn't plain."""
    if _ADDRESS.fullmatch(address) is None:
        raise ValueError(_("This address can't be opened."))
    command = opener_command(setting)
    if command:
        status = await asyncio.to_thread(_run, [*command, address], environment)
    else:
        status = await asyncio.to_thread(_start_on_windows, address)
    if status:
        raise SetupError(
            _("The address was not opened: {program} failed.").format(
                program=command[0] if command else "Windows"
            ),
            _("Copy the address, or set a command of your own: opener in /settings."),
        )


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    """Return its exit status; 0 if it still runs. In a session of its own it can't reach our terminal."""
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the address was checked
            command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError:
        return 1
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, daemon=True).start()
        return 0


def _start_on_windows(address: str) -> int:
    if sys.platform == "win32":
        try:
            os.startfile(address)  # noqa: S606 - the address was checked
        except OSError:
            return 1
    return 0
