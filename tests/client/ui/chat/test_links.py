"""Links on the screen: shown before anything opens, and copied as they are shown."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.settings import Settings, load
from parlour_client.text.link_details import describe
from parlour_client.text.links import find_links
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.link import link_content
from parlour_protocol.kit.text import safe_text

SPOOF = "https://раураl.com@evil.example:8443/" + "x" * 90  # noqa: RUF001 - letters are Cyrillic


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clipboard of the machine that the tests run on."""
    monkeypatch.setattr("parlour_client.ui.chat.interaction.find_clipboard_program", lambda: None)


@pytest.fixture
def browser(tmp_path: Path) -> Callable[[], str]:
    """Return what the opener of the settings was given; empty: it did not run."""
    (tmp_path / "home").mkdir()
    program, seen = tmp_path / "browser", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$*" > {seen}\n')
    program.chmod(0o700)
    (tmp_path / "home" / "settings.toml").write_text(f'opener = "{program}"\n')
    return lambda: seen.read_text() if seen.exists() else ""


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Press keys, and return what the screen shows then; the rows of a dialog as one."""
    await pilot.press(*keys)
    await settled(pilot)
    text = screen_text(pilot)
    if len(pilot.app.screen_stack) <= 2:
        return text
    wide = min(72, pilot.app.size.width)
    left = (pilot.app.size.width - wide) // 2
    rows = (row[left : left + wide] for row in text.split("\n"))
    return " ".join(row[1:-1].strip().removeprefix("│ ") for row in rows if row[0] == "│" == row[-1])


async def test_the_whole_address_is_shown_before_it_opens(
    client: FakeClient, open_app: OpenApp, browser: Callable[[], str], tmp_path: Path
) -> None:
    """O shows it with its host and what looks wrong; Enter does not open it, only another o does."""
    client.say(LOBBY, BOB, f"log in: {SPOOF}")
    async with open_app(client, folder=tmp_path / "home") as pilot:
        await lobby(pilot)
        text = await press(pilot, "alt+up", "o")
        assert "https://раураl.com@evil.example:8443/x" in text  # noqa: RUF001
        assert text.count("x") >= 90
        assert "Host evil.example" in text
        assert "before the @ is a user name, not the site. The site is" in text
        assert "Port 8443 instead of 443" in text
        assert "Open anyway      o" in text
        await press(pilot, "down", "down", "enter")
        assert "Press o to open it anyway." in await press(pilot)
        assert not browser()
        await press(pilot, "up", "up", "enter")  # closes it
        assert not browser()
        assert isinstance(pilot.app.screen, ChatScreen)
        await press(pilot, "o")
        text = await press(pilot, "o")
        assert browser().startswith("https://%D1%80%D0%B0%D1%83%D1%80%D0%B0l.com@evil.example:8443/xxx")
        assert "was given to the program that opens it" in text


def test_both_forms_of_a_host_are_shown() -> None:
    """In Unicode, and in punycode."""
    (link,) = find_links(safe_text("https://bücher.example/"))
    text = link_content(describe(link)).plain
    assert "Host in Unicode\n│ bücher.example\nHost in punycode\n│ xn--bcher-kva.example\n" in text
    assert "Opens\n│ https://xn--bcher-kva.example/" in text


async def test_a_long_address_does_not_push_its_host_out_of_sight(
    client: FakeClient, open_app: OpenApp
) -> None:
    """A user name as long as the dialog looks like the address of another site."""
    client.say(LOBBY, BOB, "https://accounts.bank.example&" + "x" * 4_000 + "@evil.example/")
    async with open_app(client, size=(40, 15)) as pilot:
        await lobby(pilot)
        text = await press(pilot, "alt+up", "o")
        assert "Host evil.example" in text
        assert "! “accounts.bank.example&xxx" in text


async def test_one_of_several_links_is_chosen(
    client: FakeClient, open_app: OpenApp, browser: Callable[[], str], tmp_path: Path
) -> None:
    """A doubtful one is marked in the list; /links has those of the last messages, the newest first."""
    client.say(LOBBY, BOB, "https://a.example/old")
    client.say(LOBBY, BOB, "https://a.example/x and http://b.example/y")
    async with open_app(client, folder=tmp_path / "home") as pilot:
        screen = await lobby(pilot)
        text = await press(pilot, "alt+up", "o")
        assert "https://a.example/x" in text
        assert "! http://b.example/y" in text
        assert "old" not in text
        text = await press(pilot, "down", "enter")
        assert "> Close            Esc, Enter" in text
        assert not browser()
        await press(pilot, "o")
        assert browser() == "http://b.example/y"
        await screen.pane.commands.run("/links")
        text = await press(pilot)
        assert 0 < text.index("https://a.example/x") < text.index("http://b.example/y") < text.index("/old")


async def test_an_address_is_copied_whole_and_as_it_is_shown(
    client: FakeClient, open_app: OpenApp, browser: Callable[[], str], tmp_path: Path
) -> None:
    """However many rows it takes; one with hidden characters is not opened, and says why."""
    with (tmp_path / "home" / "settings.toml").open("a") as file:
        file.write('clipboard = "terminal"\n')
    address = "https://a.example/" + "/".join(f"part{number}" for number in range(60))
    client.say(LOBBY, BOB, f"see {address}.")
    client.say(LOBBY, BOB, "https://a.example/\u202egpj.exe")
    async with open_app(client, size=(40, 15), folder=tmp_path / "home") as pilot:
        screen = await lobby(pilot)
        screen.pane.timeline.follow()
        text = await press(pilot, "alt+up", "o")
        assert "Parlour doesn't open it. It has hidden characters in it." in text
        assert "Open " not in text
        await press(pilot, "o")
        assert not browser()
        await press(pilot, "y")
        assert pilot.app.clipboard == "https://a.example/⟦U+202E⟧gpj.exe"
        await press(pilot, "up", "o", "y")
        assert pilot.app.clipboard == address
        assert not browser()


async def test_the_terminal_copies_only_after_a_yes(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """The answer is for this time, unless the person says always; a setting allows programs only."""
    client.say(LOBBY, BOB, "honey")
    async with open_app(client, folder=tmp_path) as pilot:
        await lobby(pilot)
        assert "There is no link in this message." in await press(pilot, "alt+up", "o")
        await press(pilot, "y")
        assert "Let the terminal copy it?" in screen_text(pilot)
        await press(pilot, "n")
        assert pilot.app.clipboard == ""
        await press(pilot, "y", "y")
        assert pilot.app.clipboard == "honey"
        assert load(tmp_path) == Settings()
        await press(pilot, "y", "a")
        assert load(tmp_path).clipboard == "terminal"
        await press(pilot, "y")
        assert isinstance(pilot.app.screen, ChatScreen)
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("clipboard", "program")
        pilot.app.clear_notifications()
        assert "Nothing was copied" in await press(pilot, "y")
        assert isinstance(pilot.app.screen, ChatScreen)
