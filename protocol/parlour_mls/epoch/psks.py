"""Where pre-shared keys come from: the application, and earlier epochs (RFC 9420 sections 8.4 and 8.6).

Looking up never falls back to anything: a key that is missing stops the commit or the join that asks for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from parlour_mls.crypto import Secret
from parlour_mls.epoch.key_schedule import psk_secret
from parlour_mls.errors import UnknownPskError
from parlour_mls.messages import ExternalPskId, PskId


@dataclass(frozen=True, slots=True)
class Psks:
    """External keys by id, resumption secrets by group and epoch."""

    external: Mapping[bytes, Secret] = field(default_factory=dict)
    resumption: Mapping[tuple[bytes, int], Secret] = field(default_factory=dict)

    def find(self, psk: PskId) -> Secret:
        """Give one key."""
        if isinstance(psk, ExternalPskId):
            found = self.external.get(psk.psk_id)
        else:
            found = self.resumption.get((psk.group_id, psk.epoch))
        if found is None:
            raise UnknownPskError("this client does not have a pre-shared key that is needed")
        return found

    def secret(self, psks: Iterable[PskId]) -> bytes:
        """Give the PSK secret of an epoch, from its keys in order (section 8.4)."""
        return psk_secret([(psk, self.find(psk)) for psk in psks])

    def with_group(self, group_id: bytes, resumption: Mapping[int, Secret]) -> "Psks":
        """Add the resumption secrets of one group."""
        own = {(group_id, epoch): secret for epoch, secret in resumption.items()}
        return Psks(self.external, {**self.resumption, **own})


NO_PSKS = Psks()
