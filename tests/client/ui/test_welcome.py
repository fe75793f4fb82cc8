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
from parlour_client.kit.language import ENGLISH, language
from parlour_client.kit.transport.trust import Pin
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.names import parse_user_name

PASSWORD = "correct horse battery"
LINK = "parlour://chat.example:8443/join#code=" + "c" * 22 + "&pin=" + "p" * 43


class FakeLogin:
    """Logs people in: notes who, and refuses when told to."""

    def __init__(self) -> None:
        self.logins: list[tuple[object, Credentials]] = []
        self.refusal: LoginRefusedError | None = None

    async def __call__(self, where: ChatInviteLink | Server, person: Credentials) -> FakeClient:
        """Log in, or join."""
        if self.refusal is not None:
            raise self.refusal
        self.logins.append((where, person))
        return FakeClient.peopled()


def entrance(
    fake: FakeLogin, *, device: str = "laptop", new: bool = False
) -> Entrance[ChatInviteLink, Client]:
    """Return an entrance where this answers both who joins and who logs in; ``new``: without an archive."""
    login = cast("Callable[[object, Credentials], Awaitable[Client]]", fake)
    return Entrance(
        login,
        login,
        ChatInviteLink.parse,
        lambda link: link.link,
        "parlour",
        device=device,
        offers_passphrase=new,
    )


@pytest.fixture
def fake() -> FakeLogin:
    """Return a login that nobody has used."""
    return FakeLogin()


@asynccontextmanager
async def welcome(
    fake: FakeLogin, size: tuple[int, int] = (80, 24), *, new: bool = False
) -> AsyncIterator[Pilot[None]]:
    """Open the app without an account; ``new``: without an archive, too."""
    app = ParlourApp(entrance=entrance(fake, new=new))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        yield pilot


async def enter(pilot: Pilot[None], mode: str) -> None:
    """Show the fields to `join` or to `login`, from wherever one is."""
    if not pilot.app.screen.query_one("#modes").display:
        await pilot.press("escape")
    pilot.app.screen.query_one(f"#to_{mode}", Button).press()
    await settled(pilot)


async def fill(pilot: Pilot[None], where: str, who: str, password: str) -> None:
    """Join or log in, as the address says."""
    await enter(pilot, "join" if "://" in where else "login")
    for name, value in (("where", where), ("who", who), ("password", password), ("repeat", password)):
        pilot.app.screen.query_one(f"#{name}", Input).value = value
    await pilot.press("ctrl+s")
    await settled(pilot)


async def test_a_password_that_comes_in_one_piece_is_what_was_typed(fake: FakeLogin) -> None:
    """No one sees it: a Backspace that acted on a later letter would make another password."""
    async with welcome(fake) as pilot:
        await enter(pilot, "login")
        field = pilot.app.screen.query_one("#password", Input)
        pilot.app.screen.set_focus(field)
        for key in (*"wrong", "ctrl+u", *"hotn", "backspace", *"ey"):
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert field.value == "hotey"


@pytest.mark.parametrize("key", ["tab", "down", "enter"])
async def test_a_password_that_comes_right_behind_the_key_is_hidden(fake: FakeLogin, key: str) -> None:
    """On a slow line the key and what follows arrive in one piece: it must not be typed into the name."""
    async with welcome(fake) as pilot:
        await enter(pilot, "login")
        name, password = (pilot.app.screen.query_one(f"#{field}", Input) for field in ("who", "password"))
        pilot.app.screen.set_focus(name)
        for one in (*"zoe", key, *"hush"):
            pilot.app.post_message(Key(one, one if len(one) == 1 else None))
        await settled(pilot)
        assert (name.value, password.value) == ("zoe", "hush")


async def test_an_invite_link_joins(fake: FakeLogin) -> None:
    """With a link one joins; the chat opens."""
    async with welcome(fake) as pilot:
        await fill(pilot, LINK, "alice", PASSWORD)
        assert isinstance(pilot.app.screen, ChatScreen)
    where, person = fake.logins[0]
    assert isinstance(where, ChatInviteLink)
    assert person.user == "alice"
    assert person.password.reveal() == PASSWORD
    assert person.device == "laptop"


async def test_an_address_logs_in(fake: FakeLogin) -> None:
    """With an address one logs in."""
    async with welcome(fake) as pilot:
        await fill(pilot, "chat.example", "alice", "short")
        assert isinstance(pilot.app.screen, ChatScreen)
    assert fake.logins[0][0] == Server(ServerAddress("chat.example", 8443))


async def test_a_link_from_another_device_logs_in(fake: FakeLogin) -> None:
    """It has the address, the pin and the name, and shows its fields; only the password is to be typed."""
    link = LoginLink(ServerAddress("chat.example", 8443), parse_user_name("alice"), "p" * 43)
    async with welcome(fake) as pilot:
        pilot.app.post_message(Paste(str(link)))
        await settled(pilot)
        assert pilot.app.screen.query_one("#who", Input).value == "alice"
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#password")
        await pilot.press(*"short", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)
    assert fake.logins[0][0] == Server(ServerAddress("chat.example", 8443), Pin("p" * 43))


async def test_a_password_behind_a_link_and_enter_is_hidden(fake: FakeLogin) -> None:
    """The link names the person: Enter goes on to the password, which must not be typed over the name."""
    link = LoginLink(ServerAddress("chat.example", 8443), parse_user_name("alice"), "p" * 43)
    async with welcome(fake) as pilot:
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


async def test_an_error_is_shown_beside_the_fields(fake: FakeLogin) -> None:
    """Nothing typed is lost and nothing is sent."""
    async with welcome(fake) as pilot:
        for where, who, password, words in WRONG:
            await fill(pilot, where, who, password)
            assert words in screen_text(pilot)
            assert pilot.app.screen.query_one("#where", Input).value == where
        assert not fake.logins


async def test_a_refused_login_can_be_tried_again(fake: FakeLogin) -> None:
    """The server's no is words, and the next try works."""
    fake.refusal = LoginRefusedError("The name and the password do not belong together.", "login_refused")
    async with welcome(fake) as pilot:
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert "do not belong together" in screen_text(pilot)
        pilot.app.screen.query_one("#password", Input).value = ""
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "do not belong together" not in screen_text(pilot)
        fake.refusal = None
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_it_says_where_an_invite_comes_from(fake: FakeLogin) -> None:
    """F1, in a small terminal too; what was typed stays."""
    async with welcome(fake, (40, 15)) as pilot:
        await enter(pilot, "login")
        await pilot.press(*"chat.example", "f1")
        await settled(pilot)
        assert "An invite link" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert pilot.app.screen.query_one("#where", Input).value == "chat.example"


async def test_the_password_is_never_drawn(fake: FakeLogin) -> None:
    """Typed letters are masked, in a small terminal too; Enter walks through the fields."""
    async with welcome(fake, (40, 15)) as pilot:
        await pilot.press("down", "enter", *"chat.example", "enter", *"alice", "enter", *"hunter2")
        await pilot.pause()
        text = screen_text(pilot)
        assert "hunter2" not in text
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_a_passphrase_is_offered_where_there_is_no_archive(fake: FakeLogin) -> None:
    """With the reason, masked, twice; two that differ are told and nothing is sent; none is fine."""
    async with welcome(fake, new=True) as pilot:
        await enter(pilot, "login")
        pilot.app.screen.query_one("#more", Button).press()
        await settled(pilot)
        assert "someone who gets your disk" in " ".join(screen_text(pilot).replace("│", " ").split())
        again = pilot.app.screen.query_one("#again", Input)
        pilot.app.screen.query_one("#passphrase", Input).value = "open sesame"
        again.value = "open barley"
        await fill(pilot, "chat.example", "alice", PASSWORD)
        assert "don't match" in screen_text(pilot)
        assert "sesame" not in screen_text(pilot)
        assert not fake.logins
        again.value = "open sesame"
        await fill(pilot, "chat.example", "alice", PASSWORD)
    passphrase = fake.logins[0][1].passphrase
    assert passphrase is not None
    assert passphrase.reveal() == "open sesame"
    async with welcome(fake, new=True) as pilot:
        await fill(pilot, "chat.example", "alice", PASSWORD)
    assert fake.logins[1][1].passphrase is None


async def test_no_passphrase_is_offered_for_an_archive_that_is_there(fake: FakeLogin) -> None:
    """It has its lock, or was asked about it."""
    async with welcome(fake) as pilot:
        await enter(pilot, "join")
        pilot.app.screen.query_one("#more", Button).press()
        await settled(pilot)
        assert not pilot.app.screen.query_one("#passphrase").display
        assert not pilot.app.screen.query_one("#again").display


@pytest.mark.parametrize("size", [(80, 24), (40, 15), (160, 50)])
async def test_every_field_is_seen_with_what_it_is_for(size: tuple[int, int]) -> None:
    """The choice at the start; then, field by field down and up again, the field and the words above it."""
    app = ParlourApp(entrance=entrance(FakeLogin(), new=True))
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await settled(pilot)
        for words in ("Parlour", "Join with an invite", "Log in", "Try the demo"):
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


async def test_what_is_typed_fast_goes_where_it_belongs() -> None:
    """All keys come at once, as over a slow line: none of the password gets into a field that shows it."""
    app = ParlourApp(entrance=entrance(FakeLogin()))
    async with app.run_test() as pilot:
        await settled(pilot)
        for key in ["down", "enter", *"chat", "enter", *"ada", "enter", *"secret"]:
            _ = app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert [field.value for field in app.screen.query(Input)][:3] == ["chat", "ada", "secret"]


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
async def test_what_is_wrong_is_seen_and_its_field_has_the_focus(
    fake: FakeLogin, size: tuple[int, int]
) -> None:
    """Field after field, in a low terminal too."""
    async with welcome(fake, size, new=True) as pilot:
        for where, who, password, field, words in (
            ("nowhere at all", "ada", PASSWORD, "where", "ddress"),
            (LINK, "Ada!", PASSWORD, "who", "character that is not"),
            (LINK, "ada", "short", "password", "at least 15"),
        ):
            await fill(pilot, where, who, password)
            focused = pilot.app.screen.focused
            assert focused is not None
            assert focused.id == field
            assert words in " ".join(screen_text(pilot).replace("│", " ").split())
        assert not fake.logins


async def test_a_field_is_checked_when_it_is_left(fake: FakeLogin) -> None:
    """At once and beside it, not after all others; an empty one may wait. What is right is said, too."""
    async with welcome(fake) as pilot:
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


async def test_a_new_password_is_repeated_or_seen(fake: FakeLogin) -> None:
    """A slip of the finger would lock someone out of their new account; logging in asks once."""
    async with welcome(fake) as pilot:
        await fill(pilot, LINK, "alice", PASSWORD)
        assert len(fake.logins) == 1
    async with welcome(fake) as pilot:
        await enter(pilot, "join")
        for name, value in (("where", LINK), ("who", "alice"), ("password", PASSWORD), ("repeat", "other")):
            pilot.app.screen.query_one(f"#{name}", Input).value = value
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "The passwords don't match" in screen_text(pilot)
        assert len(fake.logins) == 1
        await pilot.press("ctrl+t")
        await settled(pilot)
        assert PASSWORD in screen_text(pilot)
        assert not pilot.app.screen.query_one("#repeat").display
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert len(fake.logins) == 2
    async with welcome(fake) as pilot:
        await enter(pilot, "login")
        assert not pilot.app.screen.query_one("#repeat").display


async def test_what_was_typed_to_join_is_there_to_log_in(fake: FakeLogin) -> None:
    """Someone with an account pastes their link to join: the server and its key are in it."""
    async with welcome(fake) as pilot:
        await pilot.press("enter", *LINK, "enter", *"alice", "escape")
        await settled(pilot)
        await enter(pilot, "login")
        assert pilot.app.screen.query_one("#who", Input).value == "alice"
        pilot.app.screen.query_one("#password", Input).value = "short"
        await pilot.press("ctrl+s")
        await settled(pilot)
    assert fake.logins[0][0] == Server(ServerAddress("chat.example", 8443), Pin("p" * 43))


async def test_a_link_may_be_pasted_before_joining_is_chosen(fake: FakeLogin) -> None:
    """It opens the right one, and the name is next."""
    async with welcome(fake) as pilot:
        pilot.app.post_message(Paste(LINK + "\n"))
        await settled(pilot)
        assert pilot.app.screen.query_one("#where", Input).value == LINK
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#who")


@pytest.mark.parametrize("code", ["", "de"])
@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
async def test_a_refusal_is_read_to_its_end(fake: FakeLogin, size: tuple[int, int], code: str) -> None:
    """However long: it wraps in the card, and what it says to do is seen."""
    fake.refusal = LoginRefusedError("Twelve words of a server that has much to say about it " * 5, "")
    fake.refusal.hint = "END"
    language.use([code] if code else [])
    try:
        async with welcome(fake, size, new=True) as pilot:
            await fill(pilot, LINK, "alice", PASSWORD)
            assert "END" in screen_text(pilot)
            assert "Twelve words" in screen_text(pilot)
    finally:
        language.use([])


async def test_the_demo_is_the_third_choice(fake: FakeLogin) -> None:
    """The screen closes for it; nothing is logged in, and no archive is asked for."""
    async with welcome(fake, new=True) as pilot:
        await pilot.press("down", "down", "enter")
        await settled(pilot)
        assert isinstance(pilot.app, ParlourApp)
        assert pilot.app.chose_demo
        assert pilot.app.return_code == 0
    assert not fake.logins


async def test_the_selection_is_where_the_focus_is(fake: FakeLogin) -> None:
    """One row has the mark, with and without colours."""
    async with welcome(fake) as pilot:
        for words in ("> Join with an invite", "> Log in", "> Try the demo"):
            assert words in screen_text(pilot)
            assert screen_text(pilot).count("> ") == 1
            await pilot.press("down")
            await pilot.pause()


@pytest.mark.parametrize("code", ["en", "de", "he"])
async def test_the_card_fits_into_the_smallest_terminal(fake: FakeLogin, code: str) -> None:
    """All of it is seen, without a scroll bar, in each language."""
    language.use([code])
    try:
        async with welcome(fake, (40, 15)) as pilot:
            assert pilot.app.screen.query_one("#login").max_scroll_y == 0
            assert "+Q: " in screen_text(pilot)
    finally:
        language.use([ENGLISH])
