"""The system's keyring (GNOME, KDE, macOS, Windows), which keeps one small key, if there is one.

Headless machines and sessions over SSH have none, so every failure is a sentence and never a crash. It
refuses a backend that stores secrets in plaintext, and verifies each write by reading it back. The package
`keyring` is an optional extra of Parlour. ``key`` calls it, on any thread.
"""

import secrets
from typing import TYPE_CHECKING, Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "parlour"
_STAYS: Final = N_("Everything stays as it was; a passphrase works everywhere: parlour passphrase")


class NoKeyringError(SetupError):
    """There is no usable keyring here."""


def keep(secret: str) -> str:
    """Store a secret under a new name; returns the name. Raises NoKeyringError; then nothing is stored."""
    from keyring.errors import KeyringError  # noqa: PLC0415 - after `_backend` has found it

    backend, name = _backend(), secrets.token_hex(16)
    try:
        backend.set_password(SERVICE, name, secret)
        kept = backend.get_password(SERVICE, name)
    except (KeyringError, OSError, RuntimeError) as error:
        raise NoKeyringError(_("The system keyring refused the key."), _STAYS) from error
    if kept != secret:  # a backend that stores nothing reports no error
        raise NoKeyringError(_("The system keyring stored the key, but doesn't return it."), _STAYS)
    return name


def find(name: str) -> str | None:
    """Return the secret of a name; None if there is none. Raises NoKeyringError."""
    backend = _backend()
    from keyring.errors import KeyringError  # noqa: PLC0415 - after `_backend` has found it

    try:
        return backend.get_password(SERVICE, name)
    except (KeyringError, OSError, RuntimeError) as error:
        raise NoKeyringError(
            _("The system keyring is locked or not responding."), _("Unlock it, then try again.")
        ) from error


def forget(name: str) -> bool:
    """Delete a name; False if that is not possible now."""
    try:
        backend = _backend()
    except NoKeyringError:
        return False
    from keyring.errors import KeyringError  # noqa: PLC0415 - after `_backend` has found it

    try:
        backend.delete_password(SERVICE, name)
    except (KeyringError, OSError, RuntimeError):
        return False
    return True


def _backend() -> "KeyringBackend":
    try:
        import keyring  # noqa: PLC0415 - an extra: it may not be installed
        from keyring.core import recommended  # noqa: PLC0415
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError as error:
        raise NoKeyringError(
            _("This installation of Parlour can't use the system keyring."),
            _("Install the extra {extra}: docs/how-to/install.md").format(extra="keyring"),
        ) from error
    try:
        backend = keyring.get_keyring()
        if recommended(backend):
            return backend
    except (KeyringError, OSError, RuntimeError) as error:
        raise NoKeyringError(_("The system keyring can't be used."), _STAYS) from error
    raise NoKeyringError(
        _("This session has no usable keyring (over SSH or without a desktop, for example)."), _STAYS
    )
