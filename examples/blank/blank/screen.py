"""The screen: the counter, and a key that adds to it."""

from typing import ClassVar, assert_never

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from parlour_client.kit.app import LinkScreen
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_protocol.kit.frames import Hello
from parlour_protocol.kit.ids import new_request_id

from blank.frames import Add, Count, Pushes, Requests, Results


class CounterScreen(LinkScreen[Hello, Requests, Results, Pushes]):
    """The screen after someone has logged in."""

    DEFAULT_CSS = "CounterScreen { padding: 1 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "add", "Add one")]

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield SafeStatic(own("-"), id="count")
        yield SafeStatic(own("Space: add one    Ctrl+Q: quit", "dim"))

    async def connected(self, greeting: Hello) -> None:  # noqa: ARG002 - it says who we are, which the status line shows
        """Ask for the counter: a server knows nothing of an earlier connection."""
        await self.link.ask(Add(new_request_id(), 0))

    async def action_add(self) -> None:
        """Add one."""
        await self.link.ask(Add(new_request_id(), 1))

    def pushed(self, push: Pushes) -> None:
        """Show the counter. A name comes from someone else, so it goes through ``peer_line``."""
        match push:
            case Count(total, user):
                count = self.query_one("#count", SafeStatic)
                count.show(join(own(f"{total}", "bold"), own("  last: "), peer_line(user)))
            case _:
                assert_never(push)
