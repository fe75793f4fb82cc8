"""What the app does for the composer: asks about a doubtful text, and opens the person's own editor.

While the editor has the terminal nothing is drawn, rung or written by Parlour, but the connection lives on.
No room is opened or left on the screen meanwhile, so that the text comes back to where it was begun.
``ParlourApp`` inherits it.
"""

import os
from contextlib import ExitStack

from textual import on, work
from textual.app import SuspendNotSupported

from parlour_client.core.errors import SetupError
from parlour_client.ui.app_settings import Preferring
from parlour_client.ui.chat.base import ChatParts, words_of
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.dialogs.paste import Choice, PasteScreen
from parlour_client.ui.input.editor import command_of, edit, in_memory
from parlour_client.ui.toasts import Notice, notice


class Errands(Preferring):
    """An app with a composer in it."""

    @on(Composer.Doubtful)
    def _doubtful(self, event: Composer.Doubtful) -> None:
        """Show what would go out, and ask."""
        screen = self.screen
        if not isinstance(screen, ChatParts):
            return
        composer = screen.composer

        def answer(choice: Choice | None) -> None:
            if event.pasted and choice in {Choice.SEND, Choice.EDIT}:
                composer.take_in(event.text)
            elif choice is Choice.DROP and not event.pasted:
                composer.put("")
            if choice is Choice.SEND and (text := composer.text.strip("\n")).strip():
                composer.send(text)
            screen.write()

        _ = self.push_screen(PasteScreen(event.text, event.findings, pasted=event.pasted), answer)

    @on(Composer.EditorWanted)
    def _editor_wanted(self) -> None:
        self.action_editor()

    @work(exclusive=True, group="editor")
    async def action_editor(self) -> None:
        """Go on writing in the person's own editor."""
        screen = self.screen
        if not isinstance(screen, ChatParts) or self.away or screen.drafts.room is None:
            return  # None: a room is just being opened, and its draft is still to come
        lent = screen.composer.text
        try:
            command = command_of(self.settings.editor, os.environ)
            text = await self._away(command, lent)
        except SetupError as error:
            screen.hint.refuse(words_of(error))
        except SuspendNotSupported:
            notice(self, Notice.NO_EDITOR)
        else:
            screen.composer.put_edited(lent, text)
            screen.write()
        finally:
            screen.come_back()

    async def _away(self, command: list[str], text: str) -> str:
        with ExitStack() as stack:
            stack.enter_context(self.suspend())
            stack.enter_context(self.batch_update())  # draws would fill the driver's queue and block us
            self.away = True
            try:
                return await edit(command, text, in_memory(os.environ))
            finally:
                self.away = False

    def bell(self) -> None:
        """Ring, unless the person wants no bell or another program has the terminal."""
        if self.settings.bell and not self.away:
            super().bell()
