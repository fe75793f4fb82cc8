"""The errors of a client, as a tree. The text of each is for the person, ``hint`` says what to do.

::

    ParlourClientError
    ├── SetupError              the home folder or what was typed is not usable
    │   ├── WrongUseError       a command was written in a way that it can't be meant
    │   └── NoAccountError      no one has logged in here yet
    │       └── LoggedOutError
    ├── TrustError              the server is not proven to be the right one; nothing was sent
    │   ├── PinChangedError
    │   └── CertificateError
    ├── UnreachableError        no connection; another try may help
    │   └── ServerMisbehavedError   it answered, but not as this protocol says
    ├── SessionEndedError       log in again
    │   ├── EnrolmentRequiredError   and set up a second factor
    │   └── AccountDeletedError      which is not possible any more
    ├── ApiRefusedError         the HTTPS API said no: a code and a sentence
    │   └── LoginRefusedError
    │       └── SecondFactorRefusedError
    ├── NotFinishedError        the person stopped before the end
    ├── RefusedError            a request on the connection was refused: a code
    └── StoppedError            the client was stopped while something waited

A program's own errors are subclasses. No text here quotes what a server sent, unless it went through
``safe_text``.
"""

import re
from collections.abc import Mapping
from typing import ClassVar, Final

from parlour_client.kit.language import N_, _
from parlour_protocol.kit.errors import ErrorCode

_SHOWN_OF_A_STRANGER = 200


def quoted(untrusted: str) -> str:
    """Return a server's sentence sanitised, on one line, and short; None if nothing visible is left."""
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415 - only a refusal needs the rule, not `--help`

    safe = safe_text(untrusted[:_SHOWN_OF_A_STRANGER])
    return "" if safe.blank else " ".join(safe.lines)


_WORD: Final = re.compile(r"\w+")
_SMALL: Final = frozenset(
    _WORD.findall(
        "a an and any are be by can first for from have here in into is it its no not of or so such that the "
        "their there they this to was you your"
    )
)
"""Words that say nothing by themselves about what was refused."""


def _added(hint: str, sentence: str) -> str:
    """Return a server's reason as a sentence, or nothing if our own says the same in other words."""
    said = set(_WORD.findall(sentence.lower()))
    new = set(_WORD.findall(hint.lower())) - _SMALL
    if not hint or 3 * len(new & said) >= 2 * len(new):
        return ""
    return _as_sentence(hint)


def _as_sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words[-1:] in '.!?…' else '.'}"


class ParlourClientError(Exception):
    """The base of the client's errors; ``str()`` is a sentence for the person."""

    hint: str = ""
    stops: ClassVar[bool] = False
    """True if retrying can't help before the person does something."""

    def __init__(self, text: str, hint: str | None = None) -> None:
        """State what happened and, in ``hint``, what to do; what ``N_`` marked is translated here."""
        super().__init__(_(text))
        self.hint = _(self.hint if hint is None else hint)

    @property
    def whole(self) -> str:
        """The text and the hint, for a place that shows both in one line."""
        return f"{self} {self.hint}".strip()


class SetupError(ParlourClientError):
    """The home folder, a file or the input cannot be used as it is."""


class WrongUseError(SetupError):
    """A command was written wrongly, and nothing was tried. The command line exits with status 2."""


class NoAccountError(SetupError):
    """No one has logged in with this home folder yet."""

    hint = N_("Join with an invite link, or log in at an address.")


class LoggedOutError(NoAccountError):
    """There is an account, but no session for it."""

    hint = N_("Log in again.")


class TrustError(ParlourClientError):
    """The server is not proven to be the right one. Nothing was sent to it."""

    stops = True


class PinChangedError(TrustError):
    """The server's key is not the pinned one."""

    hint = N_(
        "Ask the server's operator, by phone or in person, whether the key was changed. If so, use "
        "a new invite link or log in again; if not, someone may be intercepting."
    )


class CertificateError(TrustError):
    """The server's certificate is not valid for its name, or no trusted authority signed it."""

    hint = N_("Use an invite link with a pin, or name the file of the server's CA when you log in.")


class UnreachableError(ParlourClientError):
    """The server cannot be reached, or does not answer in time."""

    hint = N_("Check that the address is right, the server is running and the network is up.")


class ServerMisbehavedError(UnreachableError):
    """The server's answer does not follow this protocol."""

    hint = N_("Ask the server's operator; it may be another program or another version.")


class SessionEndedError(ParlourClientError):
    """The session was ended: by a logout, a password change, its age, or the server's operator."""

    hint = N_("Log in again.")
    stops = True


class EnrolmentRequiredError(SessionEndedError):
    """The account must have a second factor and has none: the session is good for setting one up only."""

    hint = N_("Log in again; you set one up then.")


class AccountDeletedError(SessionEndedError):
    """The server's operator deleted the account: no login will work again."""

    hint = N_("What this device has stays readable here.")


class NotFinishedError(ParlourClientError):
    """The dialog was closed, or this program can't show one."""


class ApiRefusedError(ParlourClientError):
    """The HTTPS API refused. ``code`` is its short code; ``retry_after`` is in seconds."""

    def __init__(
        self, text: str, code: str, *, hint: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(text, hint)
        self.code = code
        self.retry_after = retry_after


class LoginRefusedError(ApiRefusedError):
    """The name or the password is wrong; the server never says which."""

    hint = N_("Check the name and your keyboard layout, then try again.")


class SecondFactorRefusedError(LoginRefusedError):
    """The code of a second factor is wrong, was used already, or came too late."""

    hint = N_("Try the code that the app shows now. It must have the right time.")


class StoppedError(ParlourClientError):
    """The client was stopped before the answer came."""


WORDS: Final[Mapping[str, str]] = {
    ErrorCode.MALFORMED: N_("The server did not understand the request."),
    ErrorCode.TOO_MANY_IN_FLIGHT: N_("Too many requests at once."),
    ErrorCode.NOT_FOUND: N_("There is no such thing, or you are not allowed to see it."),
    ErrorCode.FORBIDDEN: N_("You may not do that."),
    ErrorCode.NOT_NOW: N_("That is not possible now."),
    ErrorCode.NAME_TAKEN: N_("That name, or one that looks like it, is taken."),
    ErrorCode.ALREADY: N_("Nothing to change."),
    ErrorCode.RATE_LIMITED: N_("You are sending too fast."),
    ErrorCode.LIMIT_REACHED: N_("You have reached a limit of this server."),
    ErrorCode.CONFLICT: N_("The server already has a different request with this id."),
    ErrorCode.CONTENT_REFUSED: N_("This server's inspection refused it; nothing was stored."),
    ErrorCode.UNAVAILABLE: N_("The server can't do that right now; nothing was stored."),
}


class RefusedError(ParlourClientError):
    """A request was refused and nothing was changed. ``retry_after`` is in milliseconds.

    ``words`` are a program's own sentences by code, used before those of the kit; ``reasons`` are
    the reasons of its server that stand for themselves: what the code means in general would contradict them.
    """

    words: ClassVar[Mapping[str, str]] = {}
    reasons: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, code: str, server_hint: str = "", *, retry_after: int | None = None) -> None:
        reason = _as_sentence(server_hint)
        known = reason in self.reasons
        text = (
            (reason if known else "")
            or self.words.get(code)
            or WORDS.get(code)
            or _("The server refused it ({code}).").format(code=quoted(code))
        )
        super().__init__(text, "" if known else _added(quoted(server_hint), text))
        self.code = code
        self.retry_after = retry_after
