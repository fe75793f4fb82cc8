"""Logging in again in the line mode: the next line is the password, and the terminal does not show it.

Only a terminal is asked. A pipe gets the command to run instead, since its lines are messages.
"""

import os
from typing import Any

from parlour_client.kit.account.profile import Account
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _


class HiddenLine:
    """A line of the terminal that is not shown while it is typed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[Any] | None = None
        self.wanted = False
        """The next line is the hidden one."""

    @property
    def is_possible(self) -> bool:
        """Whether there is a terminal that can hide typed text."""
        try:
            import termios  # noqa: F401, PLC0415 - not on Windows
        except ImportError:
            return False
        return os.isatty(self._descriptor)

    def ask(self, account: Account) -> str:
        """Make the next line the password; return the prompt. Raises SetupError if it can't be typed."""
        if not self.is_possible:
            raise SetupError(
                _("Can't ask for a password without a terminal."),
                _("Run: parlour login {server} --username {user}").format(
                    server=account.server, user=account.user
                ),
            )
        self._hide_typing()
        return _("Password for {user} on {server} (it is not shown; an empty line cancels):").format(
            user=account.user, server=account.server
        )

    def _hide_typing(self) -> None:
        import termios  # noqa: PLC0415 - as above

        self._before = termios.tcgetattr(self._descriptor)
        quiet = termios.tcgetattr(self._descriptor)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, quiet)
        self.wanted = True

    def end(self) -> None:
        """Show typed text again."""
        before, self._before, self.wanted = self._before, None, False
        if before is not None:
            import termios  # noqa: PLC0415 - as above

            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)
