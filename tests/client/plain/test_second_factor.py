"""A second factor in the line mode: the lines after the password are its answers."""

import pytest

from parlour_client.kit.errors import NotFinishedError
from parlour_client.plain.second_factor import LineDialog


async def test_the_next_line_is_the_code() -> None:
    """The login waits for it, the input does not; another question waits for another line."""
    heard: list[str] = []
    dialog = LineDialog(heard.append)
    typed: list[str] = []

    async def log_in() -> None:
        typed.append(await dialog.code("Type the six digits of your app", ""))
        typed.append(await dialog.first_code("ABCD", "otpauth://totp/x", ""))
        await dialog.show_recovery_codes(["EFGH"])

    await dialog.run(log_in())
    assert dialog.is_waiting
    assert heard == ["Type the six digits of your app (an empty line cancels):"]
    await dialog.answer("123456")
    assert dialog.is_waiting
    assert "ABCD" in heard
    await dialog.answer(" 654321 ")
    assert not dialog.is_waiting
    assert typed == ["123456", "654321"]
    assert heard[-1] == "EFGH"


async def test_an_empty_line_leaves_and_an_end_stops() -> None:
    """The login ends with a sentence; at the end of the input nothing waits any more."""
    dialog = LineDialog(lambda _: None)

    async def log_in() -> None:
        await dialog.code("Type", "")

    await dialog.run(log_in())
    with pytest.raises(NotFinishedError, match="still logged out"):
        await dialog.answer("")
    assert not dialog.is_waiting
    await dialog.run(log_in())
    await dialog.stop()
    assert not dialog.is_waiting
