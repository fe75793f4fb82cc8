"""The errors of the client, as a tree. The text of each is for the person, ``hint`` says what to do.

::

    ParlourClientError
    ├── SetupError              the home folder or what was typed is not usable
    │   ├── WrongUseError       a command was written in a way that it can't be meant
    │   ├── NoAccountError      no one has logged in here yet
    │   │   └── LoggedOutError
    │   └── PassphraseNeededError
    ├── ArchiveError            the archive cannot be read or written
    │   ├── DamagedArchiveError
    │   └── WrongPassphraseError
    ├── TrustError              the server is not proven to be the right one; nothing was sent
    │   ├── PinChangedError
    │   └── CertificateError
    ├── UnreachableError        no connection; another try may help
    │   └── ServerMisbehavedError   it answered, but not as this protocol says
    ├── SessionEndedError       log in again
    ├── ApiRefusedError         the HTTPS API said no: a code and a sentence
    │   ├── LoginRefusedError
    │   └── StaleEpochError     another device's commit came first
    ├── EncryptionError         an encrypted room cannot be used so, and why
    ├── RefusedError            a request in the chat was refused: an ErrorCode
    └── StoppedError            the client was stopped while something waited

No text here quotes what a server sent, unless it went through ``safe_text``.
"""

from typing import ClassVar

from parlour_protocol.errors import ErrorCode

_SHOWN_OF_A_STRANGER = 200


def quoted(untrusted: str) -> str:
    """Return a server's sentence sanitised, on one line, and short; None if nothing visible is left."""
    from parlour_protocol.kit.text import safe_text  # noqa: PLC0415 - only a refusal needs the rule, not `--help`

    safe = safe_text(untrusted[:_SHOWN_OF_A_STRANGER])
    return "" if safe.blank else " ".join(safe.lines)


class ParlourClientError(Exception):
    """The base of the client's errors; ``str()`` is a sentence for the person."""

    hint: str = ""
    stops: ClassVar[bool] = False
    """True if retrying can't help before the person does something."""

    def __init__(self, text: str, hint: str | None = None) -> None:
        """State what happened and, in ``hint``, what to do about it."""
        super().__init__(text)
        if hint is not None:
            self.hint = hint

    @property
    def whole(self) -> str:
        """What happened and what to do, for a place that shows both in one line."""
        return f"{self} {self.hint}".strip()


class SetupError(ParlourClientError):
    """The home folder, a file or the input cannot be used as it is."""


class WrongUseError(SetupError):
    """A command was written wrongly, and nothing was tried. The command line exits with status 2."""


class NoAccountError(SetupError):
    """No one has logged in with this home folder yet."""

    hint = (
        "With an invite link: parlour join LINK --username NAME. "
        "Otherwise: parlour login ADDRESS --username NAME."
    )


class LoggedOutError(NoAccountError):
    """There is an account, but no session for it."""

    @classmethod
    def of(cls, server: str, user: str) -> "LoggedOutError":
        """Return the error with the login command for this account."""
        return cls("You are logged out.", f"Log in again: parlour login {server} --username {user}")


class PassphraseNeededError(SetupError):
    """The archive's key is wrapped by a passphrase, and none was given."""

    hint = "Open it with `parlour chat` in a terminal, which asks for the passphrase."


class ArchiveError(ParlourClientError):
    """The archive cannot be read or written now."""

    stops = True

    hint = "Check that the disk isn't full and that the home folder is yours."


class DamagedArchiveError(ArchiveError):
    """The archive's file is damaged, or its key belongs to another archive."""

    hint = (
        "Move archive.* out of the home folder and log in again: unencrypted rooms come back from the "
        "server, encrypted messages only from another device of yours."
    )


class WrongPassphraseError(ArchiveError):
    """The passphrase does not open the archive's key."""

    hint = "Try again."


class TrustError(ParlourClientError):
    """The server is not proven to be the right one. Nothing was sent to it."""

    stops = True


class PinChangedError(TrustError):
    """The server's key is not the pinned one."""

    hint = (
        "Ask the server's owner, outside Parlour, whether the key was changed. "
        "If so, use a new invite link or log in again; if not, someone may be intercepting."
    )


class CertificateError(TrustError):
    """The server's certificate is not valid for its name, or no trusted authority signed it."""

    hint = "Use an invite link with a pin, or name the server's CA: parlour login ADDRESS --ca FILE."


class UnreachableError(ParlourClientError):
    """The server cannot be reached, or does not answer in time."""

    hint = "Check that the address is right, the server is running and the network is up."


class ServerMisbehavedError(UnreachableError):
    """The server's answer does not follow this protocol."""

    hint = "Ask the server's owner; it may be another program or another version."


class SessionEndedError(ParlourClientError):
    """The session was ended: by a logout, a password change, its age, or the server's owner."""

    hint = "Log in again: parlour login ADDRESS --username NAME."
    stops = True

    @classmethod
    def of(cls, server: str, user: str) -> "SessionEndedError":
        """Return the error with the login command for this account."""
        return cls("The session has ended.", f"Log in again: parlour login {server} --username {user}")


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

    hint = "Check the name and your keyboard layout, then try again."


class StaleEpochError(ApiRefusedError):
    """The room's group has moved on: another device's commit was first, and must be processed."""

    hint = "Parlour tries again when the room has caught up."


class EncryptionError(ParlourClientError):
    """The state of an encrypted room, a key or a device prevents this; no plaintext was sent."""


class StoppedError(ParlourClientError):
    """The client was stopped before the answer came."""


_WORDS: dict[ErrorCode, str] = {
    ErrorCode.MALFORMED: "The server did not understand the request.",
    ErrorCode.TOO_MANY_IN_FLIGHT: "Too many requests at once.",
    ErrorCode.NOT_FOUND: "There is no such room, person or message, or you are not allowed to see it.",
    ErrorCode.FORBIDDEN: "Your role in this room does not allow that.",
    ErrorCode.BANNED: "You are banned from this room.",
    ErrorCode.MUTED: "You are muted in this room.",
    ErrorCode.NAME_TAKEN: "That name, or one that looks like it, is taken.",
    ErrorCode.ALREADY: "Nothing to change.",
    ErrorCode.RATE_LIMITED: "You are sending too fast.",
    ErrorCode.LIMIT_REACHED: "You have reached a limit of this server.",
    ErrorCode.CONFLICT: "The server already has a different request with this id.",
    ErrorCode.ENCRYPTED: "The room is end-to-end encrypted, so the server refuses unencrypted messages.",
    ErrorCode.STALE_EPOCH: "The room's keys have changed in the meantime.",
    ErrorCode.REMOVAL_PENDING: (
        "Someone who left is still in the encrypted group, and the server takes no messages until they are "
        "removed."
    ),
    ErrorCode.UNAVAILABLE: "The server can't do that right now; nothing was stored.",
}


class RefusedError(ParlourClientError):
    """A request in the chat was refused and nothing was changed. ``retry_after`` is in milliseconds."""

    def __init__(self, code: ErrorCode, server_hint: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(_WORDS[code], quoted(server_hint))
        self.code = code
        self.retry_after = retry_after
