"""The key schedule: epoch secrets, PSKs, exporter, transcript hashes (RFC 9420 section 8).

Pure functions over `Secret`. The secrets that lead to an epoch (commit, joiner, epoch secret) are not in
what is returned for keeping: they are consumed here (section 9.2). Group creation, joining and commits call
this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from parlour_mls.codec import Reader, u16, vec
from parlour_mls.crypto import (
    HASH_SIZE,
    KEY_SIZE,
    NONCE_SIZE,
    ZERO,
    Kem,
    KeyPair,
    Secret,
    derive_secret,
    digest,
    expand_with_label,
    extract,
    mac,
    setup_receiver,
)
from parlour_mls.errors import InvalidError
from parlour_mls.messages import AuthenticatedContent, PskId

MAX_EXPORT = 255 * HASH_SIZE
EXTERNAL_INIT = b"MLS 1.0 external init secret"


@dataclass(frozen=True, slots=True)
class EpochSecrets:
    """The secrets that an epoch keeps; the encryption secret is only in the secret tree."""

    sender_data: Secret
    exporter: Secret
    external: Secret
    confirmation: Secret
    membership: Secret
    resumption: Secret
    authenticator: Secret
    init: Secret

    def external_pair(self, kem: Kem) -> KeyPair:
        """Give the key pair that external commits encrypt to (section 8)."""
        return kem.derive(self.external.reveal())

    def export(self, label: str, context: bytes, length: int) -> Secret:
        """MLS-Exporter (section 8.5): the context goes in hashed."""
        if not 0 < length <= MAX_EXPORT:
            raise InvalidError(f"an exported secret has 1 to {MAX_EXPORT} bytes")
        base = derive_secret(self.exporter.reveal(), label)
        return Secret(expand_with_label(base, "exported", digest(context), length))

    def confirmation_tag(self, confirmed_transcript_hash: bytes) -> bytes:
        """MAC that shows that members agree on the epoch (section 6.1)."""
        return mac(self.confirmation, confirmed_transcript_hash)

    def encode(self) -> bytes:
        """Write them, for the state blob."""
        secrets = (
            self.sender_data,
            self.exporter,
            self.external,
            self.confirmation,
            self.membership,
            self.resumption,
            self.authenticator,
            self.init,
        )
        return b"".join(secret.reveal() for secret in secrets)

    @classmethod
    def read(cls, r: Reader) -> "EpochSecrets":
        """Read them back."""
        return cls(*(Secret(r.take(HASH_SIZE)) for _ in fields(cls)))


def derive_epoch(epoch_secret: bytes) -> tuple[EpochSecrets, Secret]:
    """Give an epoch's secrets, and its encryption secret for the secret tree (section 8, table 4)."""
    labels = (
        "sender data",
        "exporter",
        "external",
        "confirm",
        "membership",
        "resumption",
        "authentication",
        "init",
    )
    secrets = EpochSecrets(*(Secret(derive_secret(epoch_secret, label)) for label in labels))
    return secrets, Secret(derive_secret(epoch_secret, "encryption"))


def joiner_secret(init: Secret, commit: Secret, context: bytes) -> Secret:
    """Mix a commit into the init secret of the epoch before (section 8)."""
    return Secret(expand_with_label(extract(init.reveal(), commit.reveal()), "joiner", context, HASH_SIZE))


def epoch_from_joiner(joiner: Secret, psk: bytes, context: bytes) -> tuple[EpochSecrets, Secret]:
    """Go from the joiner secret to the epoch's secrets, as members and new members both do."""
    return derive_epoch(expand_with_label(extract(joiner.reveal(), psk), "epoch", context, HASH_SIZE))


def welcome_key(joiner: Secret, psk: bytes) -> tuple[bytes, bytes]:
    """Key and nonce under which a Welcome's group info is encrypted (section 12.4.3.1)."""
    secret = derive_secret(extract(joiner.reveal(), psk), "welcome")
    return (
        expand_with_label(secret, "key", b"", KEY_SIZE),
        expand_with_label(secret, "nonce", b"", NONCE_SIZE),
    )


def psk_secret(psks: Sequence[tuple[PskId, Secret]]) -> bytes:
    """Chain pre-shared keys into one, in the order given (section 8.4)."""
    secret, count = ZERO, u16(len(psks))
    for index, (psk_id, psk) in enumerate(psks):
        label = psk_id.encode() + u16(index) + count
        derived = expand_with_label(extract(ZERO, psk.reveal()), "derived psk", label, HASH_SIZE)
        secret = extract(derived, secret)
    return secret


def external_init_receive(kem: Kem, kem_output: bytes, external: KeyPair) -> Secret:
    """Find the init secret that a joiner chose (section 8.3)."""
    return Secret(setup_receiver(kem, kem_output, external, b"").export(EXTERNAL_INIT, HASH_SIZE))


def confirmed_hash(interim: bytes, commit: AuthenticatedContent) -> bytes:
    """Take a commit, up to its signature, into the transcript (section 8.2)."""
    signed = u16(commit.wire_format) + commit.content.encode() + vec(commit.auth.signature)
    return digest(interim + signed)


def interim_hash(confirmed: bytes, confirmation_tag: bytes) -> bytes:
    """Take a commit's confirmation tag into the transcript (section 8.2)."""
    return digest(confirmed + vec(confirmation_tag))
