"""The welcome: the login screen with the words of a chat, and a page that says where an invite comes from."""

from collections.abc import Callable
from typing import Final

from parlour_client.core.client import Client
from parlour_client.kit.account.entrance import Entrance
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_client.kit.widgets.safe import lines, own
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.invite_link import ChatInviteLink

_HELP: Final = (
    (
        N_("An invite link"),
        N_(
            "It begins with parlour:// and comes from the person who runs the server. It contains the "
            "server's address, the pin of its key and a code. Anyone who has it can create an account, so "
            "keep it to yourself. If it contains the key of the person who invited you, they are verified "
            "from the start."
        ),
    ),
    (
        N_("No server yet?"),
        N_(
            "parlour demo lets you try everything on a throwaway server with simulated people. "
            "parlour-server init and run start one of your own; parlour-server invite create makes a link."
        ),
    ),
    (
        N_("What happens with what you type"),
        N_(
            "Your password is sent to the server over TLS and is not stored on this device. What you read "
            "and write is kept in an encrypted archive in your home folder; a passphrase for this computer, "
            "or later parlour passphrase, protects its key."
        ),
    ),
    (
        N_("Keys"),
        N_(
            "Enter and Down go to the next field, Up goes back, Ctrl+S continues, Ctrl+T shows the password, "
            "Esc goes back, Ctrl+Q quits."
        ),
    ),
)


def welcome_screen(
    entrance: Entrance[ChatInviteLink, Client], demo: Callable[[], None] | None = None
) -> LoginScreen[ChatInviteLink, Client]:
    """Return the first screen of an account that isn't there yet; ``demo`` is done if they choose it."""
    greeting = _("Private chat in a terminal, on a server you choose.")
    return LoginScreen(own("Parlour"), entrance, greeting=greeting, help_page=_help_page, demo=demo)


def _help_page() -> Page:
    parts = []
    for heading, words in _HELP:
        parts += [own(_(heading), "bold"), own(_(words)), own("")]
    return Page(own(_("Help"), "bold"), lines(*parts[:-1]))
