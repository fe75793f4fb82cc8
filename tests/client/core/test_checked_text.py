"""What is said of a text that cannot be sent."""

import pytest
from tests.client.core.core_fake import LOBBY, Desk

from parlour_client.kit.errors import SetupError


@pytest.mark.parametrize(
    ("text", "todo"), [("x" * 9_000, "shorter"), ("\n" * 300 + "x", "shorter"), ("nul\0", "remove it")]
)
async def test_what_to_do_about_a_refused_text_fits(desk: Desk, text: str, todo: str) -> None:
    """One that is too long is shortened, one with a bad character is not."""
    client = await desk.open()
    with pytest.raises(SetupError) as refused:
        await client.messages.send(LOBBY, text)
    assert todo in refused.value.hint
