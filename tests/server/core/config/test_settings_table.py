"""What a reload takes up, and what waits for a restart."""

from msgspec import structs

from parlour_server.chat.settings import ChatRates, ChatSettings, LargeBodies
from parlour_server.core.config.server_settings import Connections, Logins
from parlour_server.core.config.settings_table import need_restart, rows


def test_settings_that_a_reload_takes_up_need_no_restart() -> None:
    """Tickets, rates of the HTTPS API and files change while the server runs."""
    new = ChatSettings(
        logins=Logins(ticket_seconds=7),
        rates=ChatRates(http_burst=5),
        files=LargeBodies(uploads_per_user=100),
    )
    assert need_restart(ChatSettings(), new) == []


def test_settings_that_need_a_restart_are_named() -> None:
    """The hashing threads are made once, though the other logins can be reloaded."""
    new = ChatSettings(connections=Connections(body_seconds=9), logins=Logins(hash_threads=2, session_days=3))
    assert need_restart(ChatSettings(), new) == ["connections.body_seconds", "logins.hash_threads"]


def test_every_setting_has_a_row() -> None:
    """Each with its reason, and numbers with their unit."""
    found = rows(ChatSettings())
    sections = structs.asdict(ChatSettings()).values()
    assert len(found) == sum(len(structs.fields(section)) for section in sections)
    assert all(row.reason for row in found)
    assert all(row.unit for row in found if isinstance(row.value, int))
