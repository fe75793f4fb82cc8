"""The settings while the app runs: one value that widgets read and watch, saved on change.

A widget reads ``settings_of(self)`` and, to follow changes, watches ``settings`` of the app. Without a home
folder (a test, the demo) changes last until the app ends and nothing is saved.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path

from textual.message_pump import MessagePump
from textual.reactive import Reactive, reactive

from parlour_client.core.setting import Value
from parlour_client.core.settings import BY_KEY, Settings, changed, load, save
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_protocol.kit.text import safe_text


class SettingsApp(SafeApp):
    """An app with settings."""

    settings: Reactive[Settings] = reactive(Settings, init=False)

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` is the home with `settings.toml` and, if there is one, the folder `themes`."""
        super().__init__()
        self.folder = folder

    @property
    def text_order(self) -> str:
        """Whether the terminal or the client puts right-to-left text in order: a setting."""
        return self.settings.bidi

    def read_settings(self) -> Settings:
        """Read the home's settings, or the defaults."""
        return load(self.folder) if self.folder is not None else Settings()

    def set_setting(self, key: str, value: Value) -> None:
        """Change one setting now and in the file. Raises SetupError; then nothing is changed."""
        refusal = BY_KEY[key].refusal(value)
        if refusal:
            raise SetupError(_("{key} {refusal}.").format(key=key, refusal=refusal))
        if key == "theme" and value not in self.available_themes:
            near = difflib.get_close_matches(str(value), self.available_themes, 1)
            raise SetupError(
                _("There is no theme called {name}.").format(name=" ".join(safe_text(str(value)).lines)),
                _("Did you mean {name}?").format(name=near[0]) if near else "",
            )
        if self.folder is not None:
            save(self.folder, key, value)
        self.settings = changed(self.settings, key, value)

    def other_accounts(self) -> Sequence[str]:
        """Return the names of accounts to switch to."""
        return ()


def settings_of(node: MessagePump) -> Settings:
    """Return the app's current settings for a widget or a screen."""
    app = node.app
    return app.settings if isinstance(app, SettingsApp) else Settings()
