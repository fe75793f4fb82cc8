"""A program's command: opens its app on a home folder. It says in a sentence why it can't.

``client_main`` is all that a program's ``__main__`` calls.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from parlour_client.kit.account.home import Home, default_folder
from parlour_client.kit.app import LinkApp, LinkScreen
from parlour_client.kit.console.click_language import click_speaks
from parlour_client.kit.console.printing import echo
from parlour_client.kit.errors import ParlourClientError, RefusedError, SetupError
from parlour_client.kit.language import _, language, preferred_languages
from parlour_client.kit.link import Link
from parlour_client.kit.transport.conversation import G, P, Q, R
from parlour_client.kit.transport.trust import CaFile
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.wire import Wire


def client_main(
    program: str,
    wire: Wire[Q, Any],
    screen: Callable[..., LinkScreen[G, Q, R, P]],
    *,
    options: Sequence[click.Parameter] = (),
    version: str = "",
    arguments: Sequence[str] | None = None,
    refused: type[RefusedError] = RefusedError,
) -> int:
    """Run a program's client and return its exit status.

    ``options`` are its own besides `--home` and `--ca`; ``screen`` gets their values by name, after the link.
    `--version` says its ``version`` and Parlour's. The other parameters are those of ``LinkApp``.
    """
    language.use(preferred_languages(os.environ))

    @click.command(
        name=program.lower(),
        help=_("Open {program}. The first time it asks for an invite link.").format(program=program),
        params=[*options],
    )
    @click.version_option(
        package_name="parlour", message=f"{program} {version}".strip() + " (Parlour %(version)s)"
    )
    @click.option("--home", type=click.Path(path_type=Path), help=_("The folder with the saved login."))
    @click.option(
        "--ca",
        type=click.Path(path_type=Path),
        help=_("The CA file of a server that you log in to at an address."),
    )
    def command(home: Path | None, ca: Path | None, **chosen: Any) -> int:
        # Textual draws on standard error: `2>log` would be a blank screen.
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise SetupError(
                _("The screen needs a terminal for input and for standard error."), _("Do not redirect them.")
            )
        folder = Home(home if home is not None else default_folder(program.lower()))
        trust = CaFile.read(ca) if ca is not None else None
        make: Callable[[Link[G, Q, R, P]], LinkScreen[G, Q, R, P]] = partial(screen, **chosen)
        app = LinkApp[G, Q, R, P](program, folder, wire, make, trust=trust, refused=refused)
        app.run()
        return app.return_code or 0

    return exit_status(command, arguments)


def exit_status(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command and return its exit status, with a sentence on standard error for what went wrong."""
    try:
        with click_speaks():
            return _status_of(command, arguments)
    except click.Abort:
        return 130


def _status_of(command: click.Command, arguments: Sequence[str] | None) -> int:
    try:
        result = command.main(arguments, standalone_mode=False)
    except ParlourClientError as error:
        echo(safe_text(error.whole).plain, err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return result if isinstance(result, int) else 0
