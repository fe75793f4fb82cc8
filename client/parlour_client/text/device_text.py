"""Sentences about adding a device to one's account, in the same words on every front end."""

from collections.abc import Sequence

from parlour_client.core.e2ee.status import OwnDevice
from parlour_client.kit.language import _


def steps_to_add() -> Sequence[str]:
    """Return what to do with the link for another device."""
    return (
        _("On the new device, open Parlour and paste this link. It asks for your password."),
        _("The new device then shows a code: compare it with the one in /devices here."),
        _("The link holds no secret: the server's address, how to recognize the server, and your name."),
    )


def waiting_line(device: OwnDevice, how: str) -> str:
    """Say that a device waits for approval; ``how`` approves it. Its name went through its type."""
    return _("A new device, {name}, is waiting for approval. If it shows {code}: {how}").format(
        name=device.name, code=device.code, how=how
    )
