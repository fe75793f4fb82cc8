"""The dialog after the session has ended: drafts and queued messages stay, and `/login` shows it again."""

from parlour_client.core.client import Client
from parlour_client.kit.widgets.login_again import LoginAgainScreen


def log_in_again(client: Client) -> LoginAgainScreen:
    """Return the dialog."""
    return LoginAgainScreen(
        client.account,
        client.connection.log_in_again,
        kept="Your drafts and unsent messages are kept.",
        later="later, with /login",
    )
