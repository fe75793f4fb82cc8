"""The errors that every server has; a program's own inherit from ``ParlourServerError``.

The tree::

ParlourServerError
├── RefusedError          a refused request: a code and a hint for its sender
├── UnavailableError      the store or a queue is unavailable; nothing was stored
│   └── OutcomeUnknownError   the database was lost in a commit: it was stored, or not
├── LoginRefusedError     wrong name or password, or a disabled account
│   └── ProofRefusedError     what was proved besides the password is wrong, used or late
├── ProofNeededError      the account needs more than its password, which the request has not
├── EnrolmentRequiredError    this session may only set up what its account has to prove
├── SessionRefusedError   no live session has this bearer token
├── TicketRefusedError    the ticket opens nothing here
├── SessionKeyError       a login without a key that it needs, or with an unusable one; says which
├── PasswordRefusedError  a new password that breaks a rule; says which
├── TooManyAttemptsError  too many attempts; says how long to wait
├── InviteRefusedError    no such invite, used up or expired
├── NameTakenError        the name, or one that looks like it, is taken
└── SetupError            the server cannot start, or a command cannot run; says what to do
    └── UnrecordedOutcomeError   how a command ended could not be recorded; says how it ended

``SignalledError``, which ends a command, is a KeyboardInterrupt.
"""


class ParlourServerError(Exception):
    """The base class of the server's errors."""


class RefusedError(ParlourServerError):
    """A refused request. ``code`` is the kit's or the program's; ``hint`` is an ASCII sentence."""

    def __init__(self, code: str, hint: str = "", *, retry_after: int | None = None) -> None:
        """Refuse with ``code``; ``retry_after`` is in milliseconds."""
        super().__init__(str(code))
        self.code = code
        self.hint = hint
        self.retry_after = retry_after


class UnavailableError(ParlourServerError):
    """The server is overloaded, out of disk space or stopping. Nothing was stored."""


class OutcomeUnknownError(UnavailableError):
    """The connection to the database was lost while it committed: everything was stored, or nothing.

    No answer may say that nothing was: the connection of the request ends without one.
    """


class LoginRefusedError(ParlourServerError):
    """The login failed; the reason is only in the audit log (P4: user enumeration)."""


class ProofRefusedError(LoginRefusedError):
    """The proof besides the password is wrong, was used or came late; the error does not say which."""


class ProofNeededError(ParlourServerError):
    """The account needs more than its password, and the request has only that."""


class EnrolmentRequiredError(ParlourServerError):
    """The account must prove more than its password and can't yet: its sessions may only set that up."""


class SessionRefusedError(ParlourServerError):
    """No live session has this bearer token; the error does not say whether one ever had."""


class TicketRefusedError(ParlourServerError):
    """The ticket opens nothing here; the error does not say why (H4)."""


class SessionKeyError(ParlourServerError):
    """A login without the key that this server requires, or with an unusable one; the text says which."""


class PasswordRefusedError(ParlourServerError):
    """The new password breaks a rule; the text says which."""


class TooManyAttemptsError(ParlourServerError):
    """Too many failed logins; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        """Say how many seconds to wait."""
        super().__init__(f"Too many attempts: try again in {retry_after} seconds.")
        self.retry_after = retry_after


class InviteRefusedError(ParlourServerError):
    """The invite does not exist, is used up or has expired; the error does not say which."""


class NameTakenError(ParlourServerError):
    """The name, or one that looks like it, is taken."""


class SetupError(ParlourServerError):
    """The server cannot start, or a command cannot run. The text says what to do."""


class UnrecordedOutcomeError(SetupError):
    """How a command ended could not be recorded; that it began is. The text says how it ended."""


class SignalledError(KeyboardInterrupt):
    """SIGTERM or SIGHUP, as after a lost connection; the event loop lets it through like Ctrl+C."""

    def __init__(self, number: int) -> None:
        """Say which signal it was."""
        super().__init__()
        self.number = number
