"""The errors that only a chat has: of its archive, its encrypted rooms, and its requests.

::

    SetupError
    └── PassphraseNeededError
    ParlourClientError
    ├── ArchiveError            the archive cannot be read or written
    │   ├── DamagedArchiveError
    │   └── WrongPassphraseError
    └── EncryptionError         an encrypted room cannot be used so, and why
    ApiRefusedError
    └── StaleEpochError         another device's commit came first
    RefusedError
    └── ChatRefusedError        a request in the chat was refused: an ErrorCode
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from parlour_client.kit.errors import (
    ApiRefusedError,
    LoggedOutError,
    NoAccountError,
    ParlourClientError,
    RefusedError,
    SetupError,
)
from parlour_client.kit.language import N_, _
from parlour_protocol.errors import ErrorCode


def no_account() -> NoAccountError:
    """Return the error for a home folder without an account."""
    return NoAccountError(
        _("No one has logged in with this home folder yet."),
        _(
            "With an invite link: parlour join LINK --username NAME. Otherwise: parlour login "
            "ADDRESS --username NAME."
        ),
    )


def logged_out(server: str, user: str) -> LoggedOutError:
    """Return the error with the login command for this account."""
    return LoggedOutError(_("You are logged out."), login_hint(server, user))


def login_hint(server: str, user: str) -> str:
    """Return what to do after the session has ended."""
    return _("Log in again: parlour login {server} --username {user}").format(server=server, user=user)


class PassphraseNeededError(SetupError):
    """The archive's key is wrapped by a passphrase, and none was given."""

    hint = N_("Open it with `parlour chat` in a terminal, which asks for the passphrase.")


class ArchiveError(ParlourClientError):
    """The archive cannot be read or written now."""

    stops = True

    hint = N_("Check that the disk isn't full and that the home folder is yours.")


class DamagedArchiveError(ArchiveError):
    """The archive's file is damaged, or its key belongs to another archive."""

    hint = N_(
        "Move archive.* out of the home folder and log in again: unencrypted rooms come back "
        "from the server, encrypted messages only from another device of yours."
    )


class WrongPassphraseError(ArchiveError):
    """The passphrase does not open the archive's key."""

    hint = N_("Try again.")


class StaleEpochError(ApiRefusedError):
    """The room's group has moved on: another device's commit was first, and must be processed."""

    hint = N_("Parlour tries again when the room has caught up.")


class EncryptionError(ParlourClientError):
    """The state of an encrypted room, a key or a device prevents this; no plaintext was sent."""


ARCHIVED: Final = N_("This room is archived: you can read it, but nobody can write here.")
OWNERS_UNARCHIVE: Final = N_("An owner can open it again: /archive off")
_WORDS: Final[Mapping[str, str]] = {
    ErrorCode.NOT_FOUND: N_("There is no such room, person or message, or you are not allowed to see it."),
    ErrorCode.MESSAGE_GONE: N_("That message was deleted or has expired."),
    ErrorCode.FORBIDDEN: N_("Your role in this room does not allow that."),
    ErrorCode.BANNED: N_("You are banned from this room."),
    ErrorCode.MUTED: N_("You are muted in this room."),
    ErrorCode.ARCHIVED: ARCHIVED,
    ErrorCode.ENCRYPTED: N_("The room is end-to-end encrypted, so the server refuses unencrypted messages."),
    ErrorCode.STALE_EPOCH: N_("The room's keys have changed in the meantime."),
    ErrorCode.REMOVAL_PENDING: (
        N_(
            "The server takes no messages until someone who left, or a revoked device, is out of the "
            "encrypted group."
        )
    ),
}

_REASONS: Final = frozenset(
    {
        N_("Only moderators and owners can do this here."),
        N_("Only owners can do this here."),
        N_("This cannot be done in a direct room."),
        N_("Join the room first."),
        N_("There is no such user."),
        N_("Their account was deleted."),
        N_("Their account was deleted: no one reads this direct room any more."),
        N_("They are not in this room."),
        N_("Their role is as high as yours or higher."),
        N_("To go, leave the room instead."),
        N_("You cannot mute yourself."),
        N_("You cannot unmute yourself."),
        N_("Make someone else an owner first."),
        N_("They already have this role."),
        N_("They are already banned."),
        N_("They are not banned."),
        N_("They are already muted."),
        N_("They are not muted."),
        N_("They are already in this room."),
        N_("They are banned here: a moderator must unban them first."),
        N_("You already invited them, and they have not answered yet."),
        N_("You withdrew their invitation recently: invite them again later."),
        N_("Too many of your invitations are unanswered: withdraw one, or wait."),
        N_("Too many invitations to this room are unanswered."),
        N_("No such invitation, or it is not yours to withdraw."),
        N_("Messages here are already kept for that long."),
        N_("This room is already archived."),
        N_("This room is not archived."),
    }
)
"""A server's reasons for refusing what moderators do: the client knows them, so it can translate them."""


class ChatRefusedError(RefusedError):
    """A request in the chat was refused and nothing was changed."""

    words: ClassVar[Mapping[str, str]] = _WORDS
    reasons: ClassVar[frozenset[str]] = _REASONS


class ParentGoneError(ChatRefusedError):
    """A reply was refused because its message expired or was deleted. Sent again, it goes without it."""

    words: ClassVar[Mapping[str, str]] = {
        ErrorCode.MESSAGE_GONE: N_(
            "The message that you replied to was deleted or has expired. "
            "If you send yours again, it goes without the quote."
        )
    }
