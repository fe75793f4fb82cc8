"""The welcome: parsing what was typed, hiding the password, and arriving."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.client.ui.conftest import screen_text, settled
from tests.client.ui.ui_fake import FakeClient
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.kit.errors import LoginRefusedError
from parlour_client.ui.account_switcher import Credentials, Entrance
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.names import parse_user_name

PASSWORD = "correct horse battery"
LINK = "parlour://chat.example:8443/join#code=" + "c" * 22 + "&pin=" + "p" * 43


class Door:
    """Notes who came, and refuses when told to."""

    def __init__(self) -> None:
        self.came: list[tuple[object, Credentials]] = []
        self.refusal: LoginRefusedError | None = None

    async def __call__(
        self, where: ChatInviteLink | LoginLink | ServerAddress, person: Credentials
    ) -> FakeClient:
        """Let in."""
        if self.refusal is not None:
            raise self.refusal
        self.came.append((where, person))
        return FakeClient.peopled()


@pytest.fixture
def door() -> Door:
    """Return a door."""
    return Door()


@asynccontextmanager
async def welcome(
    door: Door, size: tuple[int, int] = (80, 24), *, new: bool = False
) -> AsyncIterator[Pilot[None]]:
    """Open the app without an account; ``new``: without an archive, too."""
    app = ParlourApp(entrance=Entrance(door, door, device="laptop", offers_passphrase=new))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        yield pilot


async def fill(pilot: Pilot[None], where: str, who: str, password: str) -> None:
    """Type into the fields and come in."""
    for name, value in (("where", where), ("who", who), ("password", password)):
        pilot.app.screen.query_one(f"#{name}", Input).value = value
    await pilot.press("ctrl+s")
    await settled(pilot)


async def test_a_password_that_comes_in_one_piece_is_what_was_typed(door: Door) -> None:
    """No one sees it: a Backspace that acted on a later letter would make another password."""
    async with welcome(door) as pilot:
        field = pilot.app.screen.query_one("#password", Input)
        pilot.app.screen.set_focus(field)
        for key in (*"wrong", "ctrl+u", *"hotn", "backspace", *"ey"):
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert field.value == "hotey"


@pytest.mark.parametrize("key", ["tab", "down", "enter"])
async def test_a_password_that_comes_right_behind_the_key_is_hidden(door: Door, key: str) -> None:
    """On a slow line the key and what follows arrive in one piece: it must not be typed into the name."""
    async with welcome(door) as pilot:
        name, password = (pilot.app.screen.query_one(f"#{field}", Input) for field in ("who", "password"))
        pilot.app.screen.set_focus(name)
        for one in (*"zoe", key, *"hush"):
            pilot.app.post_message(Key(one, one if len(one) == 1 else None))
        await settled(pilot)
        assert (name.value, password.value) == ("zoe", "hush")


async def test_an_invite_link_joins(door: Door) -> None:
    """A link goes through the door for joining; the chat opens."""
    async with welcome(door) as pilot:
        await fill(pilot, LINK, "alice", PASSWORD)
        assert isinstance(pilot.app.screen, ChatScreen)
    where, person = door.came[0]
    assert isinstance(where, ChatInviteLink)
    assert person.user == "alice"
    assert person.password.reveal() == PASSWORD
    assert person.device == "laptop"


async def test_an_address_logs_in(door: Door) -> None:
    """An address goes through the other door."""
    async with welcome(door) as pilot:
        await fill(pilot, "chat.example", "alice", "short")
        assert isinstance(pilot.app.screen, ChatScreen)
    assert door.came[0][0] == ServerAddress("chat.example", 8443)


async def test_a_link_from_another_device_logs_in(door: Door) -> None:
    """It has the address, the pin and the name; only the password is to be typed."""
    link = LoginLink(ServerAddress("chat.example", 8443), parse_user_name("alice"), "p" * 43)
    async with welcome(door) as pilot:
        pilot.app.screen.query_one("#where", Input).value = str(link)
        await settled(pilot)
        assert pilot.app.screen.query_one("#who", Input).value == "alice"
        pilot.app.screen.query_one("#password", Input).value = "short"
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)
    assert door.came[0][0] == link


WRONG = [
    ("parlour://damaged", "alice", PASSWORD, "not a link to join"),
    ("not an address", "alice", PASSWORD, "the address"),
    (LINK, "a b", PASSWORD, "a character that is not allowed"),
    (LINK, "alice", "short", "at least 15 characters"),
    ("chat.example", "alice", "", "Type your password."),
]


async def test_an_error_is_shown_beside_the_fields(door: Door) -> None:
    """Nothing typed is lost and nothing is sent."""
    async with welcome(door) as pilot:
        for where, who, password, words in WRONG:
            await fill(pilot, where, who, password)
            assert words in screen_text(pilot)
            assert pilot.app.screen.query_one("#where", Input).value == where
        assert not door.came


async def test_a_refused_login_can_be_tried_again(door: Door) -> None:
    """The server's no is words, and the next try works."""
    door.refusal = LoginRefusedError("The name and the password do not belong together.", "login_refused")
    async with welcome(door) as pilot:
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert "do not belong together" in screen_text(pilot)
        door.refusal = None
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_it_says_where_an_invite_comes_from(door: Door) -> None:
    """F1, in a small terminal too; what was typed stays."""
    async with welcome(door, (40, 15)) as pilot:
        await pilot.press(*"chat.example", "f1")
        await settled(pilot)
        assert "An invite link" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert pilot.app.screen.query_one("#where", Input).value == "chat.example"


async def test_the_password_is_never_drawn(door: Door) -> None:
    """Typed letters are masked, in a small terminal too; Enter walks through the fields."""
    async with welcome(door, (40, 15)) as pilot:
        await pilot.press(*"chat.example", "enter", *"alice", "enter", *"hunter2", "enter")
        await pilot.pause()
        text = screen_text(pilot)
        assert "hunter2" not in text
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_a_passphrase_is_offered_where_there_is_no_archive(door: Door) -> None:
    """With the reason, masked, twice; two that differ are told and nothing is sent; none is fine."""
    async with welcome(door, new=True) as pilot:
        again = pilot.app.screen.query_one("#again", Input)
        pilot.app.screen.query_one("#passphrase", Input).value = "open sesame"
        again.value = "open barley"
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert "do not match" in screen_text(pilot)
        assert "someone who gets your disk" in screen_text(pilot)  # the terminal is of 24 rows
        assert "sesame" not in screen_text(pilot)
        assert not door.came
        again.value = "open sesame"
        await fill(pilot, "chat.example", "alice", PASSWORD)
    passphrase = door.came[0][1].passphrase
    assert passphrase is not None
    assert passphrase.reveal() == "open sesame"
    async with welcome(door, new=True) as pilot:
        await fill(pilot, "chat.example", "alice", PASSWORD)
    assert door.came[1][1].passphrase is None


async def test_no_passphrase_is_offered_for_an_archive_that_is_there(door: Door) -> None:
    """It has its lock, or was asked about it."""
    async with welcome(door) as pilot:
        assert not pilot.app.screen.query("#passphrase")
        assert not pilot.app.screen.query("#again")


@pytest.mark.parametrize("size", [(80, 24), (40, 15), (160, 50)])
async def test_every_field_is_seen_with_what_it_is_for(size: tuple[int, int]) -> None:
    """The welcome at the start; then, field by field down and up again, the field and the words above it."""
    app = ParlourApp(entrance=Entrance(Door(), Door(), device="laptop", offers_passphrase=True))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        assert "Welcome to Parlour" in screen_text(pilot)
        form = app.screen.query_one("#welcome")
        fields = list(app.screen.query(Input))
        way = [("down", field) for field in fields[1:]] + [("up", field) for field in fields[-2::-1]]
        for step, field in way:
            await pilot.press(step)
            await settled(pilot)
            assert app.screen.focused is field
            label = form.children[form.children.index(field) - 1]
            for part in (label, field):
                assert form.region.contains_region(part.region), (step, field.id)
        assert "Welcome to Parlour" in screen_text(pilot)


async def test_what_is_typed_fast_goes_where_it_belongs() -> None:
    """All keys come at once, as over a slow line: none of the password gets into a field that shows it."""
    app = ParlourApp(entrance=Entrance(Door(), Door(), device=""))
    async with app.run_test() as pilot:
        await settled(pilot)
        for key in [*"chat", "enter", *"ada", "enter", *"secret", "down", *"desk"]:
            _ = app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert [field.value for field in app.screen.query(Input)] == ["chat", "ada", "secret", "desk"]


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
async def test_what_is_wrong_is_seen_and_its_field_has_the_focus(door: Door, size: tuple[int, int]) -> None:
    """Field after field, in a low terminal too."""
    async with welcome(door, size, new=True) as pilot:
        for where, who, password, field, words in (
            ("nowhere at all", "ada", PASSWORD, "where", "ddress"),
            (LINK, "Ada!", PASSWORD, "who", "character that is not"),
            (LINK, "ada", "short", "password", "at least 15"),
        ):
            await fill(pilot, where, who, password)
            focused = pilot.app.screen.focused
            assert focused is not None
            assert focused.id == field
            assert words in " ".join(screen_text(pilot).split())
        assert not door.came
