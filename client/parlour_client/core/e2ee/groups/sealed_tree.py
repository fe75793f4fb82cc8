"""What a new member needs besides a Welcome, encrypted under a key in it: tree and roster.

In plaintext it would show the server every leaf; RFC 9420 section 12.4.3.3 asks for the same protection as
commits have. XChaCha20-Poly1305 with a fresh key for each commit; group and epoch are bound into it, so that
a tree of another time or group does not open.
"""

import secrets
from typing import Final

import msgspec
from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_client.core.e2ee.groups.group_errors import RuleBrokenError
from parlour_client.core.e2ee.identity.mls_extensions import TREE_KEY
from parlour_client.kit.language import _
from parlour_mls import Extension

KEY: Final = bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
_NONCE: Final = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG: Final = bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES


class WelcomeSupplement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The plaintext."""

    tree: bytes
    roster: bytes


def new_key() -> bytes:
    """Make the key of one tree."""
    return secrets.token_bytes(KEY)


def key_extension(key: bytes) -> Extension:
    """Return the extension of the group info for new members."""
    return Extension(TREE_KEY, key)


def encrypt_supplement(beside: WelcomeSupplement, key: bytes, group: bytes, epoch: int) -> bytes:
    """Return nonce and ciphertext of the supplement for ``group`` in ``epoch``."""
    nonce = secrets.token_bytes(_NONCE)
    plain = msgspec.msgpack.encode(beside)
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, _bound(group, epoch), nonce, key)
    return nonce + sealed


def decrypt_supplement(
    sealed: bytes, info: tuple[Extension, ...], group: bytes, epoch: int
) -> WelcomeSupplement:
    """Decrypt it with the key in the group info. Raises RuleBrokenError."""
    key = next((extension.data for extension in info if extension.type == TREE_KEY), b"")
    if len(key) != KEY or len(sealed) < _NONCE + _TAG:
        raise RuleBrokenError(_("the Welcome carries no key for its tree, or there is no tree"))
    nonce, ciphertext = sealed[:_NONCE], sealed[_NONCE:]
    try:
        plain = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            ciphertext, _bound(group, epoch), nonce, key
        )
        return msgspec.msgpack.decode(plain, type=WelcomeSupplement)
    except (CryptoError, msgspec.MsgspecError) as error:
        raise RuleBrokenError(_("the tree beside the Welcome is another one or was changed")) from error


def _bound(group: bytes, epoch: int) -> bytes:
    return group + epoch.to_bytes(8, "big")
