"""A Textual app with the defences that no screen can leave out.

Every row passes ``TerminalGuard``; a crash shows one sentence; the app survives losing its terminal; nothing
opens an address or writes a screenshot. It never puts text of others into a title, a notification or a link.
A program's app inherits from it.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from platformdirs import user_state_path
from rich.segment import Segments
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import Event, Key, MouseDown, MouseScrollDown, MouseScrollUp, Paste
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.worker import WorkerFailed

from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.contrast import Contrast
from parlour_client.kit.terminal.crash import crash_report
from parlour_client.kit.terminal.guard import AllFilters, TerminalGuard
from parlour_client.kit.terminal.hangup import Hangup
from parlour_client.kit.terminal.input_parser import TerminalAnswer
from parlour_client.kit.terminal.key_queue import KeyQueue
from parlour_client.kit.terminal.themes import (
    OWN,
    TERMINAL,
    needed_contrast,
    own_themes,
    role_variables,
)
from parlour_protocol.kit.text import safe_text

_WRITTEN: Final = {
    "enter": "Enter", "escape": "Esc", "tab": "Tab", "space": N_("Space"), "backspace": N_("Backspace"),
    "delete": N_("Del"), "up": N_("Up"), "down": N_("Down"), "left": N_("Left"), "right": N_("Right"),
    "home": N_("Home"), "end": N_("End"), "pageup": N_("PgUp"), "pagedown": N_("PgDn"),
}  # fmt: skip
"""Keys as they stand on the keyboard."""
_HELD: Final = {"ctrl": N_("Ctrl"), "alt": N_("Alt"), "shift": N_("Shift")}
_FUNCTION: Final = re.compile(r"f\d{1,2}")
ANSWER_PATIENCE: Final = 1.0
"""Seconds for a terminal to answer, also over a slow line."""
_NOT_OFFERED = {"Screenshot", "Maximize", "Minimize"}  # a screenshot is a file without the defences


class SafeApp(App[None]):
    """An app whose screens may show text of others."""

    program: str = N_("This program")
    """Its name, in the sentence after a crash and in the path of its log."""
    after_crash: ClassVar[str] = ""
    """Text for someone after a crash, about what they did."""

    DEFAULT_CSS = """
    Screen OptionList:focus, Screen Input:focus { background-tint: transparent; }
    Screen TextArea:light .text-area--cursor { color: $background; background: $primary; }
    Screen ToastRack { dock: top; margin: 1 0 0 0; overflow-y: hidden; }
    Screen ToastHolder { display: none; &:last-child { display: block; } }
    Screen Toast { max-width: 100%; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", N_("Quit"), priority=True, id="app.quit"),
        Binding("ctrl+z", "suspend_process", N_("Suspend"), show=False, priority=True, id="app.suspend"),
    ]

    def __init__(self) -> None:
        # with NO_COLOR only the terminal's own colours, so that not even greys are sent
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.away = False
        """Whether another program has the terminal: then nothing may be written to it."""
        self.crash_log: Path | None = None
        """Where details of a crash go; None: the user's state folder."""
        self._answers = asyncio.Queue[str]()
        self._guard = TerminalGuard()
        self._filter = AllFilters([self._guard])
        self.keys = KeyQueue(self, self.hand_over, self.takes_turns)
        self._hangup = Hangup(self.save_before_end, self.exit, release=self._release_terminal)

    @property
    def text_order(self) -> str:
        """The part that puts right-to-left text in order: the `terminal`, the `client`, or `off`."""
        return "terminal"

    async def save_before_end(self) -> None:
        """Save what would be lost: the terminal hung up, or the machine shuts down."""

    def get_driver_class(self) -> type[Driver]:
        """Draw with a driver that survives losing its terminal."""
        found = super().get_driver_class()
        if sys.platform == "win32":
            return found
        from textual.drivers.linux_driver import LinuxDriver  # noqa: PLC0415 - not on Windows

        from parlour_client.kit.terminal.driver import TerminalDriver  # noqa: PLC0415 - the same

        return TerminalDriver if found is LinuxDriver else found

    def _release_terminal(self, gone: bool) -> None:  # noqa: FBT001 - as Hangup calls it
        """Stop drawing on a terminal that is gone, and don't wait long for one that takes nothing."""
        if sys.platform == "win32":
            return
        from parlour_client.kit.terminal.driver import TerminalDriver  # noqa: PLC0415 - not on Windows

        if isinstance(self._driver, TerminalDriver):
            self._driver.lose() if gone else self._driver.hurry()

    @property
    def has_few_colours(self) -> bool:
        """Whether only the terminal's own colours are used: it has sixteen, or the person wants none."""
        return self.no_color or self.console.color_system in {"standard", "windows"}

    def get_css_variables(self) -> dict[str, str]:
        """Give style sheets the colours of every role, also where a theme does not know it."""
        colours = super().get_css_variables()
        self.theme_variables = {**colours, **role_variables(self.current_theme, colours)}
        self._contrast = Contrast(needed_contrast(self.current_theme))
        return self.theme_variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Keep text readable in every theme, and add the third defence after all other filters."""
        filters = [*super().get_line_filters(), self._contrast, self._guard]
        if filters != self._filter.filters:
            self._filter = AllFilters(filters)  # another one: Textual caches lines by filter
        return [self._filter]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer only useful commands."""
        yield from (
            command for command in super().get_system_commands(screen) if command.title not in _NOT_OFFERED
        )

    def get_key_display(self, binding: Binding) -> str:
        """Write a key as it stands on the keyboard: `Ctrl+Q`, `Alt+Up`, `F1`, `r`."""
        *held, last = binding.key.split(",")[0].split("+")
        named = last in _WRITTEN
        if binding.key_display or not (held or named or len(last) == 1 or _FUNCTION.fullmatch(last)):
            return super().get_key_display(binding)
        written = _(_WRITTEN[last]) if named else last.upper() if held or len(last) > 1 else last
        return "+".join((*(_(_HELD.get(modifier, modifier)) for modifier in held), written))

    def action_help_quit(self) -> None:
        """Say how to quit, in the person's language: Ctrl+C is pressed by habit."""
        for active in self.active_bindings.values():
            if active.binding.action in {"quit", "app.quit"}:
                words = _("Ctrl+C does not quit. {key} does.").format(
                    key=self.get_key_display(active.binding)
                )
                self.notify(words, timeout=4)
                return

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 - never: text of others would end the app
    ) -> None:
        """Show a note for some seconds: as text, whatever is in it."""
        shown, head = "\n".join(safe_text(message).lines), " ".join(safe_text(title).lines)
        super().notify(shown, title=head if title else "", severity=severity, timeout=timeout, markup=False)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Open nothing: a link may lead anywhere."""

    # --- a crash shows one sentence: docs/explanation/architecture.md, private interfaces

    def goes_on_after(self, error: Exception) -> bool:  # noqa: ARG002 - an app may know
        """Return whether the app goes on after this error of a worker, a timer or a handler."""
        return False

    def _handle_exception(self, error: Exception) -> None:
        if isinstance(error, WorkerFailed) and isinstance(error.error, Exception):
            error = error.error  # Textual's wrapper around what a worker raised
        if self.goes_on_after(error):
            return
        self._return_code = 1
        if self._exception is None:  # Textual's pilot raises it again in tests
            self._exception = error
            self._exception_event.set()
        self._show_crash(error)

    def _fatal_error(self) -> None:
        self._show_crash(None)

    def panic(self, *renderables: Any) -> None:  # noqa: ARG002 - they may hold anything, so nothing of them is shown
        """Exit with a sentence."""
        self._show_crash(None)

    def _show_crash(self, error: BaseException | None) -> None:
        if not self._exit_renderables:
            log = self.crash_log or user_state_path(self.program.lower()) / "crash.log"
            self._exit_renderables.append(
                Segments([crash_report(error, log, self.console.width, _(self.program), _(self.after_crash))])
            )
        self._close_messages_no_wait()

    def on_load(self) -> None:
        """Listen for signals that end the process, and choose the colours, before the terminal is taken."""
        self._hangup.install()
        for theme in own_themes(self.console.color_system):
            self.register_theme(theme)
        self.theme = TERMINAL if self.has_few_colours else OWN[0].name
        self.animation_level = "none"

    async def on_unmount(self) -> None:
        """Stop listening for them."""
        self._hangup.remove()

    # --- keys

    async def on_event(self, event: Event) -> None:
        """Take keys in turn, each dialog's in the dialog."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self.keys.put(event)
            return
        if isinstance(event, MouseDown | MouseScrollDown | MouseScrollUp) and not event.is_forwarded:
            self.keys.clicked()
        await super().on_event(event)

    async def hand_over(self, event: Key | Paste) -> None:
        """Hand a key or a paste to whatever it is for: its turn has come."""
        await super().on_event(event)

    def takes_turns(self, event: Key | Paste) -> bool:  # noqa: ARG002 - of those who override it
        """Say whether the next key has to wait for this one, though no dialog is open.

        Only where no handler of the screen waits for the network: every later key would wait with it.
        """
        return False

    # --- the terminal

    @contextmanager
    def lend_terminal(self) -> Iterator[None]:
        """Give the terminal to another program; nothing is drawn or written meanwhile."""
        with self.suspend(), self.batch_update():  # draws would fill the driver's queue and block us
            self.away = True
            try:
                yield
            finally:
                self.away = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Ctrl+Z to the widgets where no shell could take the terminal."""
        if action == "suspend_process":
            return has_job_control() and self._driver is not None and self._driver.can_suspend
        return super().check_action(action, parameters)

    def action_suspend_process(self) -> None:
        """Stop, as a shell's job, until `fg`; then draw all again.

        The whole group is stopped, as by the terminal itself: a program that started this one would
        otherwise keep the shell waiting.
        """
        if sys.platform != "win32":
            with self.lend_terminal():
                # Another thread may get SIGCONT, and the driver's handler run when it has the terminal again:
                # it would take it a second time, and give back what it took.
                handler = signal.signal(signal.SIGCONT, signal.SIG_DFL)
                try:
                    os.kill(0, signal.SIGTSTP)
                finally:
                    signal.signal(signal.SIGCONT, handler)
            self.refresh(layout=True)

    async def ask_terminal(self, question: str) -> str:
        """Return what the terminal answers within a second, its attributes (DA1) last."""
        if sys.platform == "win32":
            return ""
        from parlour_client.kit.terminal.driver import TerminalDriver  # noqa: PLC0415 - not on Windows

        if not isinstance(self._driver, TerminalDriver) or self.away:
            return ""
        answered, self._answers = "", asyncio.Queue[str]()
        self._driver.ask(question)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_PATIENCE):
                while not answered.endswith("c"):
                    answered += await self._answers.get()
        return answered

    def on_terminal_answer(self, event: TerminalAnswer) -> None:
        """Hand an answer to the question that was asked last."""
        self._answers.put_nowait(event.text)

    @property
    def cell_pixels(self) -> tuple[int, int]:
        """Width and height of a cell in pixels; zeros if that is not known."""
        if sys.platform == "win32":
            return 0, 0
        from parlour_client.kit.terminal.driver import TerminalDriver  # noqa: PLC0415 - not on Windows

        return self._driver.cell_pixels if isinstance(self._driver, TerminalDriver) else (0, 0)

    def to_terminal(self, data: str) -> None:
        """Write an escape sequence made only of constants and of our own numbers."""
        if self._driver is not None and not self._driver.is_headless and not self.away:
            self._driver.write(data)


def has_job_control() -> bool:
    """Say whether a shell runs this program as a job; anything else that started it could not continue it."""
    return sys.platform != "win32" and os.getpgrp() != os.getsid(0)
