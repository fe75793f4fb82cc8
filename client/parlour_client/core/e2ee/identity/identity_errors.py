"""Errors about keys, devices and the key log, each with what to do.

Open rooms work with all of them. Nothing here quotes what a server sent.
"""

from parlour_client.core.errors import EncryptionError
from parlour_client.kit.language import N_


class KeyLogError(EncryptionError):
    """The server's key log contradicts itself, or its earlier state. Our copy is unchanged."""

    hint = N_(
        "Ask the server's owner whether a backup was restored; if not, do not trust new devices "
        "or keys from this server, and compare safety numbers in person."
    )


class OtherServerError(EncryptionError):
    """The server's name is not the one at first contact."""

    hint = N_(
        "Ask the server's owner whether it was renamed; device certificates are only valid for one name."
    )


class OwnKeyChangedError(EncryptionError):
    """The account has an identity key that this device does not know."""

    hint = N_(
        "If you reset your keys on another device, accept the new key here. If not, someone else "
        "has your password, or the server lies: change the password and reset your keys."
    )


class NoAccountKeyError(EncryptionError):
    """This device does not have the account key, so it cannot approve, revoke or show recovery words."""

    hint = N_("Do it on the device that you used first, or type your recovery words here.")


class DevicePendingError(EncryptionError):
    """This device is not approved yet, so no one encrypts for it."""

    hint = N_(
        "Approve it on another device of yours with the code that it shows, or with your recovery words."
    )
