"""Reads a password or a code: typed at a prompt, or a line of the standard input.

Never an argument or the environment, where other programs and the shell's history see it (P9). The account
commands call it.
"""

import sys
from typing import Final

import click

from parlour_client.kit.console.second_factor import ConsoleDialog
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.limits import PASSWORD_BYTES
from parlour_protocol.kit.secret import Secret

from_stdin: Final = click.option(
    "--password-stdin", is_flag=True, help=N_("Read the password from the first line of standard input.")
)


def read_password(
    *,
    stdin: bool,
    words: str = N_("Password"),
    twice: bool = False,
    otherwise: str = N_("use --password-stdin"),
) -> Secret:
    """Return the password; without a terminal, say what to do ``otherwise``."""
    if stdin:
        return _first_line()
    if not sys.stdin.isatty():
        raise click.UsageError(
            _("Can't ask for a password without a terminal; {otherwise}.").format(otherwise=_(otherwise))
        )
    return Secret(click.prompt(_(words), hide_input=True, confirmation_prompt=twice, err=True))


def second_factor(*, stdin: bool) -> ConsoleDialog:
    """Return how a second factor is asked for: on the terminal, or on the next line of standard input."""
    return ConsoleDialog(_first_line if stdin else None)


def _first_line() -> Secret:
    line = sys.stdin.buffer.readline(PASSWORD_BYTES.value + 3)
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if not line or len(line) > PASSWORD_BYTES.value:
        raise SetupError(
            _("The next line of standard input has no password or code."),
            _("Write each on a line of its own."),
        )
    try:
        return Secret(line.decode())
    except UnicodeDecodeError as error:
        raise SetupError(_("The password isn't valid UTF-8."), _("Set the terminal to UTF-8.")) from error
