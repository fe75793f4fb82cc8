"""A server in this process: what a reload changes of it."""

from msgspec.structs import replace

from parlour_server.chat.program import CHAT
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.server import Server


async def test_a_setting_that_waits_for_a_restart_is_named_at_each_reload(folder: DataFolder) -> None:
    """Its old value stays in force, for whatever reads the settings later; other settings change at once."""
    settings = CHAT.settings_type(listen=Listen(address="127.0.0.1:0"))
    waiting = replace(
        settings,
        delivery=replace(settings.delivery, flush_ms=5),
        logins=replace(settings.logins, ticket_seconds=7),
    )
    server = await Server.start(CHAT, folder, settings)
    try:
        for _ in range(2):
            assert server.reload(waiting) == ["delivery.flush_ms"]
            assert server.parts.settings.delivery.flush_ms == settings.delivery.flush_ms
            assert server.parts.settings.logins.ticket_seconds == 7
        assert server.reload(settings) == []
    finally:
        await server.stop()
