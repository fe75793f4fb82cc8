"""Applies the settings that affect the whole app: colours, keys, motion; and collects their errors.

Where there may be more themes is looked at every two seconds, so edits are visible at once. Errors in the
settings, a theme or the keys are a toast, and the settings screen has the sentences.
"""

from collections.abc import Callable
from typing import Final

from parlour_client.core.settings import Settings
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.terminal.themes import OWN, TERMINAL
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.input.keymap import keymap, problems
from parlour_client.ui.registry import REGISTRY, FoundThemes
from parlour_client.ui.toasts import Toast, toast

LOOK_EVERY: Final = 2.0
"""Seconds between two looks for themes: a few calls of stat."""


class Theming:
    """The colours, keys and motion of one app."""

    def __init__(self, app: SettingsApp) -> None:
        self._app = app
        self._looks: list[Callable[[], FoundThemes | None]] = []
        self._found_problems: tuple[str, ...] = ()
        self._is_applying = False

    def load(self) -> None:
        """Read the settings of the home folder and apply them."""
        app = self._app
        app.settings = app.read_settings()
        self._looks = [] if app.folder is None else [themes(app.folder) for themes in REGISTRY.themes]
        self.look()
        self.apply(app.settings)
        if self.problems():
            toast(app, Toast.WRONG_SETTINGS)

    def problems(self) -> list[str]:
        """Return the errors in settings, keys and themes; the sentences may quote the person's files."""
        settings = self._app.settings
        found = [*settings.problems, *problems(settings), *self._found_problems]
        if settings.theme not in self._app.available_themes:
            found.append(_("theme: there is no theme {name}; using the default.").format(name=settings.theme))
        return found

    def apply(self, settings: Settings) -> None:
        """Apply these settings."""
        app = self._app
        app.set_keymap(keymap(settings))
        app.set_class(settings.reduced_motion, "-reduced-motion")
        self.end_preview()

    @property
    def names(self) -> list[str]:
        """Every theme: Parlour's own first, then the person's and Textual's."""
        own = [*(theme.name for theme in OWN), TERMINAL]
        return [*own, *sorted(set(self._app.available_themes) - set(own))]

    @property
    def current(self) -> str:
        """The theme of the settings."""
        return self._app.settings.theme

    def preview(self, name: str) -> None:
        """Show a theme without keeping it."""
        if name in self._app.available_themes:
            self._show(name)

    def end_preview(self) -> None:
        """Show the theme of the settings again."""
        known = self.current in self._app.available_themes
        self._show(self.current if known else Settings().theme)

    def _show(self, theme: str) -> None:
        self._is_applying = True
        try:
            self._app.theme = TERMINAL if self._app.has_few_colours else theme
        finally:
            self._is_applying = False

    def theme_changed(self, theme: str) -> None:
        """Save a theme that was chosen in the palette."""
        app = self._app
        if self._is_applying or app.has_few_colours or not app.is_running:
            return
        if theme != app.settings.theme:
            try:
                app.set_setting("theme", theme)
            except SetupError:
                toast(app, Toast.NOT_SAVED)

    def look(self) -> None:
        """Apply themes that were changed; one that can't be used any more stays as it was."""
        for look in self._looks:
            if (found := look()) is not None:
                self._apply_found(found)

    def _apply_found(self, found: FoundThemes) -> None:
        for theme in found.themes.values():
            self._app.register_theme(theme)
        if found.problems and found.problems != self._found_problems:
            toast(self._app, Toast.WRONG_SETTINGS)
        self._found_problems = found.problems
        if self._app.settings.theme in found.themes:
            self.apply(self._app.settings)
            self._app.refresh_css(animate=False)
