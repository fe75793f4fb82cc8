"""The chat is the program that these tests open: its app, in memory."""

from tests.client.ui.conftest import client, open_app, parsed_once

__all__ = ["client", "open_app", "parsed_once"]
