"""The slash commands that are the app's business: settings, colours, editor, jumping, accounts.

They call the app's actions by name, as a key does, and know nothing of how. The chat screen inherits it.
"""

from parlour_client.ui.app_settings import Preferring
from parlour_client.ui.chat.slash_commands import Deeds


class AppPart(Deeds):
    """Commands for the app."""

    def begin_command(self, text: str) -> None:
        """Put a command into the composer, where its words are completed; a text that stands there stays."""
        if self.composer.text.strip():
            self.refuse("Something is being written: send it or take it away first.")
        else:
            self.composer.put(f"{text} ")
        self.write()

    async def _app_action(self, name: str) -> None:
        _ = await self.app.run_action(f"app.{name}")

    async def _do_settings(self, _rest: str) -> None:
        await self._app_action("settings")

    async def _do_theme(self, _rest: str) -> None:
        self.app.action_change_theme()

    async def _do_editor(self, _rest: str) -> None:
        await self._app_action("editor")

    async def _do_jump(self, _rest: str) -> None:
        await self._app_action("jump")

    async def _do_lock(self, _rest: str) -> None:
        await self._app_action("lock")

    async def _do_account(self, rest: str) -> None:
        if isinstance(self.app, Preferring):
            self.app.action_account(rest)

    async def _do_typing(self, rest: str) -> None:
        self._switch("typing", rest)

    async def _do_receipts(self, rest: str) -> None:
        self._switch("receipts", rest)

    def _switch(self, key: str, rest: str) -> None:
        if rest not in {"on", "off"}:
            raise ValueError(f"Write /{key} on or /{key} off.")
        if isinstance(self.app, Preferring):
            self.app.set_setting(key, value=rest == "on")
