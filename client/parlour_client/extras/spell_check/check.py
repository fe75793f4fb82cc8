"""Spelling in the composer: misspelt words are underlined, and a key suggests others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from textual.screen import Screen
from textual.widget import Widget

from parlour_client.extras.spell_check.program import Spelling, Word, language_of, words_of
from parlour_client.kit.widgets.safe import peer_line
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.input.completion import Offer

_ASKED_AFTER: Final = 0.3
"""Seconds after the last key until the program is asked about new words."""


class SpellCheck(Widget):
    """Checks one composer in one language, and is not seen itself."""

    DEFAULT_CSS = "SpellCheck { display: none; }"

    def __init__(self, pane: RoomPane, language: str) -> None:
        super().__init__()
        self.language = language
        self._composer: Composer = pane.composer
        self._refuse = pane.interaction.refuse
        self._spelling = Spelling(language, self._check)
        self._misspelt: Sequence[Word] = ()
        self._ask_soon = Deferred(self, self._ask)

    def on_mount(self) -> None:
        """Check what is there, and what is written."""
        self._composer.edited.subscribe(self, lambda _: self._check(), immediate=True)
        self._check()

    async def on_unmount(self) -> None:
        """Underline nothing any more, and end the program."""
        self._ask_soon.cancel()
        if self._composer.is_attached:
            self._composer.underline(())
        await self._spelling.stop()

    def _check(self) -> None:
        """Underline what is known to be misspelt, and ask about the rest soon."""
        composer, spelling = self._composer, self._spelling
        words = [word for word in words_of(composer.text) if (word.row, word.end) != composer.cursor_location]
        self._misspelt = [word for word in words if spelling.suggestions(word.text) is not None]
        composer.underline([(word.row, word.start, word.end) for word in self._misspelt])
        if spelling.problem:
            self._refuse(spelling.problem)
            _done = self.remove()
        elif spelling.unknown(words):
            self._ask_soon.postpone(_ASKED_AFTER)

    def _ask(self) -> None:
        """Ask in the background: no key waits for the answer."""
        unknown = self._spelling.unknown(words_of(self._composer.text))
        _worker = self.run_worker(self._spelling.ask(unknown), group="spelling")

    def suggest(self) -> None:
        """Offer spellings for the misspelt word at or before the cursor, or else for the first one."""
        place = self._composer.cursor_location
        before = [word for word in self._misspelt if (word.row, word.start) <= place]
        word = before[-1] if before else next(iter(self._misspelt), None)
        suggestions = self._spelling.suggestions(word.text) if word is not None else None
        if word is not None and suggestions:
            offers = [Offer(suggestion, peer_line(suggestion)) for suggestion in suggestions]
            self._composer.offer_instead((word.row, word.start, word.end), offers)


def use(pane: Widget, wanted: str, environment: Mapping[str, str]) -> None:
    """Check what is written in a pane in the wanted language; empty: check nothing."""
    assert isinstance(pane, RoomPane)  # noqa: S101 - one writes nowhere else
    language = language_of(wanted, environment) if wanted else ""
    used = next(iter(pane.query(SpellCheck)), None)
    if used is not None and used.language != language:
        _done = used.remove()
    if language and (used is None or used.language != language):
        _shown = pane.mount(SpellCheck(pane, language))


def suggest(screen: Screen[Any]) -> None:
    """Suggest spellings in the pane in front."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - the key is one of the chat
    for check in screen.pane.query(SpellCheck):
        check.suggest()
