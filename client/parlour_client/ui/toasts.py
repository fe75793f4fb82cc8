"""The notifications of the client: a closed list of own sentences.

A toast can never carry a stranger's word, because only members of this list can be shown. The views call
``notice``; nothing else in the package calls Textual's ``notify``.
"""

from enum import Enum
from typing import Final, Literal

from textual.app import App

Severity = Literal["information", "warning", "error"]


class Notice(Enum):
    """What the client may say in a toast."""

    COPIED = "Copied what is shown (not the raw text)."
    NO_UNREAD = "Nothing unread."
    TOO_FAR = "That message is too far back: scroll up to it."
    NOT_YOURS = "Only your own messages can be edited."
    WRONG_SETTINGS = "Something in the settings is not understood: /settings says what."
    NOT_SAVED = "The settings could not be written; the change holds until you quit."
    NO_EDITOR = "The terminal cannot be lent to an editor here."
    NOTHING_TO_LOCK_WITH = "There is nothing to lock with: parlour passphrase sets a passphrase."
    ONE_ACCOUNT = "There is one account here. parlour --account NAME begins another."
    NO_SUCH_ACCOUNT = "There is no account of that name here: /account lists them."
    NOTHING_TO_REACH = "There is nothing to jump to."
    NOT_STORED = "The server has not stored this message yet."


_SEVERITY: Final[dict[Notice, Severity]] = {
    Notice.TOO_FAR: "warning",
    Notice.WRONG_SETTINGS: "warning",
    Notice.NOT_SAVED: "warning",
    Notice.NOTHING_TO_LOCK_WITH: "warning",
    Notice.NO_EDITOR: "warning",
    Notice.NOT_YOURS: "warning",
    Notice.NOT_STORED: "warning",
}


def notice(app: App[None], what: Notice) -> None:
    """Show one of our sentences for a few seconds."""
    app.notify(what.value, severity=_SEVERITY.get(what, "information"), timeout=4, markup=False)
