"""The welcome: parsing what was typed, hiding the password, and arriving."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from tests.client.ui.conftest import screen_text, settled
from tests.client.ui.ui_fake import FakeClient
from textual.events import Key, Paste
from textual.pilot import Pilot
from textual.widgets import Button, Input

from parlour_client.core.client import Client
from parlour_client.kit.account.entrance import Credentials, Entrance, Server
from parlour_client.kit.errors import LoginRefusedError
from parlour_client.kit.transport.trust import Pin
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

    async def __call__(self, where: ChatInviteLink | Server, person: Credentials) -> FakeClient:
        """Let in."""
        if self.refusal is not None:
            raise self.refusal
        self.came.append((where, person))
        return FakeClient.peopled()


def entrance(door: Door, *, device: str = "laptop", new: bool = False) -> Entrance[ChatInviteLink, Client]:
    """Return an entrance with this door on both sides; ``new``: without an archive."""
    way = cast("Callable[[object, Credentials], Awaitable[Client]]", door)
    return Entrance(
        way,
        way,
        ChatInviteLink.parse,
        lambda link: link.link,
        "parlour",
        device=device,
        offers_passphrase=new,
    )


@pytest.fixture
def door() -> Door:
    """Return a door."""
    return Door()


@asynccontextmanager
async def welcome(
    door: Door, size: tuple[int, int] = (80, 24), *, new: bool = False
) -> AsyncIterator[Pilot[None]]:
    """Open the app without an account; ``new``: without an archive, too."""
    app = ParlourApp(entrance=entrance(door, new=new))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        yield pilot


async def enter(pilot: Pilot[None], door: str) -> None:
    """Go through a door, `join` or `login`, from wherever one is."""
    if not pilot.app.screen.query_one("#doors").display:
        await pilot.press("escape")
    pilot.app.screen.query_one(f"#to_{door}", Button).press()
    await settled(pilot)


async def fill(pilot: Pilot[None], where: str, who: str, password: str) -> None:
    """Take the door that fits, type into the fields and come in."""
    await enter(pilot, "join" if "://" in where else "login")
    for name, value in (("where", where), ("who", who), ("password", password), ("repeat", password)):
        pilot.app.screen.query_one(f"#{name}", Input).value = value
    await pilot.press("ctrl+s")
    await settled(pilot)


async def test_a_password_that_comes_in_one_piece_is_what_was_typed(door: Door) -> None:
    """No one sees it: a Backspace that acted on a later letter would make another password."""
    async with welcome(door) as pilot:
        await enter(pilot, "login")
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
        await enter(pilot, "login")
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
    assert door.came[0][0] == Server(ServerAddress("chat.example", 8443))


async def test_a_link_from_another_device_logs_in(door: Door) -> None:
    """It has the address, the pin and the name, and it finds its door; only the password is to be typed."""
    link = LoginLink(ServerAddress("chat.example", 8443), parse_user_name("alice"), "p" * 43)
    async with welcome(door) as pilot:
        pilot.app.post_message(Paste(str(link)))
        await settled(pilot)
        assert pilot.app.screen.query_one("#who", Input).value == "alice"
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#password")
        await pilot.press(*"short", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)
    assert door.came[0][0] == Server(ServerAddress("chat.example", 8443), Pin("p" * 43))


async def test_a_password_behind_a_link_and_enter_is_hidden(door: Door) -> None:
    """The link names the person: Enter goes on to the password, which must not be typed over the name."""
    link = LoginLink(ServerAddress("chat.example", 8443), parse_user_name("alice"), "p" * 43)
    async with welcome(door) as pilot:
        await pilot.press("down", "enter")
        await settled(pilot)
        pilot.app.post_message(Paste(str(link)))
        await settled(pilot)
        await pilot.press("enter", *"short")
        await settled(pilot)
        assert pilot.app.screen.query_one("#who", Input).value == "alice"
        assert pilot.app.screen.query_one("#password", Input).value == "short"


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
        pilot.app.screen.query_one("#password", Input).value = ""
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "do not belong together" not in screen_text(pilot)
        door.refusal = None
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_it_says_where_an_invite_comes_from(door: Door) -> None:
    """F1, in a small terminal too; what was typed stays."""
    async with welcome(door, (40, 15)) as pilot:
        await enter(pilot, "login")
        await pilot.press(*"chat.example", "f1")
        await settled(pilot)
        assert "An invite link" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert pilot.app.screen.query_one("#where", Input).value == "chat.example"


async def test_the_password_is_never_drawn(door: Door) -> None:
    """Typed letters are masked, in a small terminal too; Enter walks through the fields."""
    async with welcome(door, (40, 15)) as pilot:
        await pilot.press("down", "enter", *"chat.example", "enter", *"alice", "enter", *"hunter2")
        await pilot.pause()
        text = screen_text(pilot)
        assert "hunter2" not in text
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_a_passphrase_is_offered_where_there_is_no_archive(door: Door) -> None:
    """With the reason, masked, twice; two that differ are told and nothing is sent; none is fine."""
    async with welcome(door, new=True) as pilot:
        await enter(pilot, "login")
        pilot.app.screen.query_one("#more", Button).press()
        await settled(pilot)
        assert "someone who gets your disk" in " ".join(screen_text(pilot).split())
        again = pilot.app.screen.query_one("#again", Input)
        pilot.app.screen.query_one("#passphrase", Input).value = "open sesame"
        again.value = "open barley"
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert "don't match" in screen_text(pilot)
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
        await enter(pilot, "join")
        pilot.app.screen.query_one("#more", Button).press()
        await settled(pilot)
        assert not pilot.app.screen.query_one("#passphrase").display
        assert not pilot.app.screen.query_one("#again").display


@pytest.mark.parametrize("size", [(80, 24), (40, 15), (160, 50)])
async def test_every_field_is_seen_with_what_it_is_for(size: tuple[int, int]) -> None:
    """The doors at the start; then, field by field down and up again, the field and the words above it."""
    app = ParlourApp(entrance=entrance(Door(), new=True))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        for words in ("Welcome to Parlour", "Join with an invite", "Log in"):
            assert words in screen_text(pilot)
        await enter(pilot, "join")
        app.screen.query_one("#more", Button).press()
        await settled(pilot)
        area = app.screen.query_one("#login")
        fields = list(app.screen.query(Input))
        app.screen.set_focus(fields[0])
        way = [("down", field) for field in fields[1:]] + [("up", field) for field in fields[-2::-1]]
        for step, field in way:
            await pilot.press(step)
            await settled(pilot)
            assert app.screen.focused is field
            for part in (app.screen.query_one(f"#{field.id}_label"), field):
                assert area.region.contains_region(part.region), (step, field.id)
        assert "Welcome to Parlour" in screen_text(pilot)


async def test_what_is_typed_fast_goes_where_it_belongs() -> None:
    """All keys come at once, as over a slow line: none of the password gets into a field that shows it."""
    app = ParlourApp(entrance=entrance(Door()))
    async with app.run_test() as pilot:
        await settled(pilot)
        for key in ["down", "enter", *"chat", "enter", *"ada", "enter", *"secret"]:
            _ = app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert [field.value for field in app.screen.query(Input)][:3] == ["chat", "ada", "secret"]


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


async def test_a_field_is_checked_when_it_is_left(door: Door) -> None:
    """At once and beside it, not after all others; an empty one may wait. What is right is said, too."""
    async with welcome(door) as pilot:
        await enter(pilot, "join")
        where = pilot.app.screen.query_one("#where", Input)
        await pilot.press("down", "up")
        await settled(pilot)
        assert not where.has_class("-wrong")
        await pilot.press(*"chat.example", "down")
        await settled(pilot)
        assert "An invite link begins with parlour://" in screen_text(pilot)
        assert where.has_class("-wrong")
        where.value = LINK
        pilot.app.screen.set_focus(where)
        await pilot.press("down")
        await settled(pilot)
        assert "An invite to chat.example:8443, with its key" in screen_text(pilot)
        assert not where.has_class("-wrong")


async def test_a_new_password_is_repeated_or_seen(door: Door) -> None:
    """A slip of the finger would lock someone out of their new account; logging in asks once."""
    async with welcome(door) as pilot:
        await fill(pilot, LINK, "alice", PASSWORD)
        assert len(door.came) == 1
    async with welcome(door) as pilot:
        await enter(pilot, "join")
        for name, value in (("where", LINK), ("who", "alice"), ("password", PASSWORD), ("repeat", "other")):
            pilot.app.screen.query_one(f"#{name}", Input).value = value
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "The passwords don't match" in screen_text(pilot)
        assert len(door.came) == 1
        await pilot.press("ctrl+t")
        await settled(pilot)
        assert PASSWORD in screen_text(pilot)
        assert not pilot.app.screen.query_one("#repeat").display
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert len(door.came) == 2
    async with welcome(door) as pilot:
        await enter(pilot, "login")
        assert not pilot.app.screen.query_one("#repeat").display


async def test_what_was_typed_is_there_behind_the_other_door(door: Door) -> None:
    """Someone with an account pastes their link at the wrong door: the server and its key are in it."""
    async with welcome(door) as pilot:
        await pilot.press("enter", *LINK, "enter", *"alice", "escape")
        await settled(pilot)
        await enter(pilot, "login")
        assert pilot.app.screen.query_one("#who", Input).value == "alice"
        pilot.app.screen.query_one("#password", Input).value = "short"
        await pilot.press("ctrl+s")
        await settled(pilot)
    assert door.came[0][0] == Server(ServerAddress("chat.example", 8443), Pin("p" * 43))


async def test_a_link_may_be_pasted_in_front_of_the_doors(door: Door) -> None:
    """It opens the right one, and the name is next."""
    async with welcome(door) as pilot:
        pilot.app.post_message(Paste(LINK + "\n"))
        await settled(pilot)
        assert pilot.app.screen.query_one("#where", Input).value == LINK
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#who")
