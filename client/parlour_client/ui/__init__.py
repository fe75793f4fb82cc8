"""The Textual user interface, built only on the client's public objects.

Others call ``run``. Importing this package loads no Textual, so that commands without a screen start fast.
"""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _

if TYPE_CHECKING:
    from parlour_client.core.client import Client
    from parlour_client.kit.account.entrance import Entrance
    from parlour_client.ui.account_switcher import Accounts
    from parlour_protocol.invite_link import ChatInviteLink


def run(
    client: "Client | None" = None,
    *,
    entrance: "Entrance[ChatInviteLink, Client] | None" = None,
    folder: Path | None = None,
    accounts: "Accounts | None" = None,
    demo: Callable[[], None] | None = None,
) -> int:
    """Open the screen on a client that is not started, or a function that makes one; return the exit code.

    ``folder`` is the home with the settings; without one they are the defaults and nothing is saved. ``demo``
    runs afterwards if someone without an account chose it. Raises SetupError if there is no terminal to draw
    on, and errors of the client's start.
    """
    # Textual draws on standard error: `parlour 2>log` would be a blank screen.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SetupError(
            _("The full-screen chat needs a terminal for input and standard error."),
            _("Don't redirect them; for pipes and screen readers, use parlour chat --plain."),
        )
    from parlour_client.ui.app import ParlourApp  # noqa: PLC0415 - Textual takes half a second to load

    gc.freeze()  # objects loaded by now stay: later collections need not visit them
    gc.enable()  # the command turns it off while it loads
    app = ParlourApp(client, entrance=entrance, folder=folder, accounts=accounts)
    app.run(mouse=app.read_settings().mouse)
    if app.problem is not None:
        raise app.problem
    if app.chose_demo and demo is not None:
        demo()
    return app.return_code or 0
