"""The fields of a program's first screen; `tests/client/kit/test_app.py` logs in by them."""

from typing import Any, cast

import pytest
from textual.events import Key
from textual.widgets import Input

from parlour_client.kit.account.entrance import Entrance
from parlour_client.kit.account.profile import Account
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_client.kit.widgets.safe import own
from parlour_protocol.kit.invite_link import InviteLink

ENTRANCE: Entrance[InviteLink, Account] = Entrance(
    cast("Any", None), cast("Any", None), InviteLink.parse, lambda link: link, "ticker"
)


class Entering(SafeApp):
    """Shows the screen alone."""

    def on_mount(self) -> None:
        """Show it."""
        _ = self.push_screen(LoginScreen(own("Ticker"), ENTRANCE))


@pytest.mark.parametrize("key", ["tab", "down", "enter"])
async def test_a_password_that_comes_right_behind_the_key_is_hidden(key: str) -> None:
    """On a slow line the key and what follows arrive in one piece: it must not be typed into the name."""
    app = Entering()
    async with app.run_test() as pilot:
        await pilot.click("#to_login")
        name, password = (app.screen.query_one(f"#{field}", Input) for field in ("who", "password"))
        app.screen.set_focus(name)
        for one in (*"zoe", key, *"hush"):
            app.post_message(Key(one, one if len(one) == 1 else None))
        while password.value != "hush" and name.value != "zoehush":
            await pilot.pause()
        assert (name.value, password.value) == ("zoe", "hush")
