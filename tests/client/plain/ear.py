"""A person at the line mode: types lines and hears lines."""

from collections.abc import Sequence
from itertools import count

from tests.client.ui.ui_fake import FakeClient

from parlour_client.core.settings import Settings
from parlour_client.plain.line_mode import LineMode


class Ear:
    """Says lines, hears lines."""

    def __init__(self, client: FakeClient, settings: Settings | None = None) -> None:
        self.heard: list[str] = []
        self.client = client
        self.mode = LineMode(client, self.heard.append, settings or Settings())
        self.mode.now = count(0.0, 1.0).__next__  # a second passes before each answer
        client.subscribe(self.mode.on_change)

    async def say(self, *lines: str) -> Sequence[str]:
        """Type lines; returns what was heard then."""
        before = len(self.heard)
        for line in lines:
            await self.mode.handle(line)
        return self.heard[before:]
