# ruff: noqa: ARG002 - the interface is keyring's
"""Keyrings as the package `keyring` has them: one that works, and ones that do not."""

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError, PasswordSetError


class FakeKeyring(KeyringBackend):
    """A keyring in memory."""

    priority = 5  # pyright: ignore[reportAssignmentType] - as keyring's own backends

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return what is kept."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Keep it no more."""
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


class OpenKeyring(FakeKeyring):
    """One that keeps its secrets in the open, as `keyrings.alt` does: its priority says so."""

    priority = 0.5  # pyright: ignore[reportAssignmentType]


class ForgetfulKeyring(FakeKeyring):
    """One that takes everything and keeps nothing, as `keyring.backends.null` does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep nothing."""


class LockedKeyring(FakeKeyring):
    """One whose owner did not unlock it."""

    def get_password(self, service: str, username: str) -> str | None:
        """Refuse."""
        raise PasswordSetError("locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Refuse."""
        raise PasswordSetError("locked")


class BrokenKeyring(FakeKeyring):
    """One whose service went away in the middle."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Fail as a lost bus does."""
        raise ConnectionResetError(104, "Connection reset by peer")
