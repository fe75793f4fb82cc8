"""The errors of the server package.

The tree::

ParlourServerError
├── RefusedError          a request that is not to be done: an ErrorCode and a hint for its sender
├── UnavailableError      the store or a queue cannot do it now; nothing was stored
├── LoginRefusedError     wrong name or password, disabled account: one and the same to the outside
├── SessionRefusedError   no live session has this bearer token
├── PasswordRefusedError  a new password against the rules; says which
├── TooManyAttemptsError  the throttle says wait
├── InviteRefusedError    no such invite, used up or expired
├── NameTakenError        the name, or one that looks like it, exists
├── NoDeviceError         the session speaks for no device with keys, or for another one
├── PasswordNeededError   a change for which a session is not enough
├── FilesFullError        the account's files, or all files, take too much room
└── SetupError            the server cannot start, or a command cannot run: the text says what to do
"""

from parlour_protocol.errors import ErrorCode


class ParlourServerError(Exception):
    """Something that the server refuses or cannot do."""


class RefusedError(ParlourServerError):
    """A request that is not to be done. ``hint`` is a sentence in ASCII for the person."""

    def __init__(self, code: ErrorCode, hint: str = "", *, retry_after: int | None = None) -> None:
        """Refuse with ``code``; ``retry_after`` is in milliseconds."""
        super().__init__(code.value)
        self.code = code
        self.hint = hint
        self.retry_after = retry_after


class UnavailableError(ParlourServerError):
    """It cannot be done now (overloaded, disk full, stopping). Nothing was stored."""


class LoginRefusedError(ParlourServerError):
    """The login failed; the reason is only in the audit log (P4: user enumeration)."""


class SessionRefusedError(ParlourServerError):
    """No live session has this bearer token; whether one ever had is not told."""


class PasswordRefusedError(ParlourServerError):
    """The new password is against the rules; the text says which."""


class TooManyAttemptsError(ParlourServerError):
    """Too many failed logins; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        """Say how many seconds to wait."""
        super().__init__(f"Too many attempts: try again in {retry_after} seconds.")
        self.retry_after = retry_after


class InviteRefusedError(ParlourServerError):
    """The invite does not exist, is used up or has expired; which of them is not told."""


class NameTakenError(ParlourServerError):
    """The name exists, or one that looks like it."""


class NoDeviceError(ParlourServerError):
    """The session speaks for no device with keys, or not for the one that it is about."""


class PasswordNeededError(ParlourServerError):
    """A live session is not enough for it: the password is asked for again (P7: stolen session)."""


class FilesFullError(ParlourServerError):
    """There is no room for the file; the text says whose space is used up."""


class SetupError(ParlourServerError):
    """The server cannot start, or a command cannot run. The text tells the operator what to do."""
