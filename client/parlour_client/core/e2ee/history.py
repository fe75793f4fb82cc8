"""History from one device of the account to another, over the encrypted room that they have with oneself.

Only devices of the account itself are believed, and what comes is stored as history alone: no keys of groups
ever travel. ``facade`` asks it to send.
"""

from parlour_client.core.errors import EncryptionError
from parlour_protocol.ids import DeviceId


class Histories:
    """Hands the archive over."""

    async def send(self, device: DeviceId) -> int:
        """Hand the archive to another device of ours; returns how many events."""
        raise EncryptionError(f"History cannot be handed to {device} by this version of Parlour yet.")
