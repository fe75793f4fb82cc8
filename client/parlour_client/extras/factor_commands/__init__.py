"""Commands that list and change the second factors of an account; a login asks for one without them, too."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from parlour_client.commands.command import Call, Command, Elsewhere, View, command, shown_by
from parlour_client.commands.results import Listed
from parlour_client.kit.language import N_
from parlour_client.ui.registry import Registry

if TYPE_CHECKING:
    import click
    from textual.screen import Screen


@command("security", cli="security list", json=True, examples=("security list",))
async def security(call: Call) -> Listed:
    """List your second factors: apps with codes, and security keys."""
    from parlour_client.extras.factor_commands.words import listed  # noqa: PLC0415 - `--help` needs none

    return listed(await call.client.sessions.second_factors())


def _shell(name: str, sentence: str, instead: str) -> Command[..., Any]:
    there = Elsewhere(instead)
    return shown_by(View.SHELL, sentence, ui=there, line=there, cli=name)


SHELL: Final = (
    _shell(
        "security add-app", N_("Set up an app that shows codes, as a second factor"), N_("a in /security.")
    ),
    _shell(
        "security add-key",
        N_("Set up a security key that is plugged in, as a second factor"),
        N_("k in /security."),
    ),
    _shell("security remove", N_("Remove a second factor"), N_("x in /security.")),
    _shell(
        "security recovery-codes",
        N_("Print new recovery codes; the old ones no longer work"),
        N_("r in /security."),
    ),
)


def register(registry: Registry) -> None:
    """Add the commands of the chat and of the shell."""
    registry.command("you", security, _open)
    for one in SHELL:
        registry.command("you", one)
    registry.shell |= {"security add-app": _add_app, "security add-key": _add_key}
    registry.shell |= {"security remove": _remove, "security recovery-codes": _recovery_codes}
    about = N_("List your second factors, add and remove them, and get new recovery codes")
    registry.shell_groups["security"] = (about, ("security list", "security add-app"))


def _open(screen: "Screen[Any]", _given: Mapping[str, Any]) -> None:
    from parlour_client.kit.widgets.second_factor import SecondFactorsScreen  # noqa: PLC0415 - seldom needed
    from parlour_client.ui.chat.screen import ChatScreen  # noqa: PLC0415 - as above

    assert isinstance(screen, ChatScreen)  # noqa: S101 - it is a command of the chat
    screen.pane.interaction.push(SecondFactorsScreen(screen.client.sessions.factors))


def _add_app() -> "click.Command":
    from parlour_client.extras.factor_commands.shell import add_app  # noqa: PLC0415 - as above

    return add_app


def _add_key() -> "click.Command":
    from parlour_client.extras.factor_commands.shell import add_key  # noqa: PLC0415 - as above

    return add_key


def _remove() -> "click.Command":
    from parlour_client.extras.factor_commands.shell import remove  # noqa: PLC0415 - as above

    return remove


def _recovery_codes() -> "click.Command":
    from parlour_client.extras.factor_commands.shell import recovery_codes  # noqa: PLC0415 - as above

    return recovery_codes
