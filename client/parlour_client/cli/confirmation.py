"""Questions of the command line before something that can't easily be undone: on a terminal, or `--yes`.

What was typed before the question is thrown away, so that it can't be the answer.
"""

import sys

import click

from parlour_client.kit.answers import Harmless, Letter, Yes
from parlour_client.kit.console.printing import echo
from parlour_client.kit.language import _
from parlour_client.text.untrusted_text import shown


def require_yes(question: str, yes: Yes) -> None:
    """Raise unless the person says yes; without a terminal nothing is assumed."""
    if not sys.stdin.isatty():
        raise click.UsageError(_("Can't ask for confirmation without a terminal; use --yes."))
    _forget_typed()
    if isinstance(yes, Harmless):
        click.confirm(shown(question), abort=True, err=True)
        return
    key = yes.key if isinstance(yes, Letter) else yes.name
    echo(shown(question), err=True)
    how = _("Type {key} to {do}; anything else leaves it as it is.").format(key=shown(key), do=yes.does)
    typed = str(click.prompt(how, default="", show_default=False, err=True, prompt_suffix=" "))
    agrees = typed.strip().lower() == key if isinstance(yes, Letter) else yes.is_typed(typed)
    if not agrees:
        raise click.Abort


def _forget_typed() -> None:
    if sys.platform == "win32":
        return
    import termios  # noqa: PLC0415 - not on Windows

    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
