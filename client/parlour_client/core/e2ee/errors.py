"""Why nothing is encrypted, joined or committed now, and errors about keys, devices and the key log.

Each says what to do. An operation that raises one has changed nothing; unencrypted rooms work with all of
them. Nothing here quotes what a server sent.
"""

from collections.abc import Mapping
from typing import Final

from parlour_client.core.errors import EncryptionError
from parlour_client.kit.language import N_, _
from parlour_mls import MlsError
from parlour_protocol.kit.ids import DeviceId, Seq

CONTESTED: Final = N_(
    "The members have lost track of the room's keys. An owner must recreate the encrypted group (/recreate)."
)
WAITING: Final = N_(
    "Waiting for a member's device to add this one. It happens automatically when one of them is online."
)


class NotReadyError(EncryptionError):
    """The room's group cannot take a message or a commit yet; it can later, by itself."""

    hint = N_("It is sent as soon as the room is ready.")


class AnotherGroupError(NotReadyError):
    """The server counts this device to a group whose keys it does not have; its own is not in force there."""

    hint = N_("Ask the server's operator what happened to its history.")

    def __init__(self) -> None:
        super().__init__(
            _(
                "The server has another encrypted group for this room than this device: its history was "
                "exchanged."
            )
        )


class DisplacedError(EncryptionError):
    """Another copy of this home has renewed the device's keys: this copy has none that the group uses."""

    hint = N_("Use that one, or log in here as a new device.")

    def __init__(self) -> None:
        super().__init__(
            _(
                "Another copy of this home folder is in use: it has renewed this device's keys, and this "
                "copy can no longer read the room."
            )
        )


class BlockedError(EncryptionError):
    """Nothing is encrypted before the person decides about a key."""

    hint = N_(
        "Compare the safety number, then confirm it or accept the key: /verify NAME, or parlour verify NAME."
    )


class ArrivedError(EncryptionError):
    """The message is in the log already and must not be encrypted a second time."""

    def __init__(self, seq: Seq) -> None:
        super().__init__(_("The message has already arrived."))
        self.seq = seq


class JoinRefusedError(EncryptionError):
    """A Welcome does not lead into the right group; nothing was changed."""

    hint = N_("Ask a member to remove this device and to add it again.")


class UnusableWelcomeError(JoinRefusedError):
    """It was made with a key package whose private key is gone: the server, or this home, is an older one."""


class UnfitGroupError(JoinRefusedError):
    """The group's members are not those whom this device knew, and no statement says why: it is contested."""


class BadPackageError(EncryptionError):
    """Some key packages cannot be used; the devices of the others can still be added.

    ``why``: for each device its owner, as far as known, and the problem.
    """

    def __init__(self, why: Mapping[DeviceId, str]) -> None:
        super().__init__(
            _("The server gave no usable key package: ") + "; ".join(dict.fromkeys(why.values()))
        )
        self.why = why


class MovedError(EncryptionError):
    """Another program with this home has changed the group in the meantime: retry with its state."""


class NotDurableError(EncryptionError):
    """The caller's transaction is not durable: after a power cut a key could be used twice."""


class KeyLogNeededError(MlsError):
    """A commit gives someone a key that this device's copy of the key log lacks: read the log to its end."""


class RuleBrokenError(MlsError):
    """A leaf, a commit or a group breaks one of Parlour's rules (not of RFC 9420)."""


class KeyLogError(EncryptionError):
    """The server's key log contradicts itself, or its earlier state. Our copy is unchanged."""

    hint = N_(
        "Ask the server's operator whether a backup was restored; if not, do not trust new devices "
        "or keys from this server, and compare safety numbers in person."
    )


class OtherServerError(EncryptionError):
    """The server's name is not the one at first contact."""

    hint = N_(
        "Ask the server's operator whether it was renamed; device certificates are only valid for one name."
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
