"""Logging in with the company's account: `parlour company-login` shows a code to type in a browser."""

from typing import TYPE_CHECKING, Any, Final

from parlour_client.commands.command import Command, Elsewhere, View, shown_by
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Registry

if TYPE_CHECKING:
    import click

_ELSEWHERE: Final = Elsewhere(N_("It is a command of the shell."))
COMPANY_LOGIN: Final[Command[..., Any]] = shown_by(
    View.SHELL,
    N_("Log in with your company's account, in a browser"),
    ui=_ELSEWHERE,
    line=_ELSEWHERE,
    cli="company-login",
)


def register(registry: Registry) -> None:
    """Add the command of the shell."""
    registry.command("you", COMPANY_LOGIN)
    registry.shell["company-login"] = _company_login


def _company_login() -> "click.Command":
    from parlour_client.extras.company_login.shell import company_login  # noqa: PLC0415 - `--help` needs none

    return company_login
