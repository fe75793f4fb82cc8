"""The screen: a table of symbols, each with its price, its change and a sparkline."""

from collections import deque
from typing import Final, TypeAlias, assert_never

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Sparkline

from parlour_client.kit.app import LinkScreen
from parlour_client.kit.link import Link
from parlour_client.kit.widgets.safe import SafeStatic, own, peer_line
from parlour_protocol.kit.frames import Hello
from parlour_protocol.kit.ids import new_request_id

from ticker.frames import SYMBOLS, Price, Pushes, Requests, Results, Watch

PriceLink: TypeAlias = Link[Hello, Requests, Results, Pushes]

HISTORY: Final = 60
"""How many prices a sparkline shows."""


class Row(Horizontal):
    """One symbol."""

    def __init__(self, symbol: str) -> None:
        super().__init__()
        self._symbol = symbol
        self._first: int | None = None
        self._prices: deque[float] = deque(maxlen=HISTORY)
        self._price = SafeStatic(own("-"), classes="price")
        self._change = SafeStatic(classes="change")
        self._sparkline = Sparkline()

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield SafeStatic(peer_line(self._symbol), classes="symbol")
        yield self._price
        yield self._change
        yield self._sparkline

    def show(self, cents: int) -> None:
        """Show a new price, and its change since the first one."""
        first = self._first = cents if self._first is None else self._first
        change = cents - first
        self._prices.append(cents)
        self._price.show(own(f"{cents / 100:,.2f}"))
        self._change.show(own(f"{change / 100:+,.2f}", "$text-error" if change < 0 else "$text-success"))
        self._sparkline.data = list(self._prices)


class PriceScreen(LinkScreen[Hello, Requests, Results, Pushes]):
    """All symbols that are watched."""

    DEFAULT_CSS = """
    PriceScreen { padding: 1 2; }
    Row { height: 1; margin-bottom: 1; }
    Row .symbol { width: 10; text-style: bold; }
    Row .price, Row .change { width: 14; text-align: right; }
    Row Sparkline { width: 1fr; margin-left: 2; }
    """

    def __init__(self, link: PriceLink, symbols: tuple[str, ...] = SYMBOLS) -> None:
        super().__init__(link)
        self._rows = {symbol: Row(symbol) for symbol in symbols}

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield from self._rows.values()

    async def connected(self, greeting: Hello) -> None:  # noqa: ARG002 - it says who we are, which the status line shows
        """Watch the symbols: a server knows nothing of an earlier connection."""
        await self.link.ask(Watch(new_request_id(), tuple(self._rows)))

    def pushed(self, push: Pushes) -> None:
        """Show a price; one that was not asked for has no row."""
        match push:
            case Price(symbol, cents):
                if row := self._rows.get(symbol):
                    row.show(cents)
            case _:
                assert_never(push)
