"""The status line in a narrow terminal: the least important parts go, and never the state or the problem."""

import pytest

from parlour_client.kit.account.profile import Account
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.widgets.status_line import status_words
from parlour_protocol.kit.names import parse_device_name, parse_user_name

ACCOUNT = Account(parse_user_name("ada"), parse_device_name("laptop"), "chat.example:8443")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (0, "connected · TLS 1.3, key pinned · chat.example:8443 · you: ada"),
        (62, "connected · TLS 1.3, key pinned · chat.example:8443 · you: ada"),
        (61, "connected · TLS 1.3, key pinned · you: ada"),
        (41, "connected · TLS 1.3, key pinned"),
        (30, "connected"),
        (5, "connected"),
    ],
)
def test_the_least_important_parts_go_first(cells: int, words: str) -> None:
    """The server, then the account, then the protection; nothing is cut in the middle."""
    status = ConnectionStatus(LinkState.ONLINE, "chat.example:8443", security="TLS 1.3, key pinned")
    assert status_words(status, ACCOUNT, 0, "", cells).plain == words
