"""Second factors on the screen: asking for codes, setting an app up with a QR code, recovery codes, the list.

Codes are typed into fields, never given as arguments. What the server sends to be shown was checked for its
form (`kit/account/second_factor.py`); names go through the rule for others' text.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from parlour_client.kit.account.second_factor import FactorDialog, Factors
from parlour_client.kit.answers import Letter, Yes
from parlour_client.kit.errors import NotFinishedError, ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.qr_code import qr_rows
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import Choices, ConfirmScreen, GuardedQuestion
from parlour_client.kit.widgets.safe import SafeStatic, error_content, join, lines, own, peer_line
from parlour_client.kit.widgets.safe import option as list_option
from parlour_protocol.kit.second_factor import FactorInfo, FactorKind, FactorList
from parlour_protocol.kit.secret import Secret

_LEAVE: Final = Binding("escape", "leave", N_("Cancel"), id="second_factor.leave")
KIND_WORDS: Final = {
    FactorKind.TOTP: N_("App with codes"),
    FactorKind.SECURITY_KEY: N_("Security key"),
    FactorKind.RECOVERY_CODE: N_("Recovery code"),
}
OpenFactors = Callable[[FactorDialog], AbstractAsyncContextManager[Factors]]
"""Returns the second factors of the account that is logged in (``SignIn.factors``)."""


class LineScreen(Overlay[str | None]):
    """Asks for a password or a code."""

    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(self, words: str, problem: str = "", *, hidden: bool = False) -> None:
        super().__init__(classes="dialog")
        self._words, self._problem, self._hidden = words, problem, hidden

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(own(_("Confirm that it's you"), "bold"))
            if self._problem:
                yield SafeStatic(peer_line(self._problem))
            yield SafeStatic(peer_line(self._words))
            yield Field(password=self._hidden, compact=True)
            yield SafeStatic(own(_("Enter: confirm · Esc: cancel"), "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with what was typed, which the field forgets."""
        typed, event.input.value = event.value, ""
        _done = self.dismiss(typed)


class AppScreen(Overlay[str | None]):
    """Shows an app's secret as a QR code and as text, and asks for its first code."""

    DEFAULT_CSS = """
    AppScreen VerticalScroll { height: auto; max-height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]
    AUTO_FOCUS: ClassVar[str | None] = ""  # it would scroll the secret away

    def __init__(self, secret: str, uri: str, problem: str = "") -> None:
        super().__init__(classes="dialog")
        self._secret, self._uri, self._problem = secret, uri, problem

    def compose(self) -> ComposeResult:
        """Create the child widgets: the field first, so that a small terminal shows it."""
        with Vertical(classes="box"), VerticalScroll(can_focus=False):
            yield SafeStatic(own(_("Set up an app for codes"), "bold"))
            if self._problem:
                yield SafeStatic(peer_line(self._problem))
            yield SafeStatic(own(_("Scan the code below with your app, or type the secret into it:")))
            yield SafeStatic(peer_line(grouped(self._secret), style="bold"))
            yield SafeStatic(own(_("Then type the six digits that the app shows.")))
            yield Field(compact=True)
            yield SafeStatic(own(_("Enter: confirm · Esc: cancel"), "dim"))
            yield SafeStatic(qr_picture(self._uri), id="qr")

    def on_mount(self) -> None:
        """Begin at the field, with the secret above it."""
        self.set_focus(self.query_one(Input), scroll_visible=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the code."""
        if event.value.strip():
            _done = self.dismiss(event.value)


class RecoveryCodesScreen(GuardedQuestion[bool]):
    """Shows the recovery codes, once; only Enter closes it, and not one that was typed before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "kept", N_("I have kept them"), id="second_factor.kept"),
    ]

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__(classes="dialog")
        self._codes = codes

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"), VerticalScroll():
            yield SafeStatic(own(_("Your recovery codes"), "bold"))
            yield SafeStatic(
                own(_("Each works once in place of your other factor. Keep them: they are shown only now."))
            )
            yield SafeStatic(lines(*(peer_line(code) for code in self._codes)))
            yield SafeStatic(own(_("Enter: I have kept them"), "dim"))
            yield SafeStatic(own("", "dim"), id="quiet")

    def action_leave(self) -> None:
        """Stay: they are shown only once."""

    def action_kept(self) -> None:
        """Close."""
        _done = self.dismiss(True)


class ScreenDialog:
    """Asks by dialogs over whatever an app shows."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app

    async def password(self, words: str) -> Secret:
        """Ask for a password, without showing it."""
        return Secret(await self._ask(LineScreen(words, hidden=True)))

    async def code(self, words: str, problem: str) -> str:
        """Ask for a code."""
        return str(await self._ask(LineScreen(words, problem)))

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        """Show the secret for an app, and ask for its first code."""
        return str(await self._ask(AppScreen(secret, uri, problem)))

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        """Show the recovery codes until the person says that they kept them."""
        await self._ask(RecoveryCodesScreen(codes))

    def tell(self, words: str) -> None:
        """Say it where the screen says what happens."""
        for line in self._app.screen.query("#outcome, #told").results(SafeStatic):
            line.show(own(words, "bold"))

    async def _ask(self, screen: Overlay[Any]) -> Any:
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answer(result: Any) -> None:
            if not answered.done():
                answered.set_result(result)

        shown = self._app.push_screen(screen, answer)
        if isinstance(self._app, SafeApp) and not self._app.keys.is_prompt:
            self._app.keys.guard(screen)  # the server answered, whatever was typed meanwhile
        await shown
        result = await answered
        if result is None:
            raise NotFinishedError(_("You stopped before the end. Nothing was changed."))
        return result


class SecondFactorsScreen(Overlay[None]):
    """The second factors of the account: add, remove, new recovery codes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Close"), id="second_factors.leave"),
        Binding("a", "add_app", N_("Add an app"), id="second_factors.add_app"),
        Binding("k", "add_key", N_("Add a security key"), id="second_factors.add_key"),
        Binding("x", "remove", N_("Remove"), id="second_factors.remove"),
        Binding("r", "codes", N_("New recovery codes"), id="second_factors.codes"),
    ]

    def __init__(self, open_factors: OpenFactors) -> None:
        super().__init__(classes="dialog")
        self._open = open_factors
        self._listed: FactorList | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(own(_("Second factors"), "bold"))
            yield SafeStatic(own(_("Loading…")), id="about")
            yield Choices(id="factors")
            yield SafeStatic(id="outcome")
            yield SafeStatic(
                own(
                    _(
                        "a: add an app · k: add a security key · x: remove · r: new recovery codes · "
                        "Esc: close"
                    ),
                    "dim",
                )
            )

    def on_mount(self) -> None:
        """Load the list."""
        self.query_one(Choices).focus()
        self._run(_nothing)

    def action_add_app(self) -> None:
        """Set up an app."""
        self._run(lambda factors: factors.add_app(self._new_name("app")))

    def action_add_key(self) -> None:
        """Set up a security key."""
        self._run(lambda factors: factors.add_key(self._new_name("key")))

    def action_remove(self) -> None:
        """Remove the marked one."""
        at = self.query_one(Choices).highlighted
        if at is not None and self._listed is not None and at < len(self._listed.factors):
            which = self._listed.factors[at]
            question = lines(own(_("Remove this second factor?"), "bold"), factor_line(which))
            self._ask(question, Letter("r", _("remove it")), lambda factors: factors.remove(which.id))

    def action_codes(self) -> None:
        """Get new recovery codes."""
        question = lines(
            own(_("Make new recovery codes?"), "bold"), own(_("The ones that you have no longer work then."))
        )
        self._ask(question, Letter("m", _("make new ones")), lambda factors: factors.replace_recovery_codes())

    def _new_name(self, word: str) -> str:
        """Return a name that none of them has."""
        names = {factor.name for factor in self._listed.factors} if self._listed else set()
        return next(name for name in (word, *(f"{word} {n}" for n in range(2, 99))) if name not in names)

    def _ask(self, question: Content, yes: Yes, work: Callable[[Factors], Awaitable[None]]) -> None:
        def answer(agreed: bool | None) -> None:  # noqa: FBT001 - Textual calls it
            if agreed:
                self._run(work)

        _done = self.app.push_screen(ConfirmScreen(question, yes), answer)

    def _run(self, work: Callable[[Factors], Awaitable[None]]) -> None:
        if not self._busy:
            self._busy = True
            self.run_worker(self._do(work))

    async def _do(self, work: Callable[[Factors], Awaitable[None]]) -> None:
        outcome = own("")
        try:
            async with self._open(ScreenDialog(self.app)) as factors:
                try:
                    await work(factors)
                except ParlourClientError as error:
                    outcome = error_content(error)
                self._show(await factors.list())
        except ParlourClientError as error:
            outcome = error_content(error)
        self._busy = False
        self.query_one("#outcome", SafeStatic).show(outcome)

    def _show(self, listed: FactorList) -> None:
        self._listed = listed
        self.query_one("#about", SafeStatic).show(about(listed))
        choices = self.query_one(Choices)
        choices.clear_options()
        choices.add_options([list_option(factor_line(factor)) for factor in listed.factors])
        choices.highlighted = 0 if listed.factors else None


async def _nothing(_factors: Factors) -> None:
    return


def about(listed: FactorList) -> Content:
    """Return what the list of factors means."""
    if listed.factors:
        return own(
            _("A login asks for one of these. {count} recovery codes are left.").format(
                count=listed.recovery_codes
            )
        )
    if not listed.addable:
        return own(_("This server doesn't offer second factors."))
    return own(_("A login asks for your password only. Add an app to make it ask for a code as well."))


def factor_line(factor: FactorInfo) -> Content:
    """Return one factor as a line."""
    return join(own(_(KIND_WORDS[factor.kind]), "bold"), own("  "), peer_line(factor.name))


def qr_picture(text: str) -> Content:
    """Return a QR code, dark on light, or some scanners fail."""
    return lines(*(own(row, "#000000 on #ffffff") for row in qr_rows(text)))


def grouped(secret: str) -> str:
    """Return a secret in groups of four, to be typed."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
