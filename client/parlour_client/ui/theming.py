"""What the settings change about the whole app: colours, keys, motion; and telling when they are wrong.

Themes of the person are looked at every two seconds and take effect while one looks at them. What is wrong in
the settings, a theme or the keys is a notice, and the settings screen has the sentences. ``ParlourApp``
inherits it.
"""

from typing import Final

from parlour_client.core.errors import SetupError
from parlour_client.core.settings import Settings
from parlour_client.ui.app_settings import Preferring
from parlour_client.ui.input.keymap import keymap, problems
from parlour_client.ui.themes import OWN, Folder
from parlour_client.ui.toasts import Notice, notice

LOOK_EVERY: Final = 2.0
"""Seconds between two looks at the folder of themes: a few calls of stat."""
PLAIN: Final = "ansi-dark"
"""What NO_COLOR is drawn in: the terminal's own two colours."""


class Dressed(Preferring):
    """An app that wears its settings."""

    _themes: Folder | None = None
    _theme_problems: tuple[str, ...] = ()
    _dressing = False

    def dress(self) -> None:
        """Read the settings of the home folder and put them on."""
        for theme in OWN:
            self.register_theme(theme)
        self.animation_level = "none"
        self.settings = self.read_settings()
        self._themes = Folder(self.folder / "themes") if self.folder is not None else None
        self.look_at_themes()
        self._put_on(self.settings)
        if self.wrong_settings():
            notice(self, Notice.WRONG_SETTINGS)

    def wrong_settings(self) -> list[str]:
        """Return what is wrong with settings, keys and themes; the sentences may quote the person's files."""
        found = [*self.settings.problems, *problems(self.settings), *self._theme_problems]
        if self.settings.theme not in self.available_themes:
            found.append(f"theme: there is no theme {self.settings.theme}; the default holds.")
        return found

    def watch_settings(self, settings: Settings) -> None:
        """Put changed settings on."""
        if self.is_running:
            self._put_on(settings)
            self.show_mode()

    def show_mode(self) -> None:
        """Say the mode of the keys where there are modes."""

    def _put_on(self, settings: Settings) -> None:
        self.set_keymap(keymap(settings))
        self.set_class(settings.reduced_motion, "-reduced-motion")
        self._dressing = True
        try:
            known = settings.theme in self.available_themes
            self.theme = PLAIN if self.no_color else settings.theme if known else Settings().theme
        finally:
            self._dressing = False

    def watch_theme(self, theme: str) -> None:
        """Keep a theme that was chosen in the palette."""
        if self.is_running and not self._dressing and not self.no_color and theme != self.settings.theme:
            try:
                self.set_setting("theme", theme)
            except SetupError:
                notice(self, Notice.NOT_SAVED)

    def look_at_themes(self) -> None:
        """Take what changed in the folder of themes; a broken file leaves its theme as it was."""
        found = self._themes.changed() if self._themes is not None else None
        if found is None:
            return
        for theme in found.themes.values():
            self.register_theme(theme)
        if found.problems and found.problems != self._theme_problems:
            notice(self, Notice.WRONG_SETTINGS)
        self._theme_problems = found.problems
        if self.settings.theme in found.themes:
            self._put_on(self.settings)
            self.refresh_css(animate=False)
