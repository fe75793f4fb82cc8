"""Dialogs about second factors: what they show on a small screen, what they give back, and the list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from tests.client.kit.test_link import PROFILE
from tests.client.ui.conftest import calm_hands, screen_text
from tests.protocol.kit.programs import GAME
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.kit.account.home import Home
from parlour_client.kit.account.profile_file import ProfileFile
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog, Factors
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.errors import ApiRefusedError, NotFinishedError
from parlour_client.kit.link import Link
from parlour_client.kit.qr_code import qr_rows
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.login_again import LoginAgainScreen
from parlour_client.kit.widgets.second_factor import AppScreen, ScreenDialog, SecondFactorsScreen
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.second_factor import FactorId, FactorInfo, FactorKind, FactorList
from parlour_protocol.kit.secret import Secret

SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
URI = f"otpauth://totp/chat.example.org:anna?secret={SECRET}&issuer=chat.example.org"
APP = FactorInfo(FactorId("a" * 22), FactorKind.TOTP, "app", Millis(1))


class Asking(SafeApp):
    """Asks something by a dialog; ``got`` is the answer, or the error."""

    DEFAULT_CSS = (
        ".dialog { align: center middle; } .dialog .box { width: 70; max-width: 96%; max-height: 90%; }"
    )

    def __init__(self, ask: Any) -> None:
        super().__init__()
        self.keys.now = calm_hands()
        self._ask = ask
        self.got: object = None

    def on_mount(self) -> None:
        """Ask."""
        self.run_worker(self._run())

    async def _run(self) -> None:
        try:
            self.got = await self._ask(ScreenDialog(self))
        except NotFinishedError as error:
            self.got = error


async def test_an_app_is_set_up_by_a_picture_or_by_hand() -> None:
    """The QR code is on the screen, dark on light, and so is the secret; the code comes back."""
    app = Asking(lambda dialog: dialog.first_code(SECRET, URI, "The code is wrong."))
    async with app.run_test(size=(80, 50)) as pilot:
        await pilot.pause()
        shown = screen_text(pilot)
        for row in qr_rows(URI):
            assert row.rstrip() in shown
        assert "ABCD EFGH IJKL" in shown
        assert "The code is wrong." in shown
        assert _is_light(pilot)
        await pilot.press(*"123456", "enter")
        await pilot.pause()
    assert app.got == "123456"


def _is_light(pilot: Pilot[Any]) -> bool:
    """Say whether the picture is on a light ground."""
    found = {segment.style for segment in pilot.app.screen.query_one("#qr").render_line(1)}
    return any(style and style.bgcolor and style.bgcolor.triplet == (255, 255, 255) for style in found)


async def test_a_small_screen_shows_where_to_type() -> None:
    """At 40x15 the picture is below, and the secret and the field are not."""
    app = Asking(lambda dialog: dialog.first_code(SECRET, URI, ""))
    async with app.run_test(size=(40, 15)) as pilot:
        await pilot.pause()
        assert "ABCD EFGH" in screen_text(pilot)
        assert isinstance(app.screen, AppScreen)
        assert app.screen.query_one(Input).region.bottom <= 15
        await pilot.press("escape")
        await pilot.pause()
    assert isinstance(app.got, NotFinishedError)


async def test_a_password_is_not_shown_and_codes_are_kept_once() -> None:
    """The dialog forgets the password; recovery codes go when the person says so."""
    app = Asking(lambda dialog: dialog.password("Password"))
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press(*"tigress")
        assert "tigress" not in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
    assert app.got == Secret("tigress")
    shower = Asking(lambda dialog: dialog.show_recovery_codes(["ABCD-EFGH", "IJKL-MNOP"]))
    async with shower.run_test() as pilot:
        await pilot.pause()
        assert "IJKL-MNOP" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert "IJKL-MNOP" not in screen_text(pilot)


async def test_logging_in_again_asks_for_the_code_over_the_password(tmp_path: Path) -> None:
    """The password's dialog waits below, and says what was wrong if the person stops."""
    typed: list[str] = []

    class Ended(Link[Any, Any, Any, Any]):
        """A link whose session has ended."""

        async def log_in_again(self, password: Secret, dialog: FactorDialog = NO_DIALOG) -> None:
            typed.append(password.reveal())
            typed.append(await dialog.code("Type the six digits of your app", ""))

    app: App[None] = App()
    async with app.run_test() as pilot:
        await app.push_screen(
            LoginAgainScreen(Ended(SignIn(ProfileFile(Home(tmp_path / "home"))), PROFILE, GAME))
        )
        await pilot.pause()
        await pilot.press(*"tigress", "enter")
        await pilot.pause()
        assert "Type the six digits" in screen_text(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, LoginAgainScreen)
        assert "You stopped before the end." in screen_text(pilot)
        await pilot.press(*"tigress", "enter")
        await pilot.pause()
        await pilot.press(*"123456", "enter")
        await pilot.pause()
        assert not isinstance(app.screen, LoginAgainScreen)
    assert typed == ["tigress", "tigress", "123456"]


class FakeFactors:
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.listed = [APP]
        self.refusal: ApiRefusedError | None = None

    @asynccontextmanager
    async def open(self, _dialog: FactorDialog) -> AsyncIterator[Factors]:
        yield cast("Factors", self)

    async def list(self) -> FactorList:
        return FactorList(tuple(self.listed), 10, False, (FactorKind.TOTP,))

    async def add_app(self, name: str) -> None:
        self.calls.append(name)

    async def remove(self, factor: FactorId) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(factor)
        self.listed.clear()


async def test_the_list_adds_and_removes() -> None:
    """Each key does one thing; a refusal is said there, and the list is as the server has it."""
    factors = FakeFactors()
    app = SafeApp()
    app.keys.now = calm_hands()
    async with app.run_test() as pilot:
        await app.push_screen(SecondFactorsScreen(factors.open))
        await pilot.pause()
        await pilot.pause()
        assert "10 recovery codes are left" in screen_text(pilot)
        assert "App with codes" in screen_text(pilot)
        await pilot.press("a")
        await pilot.pause()
        factors.refusal = ApiRefusedError("This account needs a second factor.", "not_now")
        await pilot.press("x", "r")
        await pilot.pause()
        assert "This account needs a second factor." in screen_text(pilot)
        factors.refusal = None
        await pilot.press("x", "enter", "x", "r")
        await pilot.pause()
        await pilot.pause()
        assert "asks for your password only" in screen_text(pilot)
    assert factors.calls == ["app 2", APP.id]
