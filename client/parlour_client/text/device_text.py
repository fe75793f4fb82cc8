"""Sentences about adding a device to one's account, in the same words on every front end."""

from collections.abc import Sequence

from parlour_client.core.e2ee.values import OwnDevice
from parlour_client.kit.language import _


def steps_to_add() -> Sequence[str]:
    """Return what to do with the link for another device."""
    return (
        _("On the new device, open Parlour and paste this link. It asks for your password."),
        _("The new device then shows a code, by which you approve it here: /devices."),
        _("The link holds no secret: the server's address, how to recognize the server, and your name."),
    )


def waiting_line(device: OwnDevice) -> str:
    """Say that a device waits for approval. Its name is last: what stands behind it would look like ours.

    Without its code, which proves that one has it in front of oneself: someone else may have logged in.
    """
    return _(
        "A new device is waiting for approval. If it is yours: /approve, with the code that it shows. If "
        "not, revoke it (/devices), and change your password. Its name: {name}"
    ).format(name=device.name)
