"""The ratchet tree beside a Welcome, sealed under a key that only the Welcome carries.

In clear it would show the server every leaf; RFC 9420 section 12.4.3.3 asks for the protection that commits
have. XChaCha20-Poly1305 with a fresh key for each commit; group and epoch are bound into it, so that a tree
of another time or group does not open. ``commit`` seals, ``join`` opens.
"""

import secrets
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_client.core.e2ee.extensions import TREE_KEY
from parlour_client.core.e2ee.refusals import RuleBrokenError
from parlour_protocol.mls import Extension

KEY: Final = bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
_NONCE: Final = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG: Final = bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES


def new_key() -> bytes:
    """Make the key of one tree."""
    return secrets.token_bytes(KEY)


def seal_tree(tree: bytes, key: bytes, group: bytes, epoch: int) -> bytes:
    """Return nonce and ciphertext of the tree of ``group`` in ``epoch``."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(tree, _bound(group, epoch), nonce, key)
    return nonce + sealed


def open_tree(sealed: bytes, info: tuple[Extension, ...], group: bytes, epoch: int) -> bytes:
    """Open a tree with the key in the group info. Raises RuleBrokenError."""
    key = next((extension.data for extension in info if extension.type == TREE_KEY), b"")
    if len(key) != KEY or len(sealed) < _NONCE + _TAG:
        raise RuleBrokenError("the Welcome carries no key for its tree, or there is no tree")
    nonce, ciphertext = sealed[:_NONCE], sealed[_NONCE:]
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            ciphertext, _bound(group, epoch), nonce, key
        )
    except CryptoError as error:
        raise RuleBrokenError("the tree beside the Welcome is another one or was changed") from error


def _bound(group: bytes, epoch: int) -> bytes:
    return group + epoch.to_bytes(8, "big")
