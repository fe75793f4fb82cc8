"""Runs commands on the chat screen: from a typed line, or from a key.

The table of commands parses and runs them; ``results`` shows their results. Views of the screen itself, such
as help or the settings, are actions here.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from parlour_client.commands import history
from parlour_client.commands.command import Call, Command, View
from parlour_client.commands.front import Front
from parlour_client.commands.parse import read_arguments, read_line, unknown_command
from parlour_client.commands.results import SendWanted
from parlour_client.core.model import Entry
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.ui.chat.aim import Aim
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.results import ResultViews
from parlour_client.ui.registry import REGISTRY
from parlour_protocol.kit.ids import Seq

Action = Callable[[Mapping[str, Any]], Awaitable[None] | None]

_APP: Final = {
    View.QUIT: "quit",
    View.SETTINGS: "settings",
}
"""Views that are actions of the app."""


class SlashCommands:
    """The commands of one chat screen."""

    def __init__(
        self,
        pane: Pane,
        composing: ComposerController,
        navigation: Navigation,
        results: ResultViews,
        views: Mapping[View, Action],
    ) -> None:
        self._widget = pane.widget
        self._client, self._current, self._timeline = pane.client, pane.current, pane.timeline
        self._interaction = interaction = pane.interaction
        self._composing, self._navigation, self._results = composing, navigation, results

        def of_app(action: str) -> Action:
            return lambda _: interaction.app_action(action)

        self.views: Mapping[View, Action] = {
            **{view: of_app(action) for view, action in _APP.items()},
            View.SETTINGS_FILE: lambda _: interaction.app_action("settings_file"),
            View.ACCOUNT: lambda given: interaction.app_action(f"account({given['name'] or ''!r})"),
            **views,
        }

    async def run(self, text: str, aim: Aim | None = None) -> None:
        """Run a command, or send a message. Raises why it was refused.

        ``aim`` is where it was written; None: here and now.
        """
        line = read_line(text, Front.UI)
        if line.unknown:
            raise unknown_command(line.unknown, Front.UI)
        if line.command is None:
            await self._composing.send(line.rest, aim or self._composing.aim)
            return
        if aim is not None and aim.room != self._current.id:
            raise SetupError(_("Another room was opened meanwhile, so this was not done."))
        call = self._call()
        given = read_arguments(line.command, line.rest, call).values
        action = self._action(line.command)
        if action is None:
            result = await line.command(call, **given)
            if isinstance(result, SendWanted):
                await self._composing.send(result.text, aim or self._composing.aim)
            else:
                await self._results.show(result)
            if line.command is history.read:
                self._navigation.end_peek()
        elif (waiting := action(given)) is not None:
            await waiting

    def _action(self, command: Command[..., Any]) -> Action | None:
        """Return what the screen does for a command by itself."""
        if (show := REGISTRY.shows.get(command)) is not None:
            return partial(show, self._widget.screen)
        return self.views.get(command.view) if command.view is not None else None

    def run_soon(self, text: str) -> None:
        """Run a line from the palette, in the background."""
        self._interaction.run(lambda: self.run(text))

    async def act(self, command: Command[..., Any], **given: Any) -> None:
        """Run a key's command."""
        await self._results.show(await command(self._call(), **given))

    def act_soon(self, command: Command[..., Any], **given: Any) -> None:
        """Run it in the background."""
        self._interaction.run(lambda: self.act(command, **given))

    def _call(self) -> Call:
        """Return the context of a command given now."""
        return Call(
            self._client,
            Front.UI,
            self._interaction.settings,
            room=self._current.room,
            message=self._chosen(lambda entry: entry.text is not None),
            file=self._chosen(_has_file),
            thread=self._current.thread,
        )

    def _chosen(self, is_meant: Callable[[Entry], bool]) -> Seq | None:
        """Return the selected message, or the newest suitable one."""
        selected = self._timeline.selected
        if selected is not None:
            return selected.seq
        entries = reversed(self._timeline.entries)
        return next((entry.seq for entry in entries if entry.seq is not None and is_meant(entry)), None)


def _has_file(entry: Entry) -> bool:
    return entry.file is not None and not entry.deleted
