"""The dialog after the session has ended: drafts and queued messages stay, and `/login` shows it again."""

from parlour_client.core.client import Client
from parlour_client.kit.language import _
from parlour_client.kit.widgets.login_again import LoginAgainScreen


def log_in_again(client: Client) -> LoginAgainScreen:
    """Return the dialog."""
    return LoginAgainScreen(
        client.account,
        client.connection.log_in_again,
        client.connection.status.problem,
        kept=_("Your drafts and unsent messages are kept."),
        later=_("later, with /login"),
    )
