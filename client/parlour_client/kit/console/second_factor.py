"""Second factors on the command line: codes are typed at a prompt, or read from standard input.

Never an argument or the environment, where other programs and the shell's history see them (P9).
"""

import sys
from collections.abc import Callable, Sequence

import click

from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import NotFinishedError
from parlour_client.kit.language import _
from parlour_client.kit.qr_code import qr_rows
from parlour_protocol.kit.secret import Secret


class ConsoleDialog:
    """Asks on the terminal; ``read`` returns a line of standard input instead, where that is wished."""

    def __init__(self, read: Callable[[], Secret] | None = None) -> None:
        self._read = read

    async def password(self, words: str) -> Secret:
        """Ask for a password, without showing it."""
        return self._line(words, hidden=True)

    async def code(self, words: str, problem: str) -> str:
        """Ask for a code."""
        if problem:
            self._once(problem)
            echo(problem, err=True)
        return self._line(words, hidden=False).reveal()

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        """Show the secret for an app, and ask for its first code."""
        if problem:
            self._once(problem)
            echo(problem, err=True)
        else:
            if sys.stderr.isatty():
                for row in qr_rows(uri):
                    click.echo(click.style(row, fg="black", bg="bright_white"), err=True)
            echo(_("Scan this with your app for codes, or type the secret into it:"), err=True)
            click.echo(secret, err=True)
        return self._line(_("Six digits of the app"), hidden=False).reveal()

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        """Print the recovery codes on standard output."""
        echo(
            _("Recovery codes: each logs you in once without your other factor. They are shown only now."),
            err=True,
        )
        for code in codes:
            click.echo(code)

    def tell(self, words: str) -> None:
        """Say it on standard error."""
        echo(words, err=True)

    def _once(self, problem: str) -> None:
        """Don't ask a pipe again: it has given its answer. Raises NotFinishedError."""
        if self._read is not None or not sys.stdin.isatty():
            raise NotFinishedError(problem)

    def _line(self, words: str, *, hidden: bool) -> Secret:
        if self._read is not None:
            return self._read()
        if not sys.stdin.isatty():
            raise NotFinishedError(
                _("Can't ask for a second factor without a terminal."),
                _("Write it on the line after the password, with --password-stdin."),
            )
        return Secret(click.prompt(words, hide_input=hidden, default="", show_default=False, err=True))
