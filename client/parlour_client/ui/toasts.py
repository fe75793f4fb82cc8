"""Toasts: a closed list of our own sentences.

A toast can never contain a stranger's words, because only members of this list can be shown. The views call
``toast``; only the kit's app, which says how to quit, calls Textual's ``notify`` too.
"""

from enum import Enum
from typing import Final, Literal

from textual.app import App

from parlour_client.kit.language import N_, _

Severity = Literal["information", "warning", "error"]


class Toast(Enum):
    """The sentences of toasts."""

    COPIED = N_("Copied as shown, without hidden characters.")
    NO_UNREAD = N_("No unread messages.")
    TOO_FAR = N_("That message is too far back. Scroll up to load it.")
    NOT_YOURS = N_("You can only edit your own messages.")
    WRONG_SETTINGS = N_("Some settings are not valid. /settings shows which.")
    NOT_SAVED = N_("The settings could not be saved. The change lasts until you quit.")
    NO_EDITOR = N_("An editor cannot be opened in this terminal.")
    ONE_ACCOUNT = N_("You have only one account. parlour --account NAME adds another.")
    NO_SUCH_ACCOUNT = N_("You have no account with that name. /account lists them.")
    NOT_STORED = N_("This message has not reached the server yet.")


_SEVERITY: Final[dict[Toast, Severity]] = {
    Toast.TOO_FAR: "warning",
    Toast.WRONG_SETTINGS: "warning",
    Toast.NOT_SAVED: "warning",
    Toast.NO_EDITOR: "warning",
    Toast.NOT_YOURS: "warning",
    Toast.NOT_STORED: "warning",
}


def toast(app: App[None], what: Toast) -> None:
    """Show one of our sentences for a few seconds."""
    app.notify(_(what.value), severity=_SEVERITY.get(what, "information"), timeout=4, markup=False)
