"""`parlour lab` on a screen: the lines, and for one of them the threat, the code, and what its attack did.

Code, logs and evidence are shown by the widgets that show strangers' words in the chat: none of their bytes
reaches the terminal as anything but text.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.screen import Screen
from textual.widgets import OptionList

from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.footer import KeyFooter
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, option, own, peer, peer_line
from parlour_lab.attack import Outcome, Verdict, load
from parlour_lab.check import Checked, check, summary
from parlour_lab.excerpt import Excerpt, excerpt
from parlour_lab.explain import ENDINGS
from parlour_lab.rows import Row, RowError
from parlour_lab.source import MissingSourceError, Source, find_source, is_of_library

Play = Callable[[Sequence[Row]], list[Checked]]
"""Plays rows with their defences and without: in another thread, for seconds."""

_STYLES: Final = {
    Verdict.HELD: "$text-success",
    Verdict.BROKEN: "bold $text-error",
    Verdict.NOT_TRIED: "dim",
    Verdict.ERROR: "bold $text-warning",
}


class LabScreen(Screen[None]):
    """The list on the left, one line of it on the right."""

    DEFAULT_CSS = """
    LabScreen Horizontal { height: 1fr; }
    LabScreen #lines { width: 30%; min-width: 26; border: none; border-right: vkey $panel; padding: 0; }
    LabScreen #one { width: 1fr; padding: 0 1; }
    LabScreen #one:focus { background-tint: $foreground 3%; }
    LabScreen #state { height: 1; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,a", "attack", "Attack, with and without", priority=True),
        Binding("ctrl+a", "attack_all", "All lines"),
        Binding("tab", "app.focus_next", "List/text", show=True),
        Binding("q", "app.quit", "Quit", show=False),
    ]

    def __init__(self, rows: Sequence[Row], source: Source, play: Play) -> None:
        super().__init__()
        self._rows = {row.id: row for row in rows}
        self._source = source
        self._play = play
        self._played: dict[str, Checked] = {}
        self._waiting: list[Row] = []
        self._shown = rows[0].id

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Horizontal():
            labels = [option(self._label(row), id=row.id) for row in self._rows.values()]
            yield OptionList(*labels, id="lines", markup=False, compact=True)
            with VerticalScroll(id="one"):
                yield SafeStatic(id="text")
        yield SafeStatic(id="state")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the first line."""
        self.query_one("#lines", OptionList).highlighted = 0
        self._tell("Nothing is installed or changed: attacks run on loopback, in a copy.")

    @on(OptionList.OptionHighlighted)
    def _chosen(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id is not None:
            self._shown = event.option_id
            self._show()
            self.query_one("#one").scroll_home(animate=False)

    def action_attack(self) -> None:
        """Play the line that is shown."""
        self._begin([self._rows[self._shown]])

    def action_attack_all(self) -> None:
        """Play all lines, one after another."""
        self._begin([row for row in self._rows.values() if row.id not in self._played])

    def _begin(self, rows: Sequence[Row]) -> None:
        idle = not self._waiting
        self._waiting += [row for row in rows if row not in self._waiting]
        if idle and self._waiting:
            self.run_worker(self._work(), group="attacks", exclusive=True)

    async def _work(self) -> None:
        while self._waiting:
            row = self._waiting[0]
            self._tell(f"{row.id}: attacking with the defence and without … ({len(self._waiting)} to do)")
            try:
                (found,) = await asyncio.to_thread(self._play, [row])
            except (RowError, MissingSourceError, RuntimeError) as error:
                self._waiting.clear()
                self._tell(f"{row.id}: {error}")
                return
            self._waiting.remove(row)
            self._played[row.id] = found
            self.query_one("#lines", OptionList).replace_option_prompt(row.id, self._label(row))
            if row.id == self._shown:
                self._show()
                self.query_one("#one").scroll_end(animate=False)
        played = list(self._played.values())
        left = sum(bool(one.not_tried) for one in played)
        self._tell(summary(played).splitlines()[-1] + (f"; {left} not tried" if left else ""))

    def _tell(self, sentence: str) -> None:
        self.query_one("#state", SafeStatic).show(peer_line(sentence))

    def _label(self, row: Row) -> Content:
        played = self._played.get(row.id)
        mark, style = (" ", "") if played is None else _mark(played)
        return join(own(f"{mark} ", style), own(f"{row.id:<4} ", "bold"), own(load(row.attack).name))

    def _show(self) -> None:
        row = self._rows[self._shown]
        self.query_one("#text", SafeStatic).show(described(row, self._source, self._played.get(row.id)))


def _mark(played: Checked) -> tuple[str, str]:
    if played.not_tried:
        return "-", "dim"
    return ("✓", "$text-success") if played.ok else ("✗", "$text-error")


def described(row: Row, source: Source, played: Checked | None) -> Content:
    """Return everything about a row."""
    attack = load(row.attack)
    parts = [own(f"{row.id}  line {row.line} of docs/security.md", "bold"), own("")]
    parts += [_heading("Threat"), peer(row.threat)]
    for defence in row.defences:
        parts += [own(""), _heading("Defence")]
        try:
            parts += _code(excerpt(defence, source))
        except (RowError, MissingSourceError) as error:
            parts.append(peer(str(error)))
    if row.absent:
        parts += [own(""), _heading("Defence"), peer(f"Nothing that could be taken out. {row.absent}")]
    parts += [own(""), _heading("Attack"), peer_line(attack.title)]
    parts.append(peer_line(f"It fails if this holds: {attack.expects}"))
    if played is None:
        parts += [own(""), own("Enter: play the attack with the defence and without it", "dim")]
    else:
        parts += [own(""), *_evidence("With the defence", played.with_defence)]
        if not row.absent:
            parts += [own(""), *_evidence("Without the defence", played.without)]
        if played.problem:
            parts += [own(""), own("Not as it must be: ", "bold $text-error"), peer(played.problem)]
    parts += [own(""), _heading("Test"), peer_line(row.test)]
    return lines(*parts)


def _heading(words: str) -> Content:
    return own(words.upper(), "bold $text-primary")


def _code(one: Excerpt) -> list[Content]:
    where = "A library defends: " if is_of_library(one.file) else ""
    found = [peer_line(f"{where}{one.file}, line {one.marked.start}", style="dim")]
    width = len(str(one.first + len(one.lines)))
    common = min((len(text) - len(text.lstrip()) for text in one.lines if text.strip()), default=0)
    for number, text in enumerate(one.lines, one.first):
        marked = number in one.marked
        bar = own("▌ ", "bold $text-success") if marked else own("  ")
        found.append(join(own(f"{number:>{width}} ", "dim"), bar, _highlighted(text[common:], one.file)))
    found.append(own("Without it:" if one.instead else "Without it: nothing stands there.", "dim"))
    bar = join(own(" " * width + " "), own("▌ ", "bold $text-error"))
    found += [join(bar, _highlighted(text[common:], one.file)) for text in one.instead]
    return found


def _highlighted(text: str, file: str) -> Content:
    """Return a line of code: coloured if it is plain ASCII, and shown as a stranger's otherwise."""
    if text.isascii() and text.isprintable() and text.strip():
        return highlight(text, path=file).rstrip("\n")
    return peer_line(text) if text.strip() else own("")


def _evidence(where: str, outcome: Outcome | None) -> list[Content]:
    if outcome is None:
        return [_heading(where), own("Not played.")]
    words = ENDINGS[outcome.verdict]
    if outcome.verdict in {Verdict.NOT_TRIED, Verdict.ERROR}:
        words = f"{words}: {outcome.why}"
    found = [join(_heading(where), own("  "), peer_line(words, 300, _STYLES[outcome.verdict]))]
    found += [join(own(f"{step.kind.value:<9}", "dim"), peer_line(step.text, 700)) for step in outcome.steps]
    if outcome.left_out:
        found.append(own(f"and {outcome.left_out} more steps", "dim"))
    return found


class LabApp(SafeApp):
    """The laboratory."""

    ENABLE_COMMAND_PALETTE = False
    program = "Parlour"

    def __init__(self, rows: Sequence[Row], source: Source, play: Play) -> None:
        super().__init__()
        self._lab = LabScreen(rows, source, play)

    async def on_mount(self) -> None:
        """Show the screen."""
        await self.push_screen(self._lab)


def run(rows: Sequence[Row]) -> int:
    """Open the screen; returns the exit status."""
    source = find_source()
    app = LabApp(rows, source, lambda some: check(some, source))
    app.run()
    return app.return_code or 0
