"""The screen: the tables on the left, a board on the right. Every key is in the line at the bottom."""

from collections.abc import Iterable
from typing import ClassVar, Final, TypeAlias, assert_never

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from parlour_client.kit.answers import Letter
from parlour_client.kit.app import LinkScreen
from parlour_client.kit.errors import ServerMisbehavedError, SetupError, UnreachableError
from parlour_client.kit.link import Link
from parlour_client.kit.widgets.footer import KeyFooter
from parlour_client.kit.widgets.questions import Choices, ConfirmScreen
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, option, own, peer_line
from parlour_protocol.kit.frames import Hello
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import UserName

from game.frames import (
    TABLES_EACH,
    TABLES_PAGE,
    Changed,
    Follow,
    Listed,
    ListTables,
    Play,
    Played,
    Pushes,
    Requests,
    Results,
    Steps,
    Table,
    Tables,
)
from game.rules import (
    COLUMNS,
    ROWS,
    Act,
    Claim,
    Drop,
    End,
    IllegalActError,
    Match,
    Open,
    Resign,
    Sit,
    Step,
    after,
    discs,
    four,
)

MOST_PAGES: Final = 5
MOST_TABLES: Final = MOST_PAGES * TABLES_PAGE
"""How many tables the list has room for."""
DISCS: Final = {"red": ("●", "$text-error"), "yellow": ("○", "$text-warning")}
"""Of each colour, with a shape of its own for those who see no colours."""
RED, YELLOW = (own(*DISCS[colour]) for colour in ("red", "yellow"))
ACTS: Final[dict[str, Act]] = {"open": Open(), "sit": Sit(), "resign": Resign(), "claim": Claim()}


MatchLink: TypeAlias = Link[Hello, Requests, Results, Pushes]


def state_words(state: Match | Listed, me: UserName | None) -> Content:
    """Say how a match stands."""
    won = own("you won", "bold $text-success")
    if state.winner != me:
        won = join(peer_line(state.winner or ""), own(" won"))
    match state.end:
        case None:
            if state.turn is None:
                return own("waiting for another player")
            if state.turn == me:
                return own("your turn", "bold $text-accent")
            return join(peer_line(state.turn), own("'s turn"))
        case End.FOUR:
            words = won
        case End.RESIGNED:
            words = join(won, own(" by resignation"))
        case End.TIMEOUT:
            words = join(won, own(" on time"))
        case End.FULL:
            words = own("a draw")
        case End.WITHDRAWN:
            words = own("withdrawn")
        case _:
            assert_never(state.end)
    return words


def players(state: Match | Listed) -> Content:
    """Say who plays, each with their disc."""
    guest = own("…", "dim") if state.yellow is None else peer_line(state.yellow, 32)
    return join(RED, own(" "), peer_line(state.red, 32), own("  "), YELLOW, own(" "), guest)


class TableList(Choices):
    """All tables: those that wait for a player first, then those with a match, then the finished ones."""

    def show_tables(self, tables: Iterable[Listed], me: UserName | None) -> None:
        """Show these, and keep the place."""
        kept = self.highlighted_option.id if self.highlighted_option else None
        groups: dict[str, list[Option]] = {"Open": [], "Playing": [], "Finished": []}
        for table in sorted(tables, key=lambda each: (me not in {each.red, each.yellow}, each.table.name)):
            group = "Finished" if table.end else "Open" if table.yellow is None else "Playing"
            about = join(own(f"  {table.table.number}: "), state_words(table, me)).stylize("dim")
            groups[group].append(option(lines(players(table), about), id=table.table.name))
        self.clear_options()
        for words, options in groups.items():
            if options:
                self.add_options([option(own(words, "bold $text-primary"), disabled=True), *options])
        places = {choice.id: place for place, choice in enumerate(self.options) if not choice.disabled}
        self.highlighted = places.get(kept, min(places.values(), default=None))


class Board(SafeStatic, can_focus=True):
    """A match: to play, to watch, and to step through when it is over."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "aim(-1)", "Column", key_display="←→"),
        Binding("right", "aim(1)", "Column", show=False),
        Binding("enter,space,down", "drop", "Drop"),
        Binding("left", "step(-1)", "Step through", key_display="←→"),
        Binding("right", "step(1)", "Step through", show=False),
        Binding("s", "act('sit')", "Sit down"),
        Binding("a", "act('open')", "Play again"),
        Binding("c", "act('claim')", "Claim the win"),
        Binding("r", "act('resign')", "Resign"),
    ]

    class Acted(Message):
        """The person wants to do this."""

        def __init__(self, act: Act) -> None:
            super().__init__()
            self.act = act

    def __init__(self) -> None:
        super().__init__(own("Choose a table, or press n for your own.", "dim"))
        self._table: Table | None = None
        self._state: Match | None = None
        self._me: UserName | None = None
        self._column = COLUMNS // 2
        self._moves = 0
        """How many are drawn."""

    def show_match(self, table: Table, state: Match | None, me: UserName | None) -> None:
        """Show a match as it is now."""
        self._table, self._state, self._me = table, state, me
        self._moves = len(state.moves) if state else 0
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the keys that do something now."""
        state, me = self._state, self._me
        if state is None:
            return False
        plays, over = me in {state.red, state.yellow}, state.end is not None
        offered = {
            "aim": plays and state.turn is not None,
            "drop": state.turn == me,
            "step": over and bool(state.moves),
            "sit": state.yellow is None and not plays and not over,
            "open": over and state.red == me,
            "claim": plays and state.turn not in {None, me},
            "resign": plays and not over,
        }
        return offered.get(str(parameters[0]) if action == "act" else action, True)

    def action_aim(self, by: int) -> None:
        """Choose another column."""
        self._column = (self._column + by) % COLUMNS
        self._draw()

    def action_drop(self) -> None:
        """Drop a disc."""
        self.post_message(self.Acted(Drop(self._column)))

    def action_step(self, by: int) -> None:
        """Show a finished match as it was a move before, or after."""
        if self._state is not None:
            self._moves = max(0, min(self._moves + by, len(self._state.moves)))
            self._draw()

    def action_act(self, name: str) -> None:
        """Sit down, open, claim or resign."""
        self.post_message(self.Acted(ACTS[name]))

    def _draw(self) -> None:
        table, state = self._table, self._state
        if table is None:
            return
        title = join(peer_line(table.host, 32), own(f"'s table {table.number}")).stylize("bold")
        if state is None:  # its steps are on their way
            self.show(title)
            self.refresh_bindings()
            return
        about = state_words(state, self._me)
        if state.end is not None and state.moves:
            about = join(about, own(f"\nmove {self._moves} of {len(state.moves)}", "dim"))
        aim = own("  " + "    " * self._column + "▼", "bold $text-accent")
        aims = self.check_action("aim", (0,))
        grid = self._grid(state.moves[: self._moves])
        self.show(lines(title, players(state), aim if aims else own(""), grid, about))
        self.refresh_bindings()

    @staticmethod
    def _grid(moves: tuple[int, ...]) -> Content:
        found, won = discs(moves), four(moves)
        bar = own("│", "$primary")
        rows = [own("┌" + "───┬" * (COLUMNS - 1) + "───┐", "$primary")]
        for row in reversed(range(ROWS)):
            cells: list[Content] = []
            for column in range(COLUMNS):
                mark, style = DISCS[found[column, row]] if (column, row) in found else (" ", "")
                reverse = " reverse bold" if (column, row) in won else ""
                cells.append(own(f" {mark} ", style + reverse))
            rows.append(join(bar, bar.join(cells), bar))
            if row:
                rows.append(own("├" + "───┼" * (COLUMNS - 1) + "───┤", "$primary"))
        rows.append(own("└" + "───┴" * (COLUMNS - 1) + "───┘", "$primary"))
        return lines(*rows)


class MatchScreen(LinkScreen[Hello, Requests, Results, Pushes]):
    """The tables and a board."""

    DEFAULT_CSS = """
    MatchScreen TableList { width: 34; height: 1fr; border: none; padding: 1 1 0 1; }
    MatchScreen #match { padding: 1 2 0 2; }
    MatchScreen Board { height: auto; }
    MatchScreen KeyFooter { dock: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new_table", "New table"),
        Binding("escape", "tables", "Tables"),
    ]

    def __init__(self, link: MatchLink) -> None:
        super().__init__(link)
        self._list, self._board = TableList(), Board()
        self._me: UserName | None = None
        self._listed: dict[str, Listed] = {}
        self._table: Table | None = None
        self._state: Match | None = None
        self._last = 0
        """The newest step of the table that is in ``_state``."""
        self._in_flight = False
        """Whether the server has been asked for a step, and has not answered yet."""
        self._lost: Play | None = None
        """A step whose connection ended before the answer."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Horizontal():
            yield self._list
            with Vertical(id="match"):
                yield self._board
        yield KeyFooter()

    async def connected(self, greeting: Hello) -> None:
        """Get the list and the steps since the last connection; send again what was not answered."""
        self._me = greeting.user
        await self._catch_up()

    def pushed(self, push: Pushes) -> None:
        """Show a step, or a table that has changed."""
        match push:
            case Played(table, step):
                if table == self._table:
                    self._take(step)
            case Changed(listed):
                name = listed.table.name
                if name in self._listed or len(self._listed) < MOST_TABLES:
                    self._listed[name] = listed
                    self._show_list()
            case _:
                assert_never(push)

    def on_option_list_option_selected(self, event: Choices.OptionSelected) -> None:
        """Go to the chosen table."""
        self._enter(self._listed[str(event.option_id)].table)

    def on_board_acted(self, event: Board.Acted) -> None:
        """Send what the person does."""
        self.run_worker(self._act(event.act))

    def action_tables(self) -> None:
        """Go to the list."""
        self._list.focus()

    def action_new_table(self) -> None:
        """Begin a match at one of your own tables."""
        self.run_worker(self._open())

    async def _catch_up(self) -> None:
        listed: dict[str, Listed] = {}
        after_table, more = None, True
        for _ in range(MOST_PAGES):  # and not until the server says that it is the last
            if not more:
                break
            match await self.link.ask(ListTables(new_request_id(), after_table)):
                case Tables(tables, more) if tables or not more:
                    listed |= {table.table.name: table for table in tables}
                    after_table = tables[-1].table if tables else None
                case _:
                    raise ServerMisbehavedError("The server sent no page of the list.")
        self._listed = listed
        self._show_list()
        await self._follow()
        if self._lost is not None:
            await self._send(self._lost)

    async def _follow(self) -> None:
        if (table := self._table) is None:
            return
        match await self.link.ask(Follow(new_request_id(), table, Seq(self._last))):
            case Steps(steps) if table == self._table:
                if steps and isinstance(steps[0].act, Open):  # the first match seen here, or a later one
                    self._state, self._last = None, steps[0].seq - 1
                for step in steps:
                    if step.seq > self._last + 1:
                        raise ServerMisbehavedError("The server left out steps.")
                    self._take(step)
            case Steps():
                pass  # the person has gone to another table meanwhile
            case _:
                raise ServerMisbehavedError("The server sent no steps.")

    def _take(self, step: Step) -> None:
        """Show a step; one that is there already comes by the page and the push, and changes nothing."""
        if step.seq > self._last + 1:
            self.run_worker(self._follow(), group="follow", exclusive=True)
        elif step.seq == self._last + 1 and self._table is not None:
            try:
                self._state = after(self._state, step)
            except IllegalActError as error:
                self.tell_problem(ServerMisbehavedError("The server sent a wrong step.", str(error)))
                return
            self._last = step.seq
            self._board.show_match(self._table, self._state, self._me)

    def _enter(self, table: Table) -> None:
        self._table, self._state, self._last = table, None, 0
        self._board.show_match(table, None, self._me)
        self._board.focus()
        self.run_worker(self._follow(), group="follow", exclusive=True)

    async def _open(self) -> None:
        if self._me is None or self._waits:
            return
        for table in (Table(self._me, number) for number in range(1, TABLES_EACH + 1)):
            listed = self._listed.get(table.name)
            if listed is None or listed.end is not None:
                await self._send(Play(new_request_id(), table, Open()))
                self._enter(table)
                return
        raise SetupError(f"Each of your {TABLES_EACH} tables has a match.", "Finish one first.")

    async def _act(self, act: Act) -> None:
        if isinstance(act, Resign):
            yes = Letter("r", "resign")
            sure = await self.app.push_screen_wait(ConfirmScreen(own("Resign this match?"), yes))
            if not sure:
                return
        if self._table is not None and not self._waits:
            await self._send(Play(new_request_id(), self._table, act))

    async def _send(self, play: Play) -> None:
        """Send a step. One without an answer is sent again after the next greeting, and stored once."""
        self._lost, self._in_flight = None, True
        try:
            await self.link.ask(play)
        except UnreachableError:
            self._lost = play
            raise UnreachableError("No answer.", "It is sent again when the connection is back.") from None
        finally:
            self._in_flight = False

    @property
    def _waits(self) -> bool:
        """Whether a step has no answer yet: the next one is not sent before it."""
        return self._in_flight or self._lost is not None

    def _show_list(self) -> None:
        self._list.show_tables(self._listed.values(), self._me)
