"""Second factors on the client: answering a challenge, setting factors up, listing and removing them.

Every front end brings a ``FactorDialog``; what is asked, in which order, and what is sent is decided here.
The password is in memory until a login is finished, because a wrong code needs it again. What the server
sends to be shown is checked for its form first: a secret is base32, a code is letters, digits and hyphens.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from parlour_client.kit.account.security_key import KeyDialog, SecurityKeys, UsbKeys
from parlour_client.kit.errors import (
    ApiRefusedError,
    NotFinishedError,
    ParlourClientError,
    SecondFactorRefusedError,
    ServerMisbehavedError,
    SetupError,
)
from parlour_client.kit.language import _
from parlour_client.kit.transport.https import Api
from parlour_protocol.kit.api import Login, PasswordChange, SessionCreated
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.second_factor import (
    FactorAnswer,
    FactorChallenge,
    FactorId,
    FactorKind,
    FactorList,
    FactorProof,
    FactorRemoval,
    LoginProof,
    NewRecoveryCodes,
    NewSecurityKey,
    NewTotp,
    RecoveryCode,
    TotpCode,
    TotpConfirmation,
)
from parlour_protocol.kit.secret import Secret

_DIGITS: Final = re.compile(r"[0-9]{6}", re.ASCII)
_SECRET: Final = re.compile(r"[A-Z2-7]{16,128}", re.ASCII)
_URI: Final = re.compile(r"otpauth://totp/[!-~]{1,400}", re.ASCII)
_RECOVERY: Final = re.compile(r"[A-Z2-7-]{16,64}", re.ASCII)
_WRONG_CODE: Final = "second_factor_refused"


class FactorDialog(KeyDialog, Protocol):
    """How a front end asks its person. Each method raises NotFinishedError if they stop."""

    async def code(self, words: str, problem: str) -> str:
        """Ask for a code; ``problem`` is what was wrong with the last one."""
        ...

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        """Show the secret for an app, also as a QR code of ``uri``, and ask for its first code."""
        ...

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        """Show the recovery codes, which no one can show again."""
        ...


class NoDialog:
    """For programs without a person, such as bots: an account with a second factor is for people."""

    async def password(self, words: str) -> Secret:
        """Refuse."""
        raise _no_one(words)

    async def code(self, words: str, problem: str) -> str:
        """Refuse."""
        raise _no_one(problem or words)

    async def first_code(self, secret: str, uri: str, problem: str) -> str:
        """Refuse."""
        del secret, uri
        raise _no_one(problem)

    async def show_recovery_codes(self, codes: Sequence[str]) -> None:
        """Refuse."""
        del codes
        raise _no_one("")

    def tell(self, words: str) -> None:
        """Say nothing."""


NO_DIALOG: Final = NoDialog()


def _no_one(_words: str) -> NotFinishedError:
    return NotFinishedError(
        _("This account needs a second factor, and this program can't ask for it."),
        _("Log in with the program itself."),
    )


async def log_in(
    api: Api, login: Login, address: ServerAddress, dialog: FactorDialog, keys: SecurityKeys | None = None
) -> SessionCreated:
    """Log in, with a second factor if the account has one, and set one up if it must.

    Raises LoginRefusedError, NotFinishedError, and what else the API raises.
    """
    problem = ""
    while isinstance(made := await api.log_in(login), FactorChallenge):
        answer = await _answer(made, address, dialog, keys, problem)
        try:
            made = await api.finish_login(LoginProof(made.challenge, answer, login.key))
            break
        except SecondFactorRefusedError as error:
            problem = error.whole
    if made.must_enrol:
        dialog.tell(_("This server requires a second factor: an app that shows codes."))
        try:
            await Factors(api, made.session, address, dialog, keys).add_app("app", login.password)
        except ParlourClientError:
            with suppress(ParlourClientError):
                await api.end_session(made.session)
            raise
    return made


class Factors:
    """The second factors of someone who is logged in."""

    def __init__(
        self,
        api: Api,
        session: Secret,
        address: ServerAddress,
        dialog: FactorDialog,
        keys: SecurityKeys | None = None,
    ) -> None:
        self._api = api
        self._session = session
        self._address = address
        self._dialog = dialog
        self._keys = keys

    async def list(self) -> FactorList:
        """Return what there is, and what may be added."""
        return await self._api.second_factors(self._session)

    async def named(self, which: str) -> FactorId:
        """Return the factor with this name or id. Raises SetupError."""
        found = [factor.id for factor in (await self.list()).factors if which in {factor.name, factor.id}]
        if len(found) != 1:
            raise SetupError(
                _("Several have this name.") if found else _("You have no such second factor."),
                _("Use an id from the list."),
            )
        return found[0]

    async def add_app(self, name: str, password: Secret | None = None) -> None:
        """Set up an app: its secret, its first code, and with the first factor recovery codes."""
        password, proof = await self._confirmed(password)
        begun = await self._api.begin_totp(self._session, NewTotp(name=name, password=password, proof=proof))
        secret, uri = begun.secret.reveal(), begun.uri.reveal()
        if not (_SECRET.fullmatch(secret) and _URI.fullmatch(uri)):
            raise ServerMisbehavedError(_("The server sent no valid secret for an app."))
        problem = ""
        while True:
            code = await self._dialog.first_code(secret, uri, problem)
            try:
                added = await self._api.confirm_totp(
                    self._session, begun.id, TotpConfirmation(Secret(code.replace(" ", "")))
                )
                break
            except ApiRefusedError as error:
                if error.code != _WRONG_CODE:
                    raise
                problem = str(error)
        await self._show(added.recovery_codes)

    async def add_key(self, name: str, password: Secret | None = None) -> None:
        """Set up a security key, and with the first factor recovery codes."""
        keys = self._keys or UsbKeys()
        keys.require()
        password, proof = await self._confirmed(password)
        options = await self._api.begin_security_key(
            self._session, NewSecurityKey(name=name, password=password, proof=proof)
        )
        credential = await keys.register(options, self._address, self._dialog)
        added = await self._api.confirm_security_key(self._session, options.id, credential)
        await self._show(added.recovery_codes)

    async def remove(self, factor: FactorId) -> None:
        """Remove a factor."""
        password, proof = await self._confirmed(None)
        await self._api.remove_second_factor(self._session, factor, FactorRemoval(password, proof))

    async def replace_recovery_codes(self) -> None:
        """Get new recovery codes, and show them."""
        password, proof = await self._confirmed(None)
        made = await self._api.replace_recovery_codes(self._session, NewRecoveryCodes(password, proof))
        await self._show(made.codes)

    async def change_password(self, old: Secret, new: Secret) -> None:
        """Change the password; every other session ends."""
        await self._api.change_password(self._session, PasswordChange(old, new, await self._proof()))

    async def _proof(self) -> FactorProof | None:
        """Ask for a second factor, if the account has one."""
        if not (await self.list()).factors:
            return None
        challenge = await self._api.challenge(self._session)
        answer = await _answer(challenge, self._address, self._dialog, self._keys, "")
        return FactorProof(challenge.challenge, answer)

    async def _confirmed(self, password: Secret | None) -> tuple[Secret, FactorProof | None]:
        if password is None:
            password = await self._dialog.password(_("Password"))
        return password, await self._proof()

    async def _show(self, codes: Sequence[Secret]) -> None:
        shown = [code.reveal() for code in codes]
        if not all(_RECOVERY.fullmatch(code) for code in shown):
            raise ServerMisbehavedError(_("The server sent no valid recovery codes."))
        if shown:
            await self._dialog.show_recovery_codes(shown)


async def _answer(
    challenge: FactorChallenge,
    address: ServerAddress,
    dialog: FactorDialog,
    keys: SecurityKeys | None,
    problem: str,
) -> FactorAnswer:
    """Ask until what was typed can be an answer; nothing typed means the security key."""
    keys = keys or UsbKeys()
    has_key = FactorKind.SECURITY_KEY in challenge.kinds
    while True:
        typed = (await dialog.code(_words(challenge.kinds), problem)).strip()
        try:
            if typed:
                return _typed(typed, challenge.kinds)
            if has_key:
                return await keys.sign(challenge, address, dialog)
            problem = _("Type a code.")
        except SetupError as error:
            problem = error.whole


def _typed(text: str, kinds: Sequence[FactorKind]) -> FactorAnswer:
    """Return what someone typed as an answer. Raises SetupError."""
    digits = text.replace(" ", "")
    if _DIGITS.fullmatch(digits) and FactorKind.TOTP in kinds:
        return TotpCode(Secret(digits))
    if _RECOVERY.fullmatch("-".join(text.upper().split())) and FactorKind.RECOVERY_CODE in kinds:
        return RecoveryCode(Secret(text))
    raise SetupError(_("That is neither six digits nor a recovery code."))


def _words(kinds: Sequence[FactorKind]) -> str:
    """Return what may be typed."""
    known = {
        FactorKind.TOTP: _("the six digits of your app"),
        FactorKind.RECOVERY_CODE: _("a recovery code"),
        FactorKind.SECURITY_KEY: _("nothing to use your security key"),
    }
    return _("Type {ways}").format(ways=_(" or ").join(known[kind] for kind in _ORDER if kind in kinds))


_ORDER: Final = (FactorKind.TOTP, FactorKind.RECOVERY_CODE, FactorKind.SECURITY_KEY)
