"""Joining a group by a Welcome (RFC 9420 section 12.4.3.1).

Nothing in a Welcome is trusted before it is checked: the tree against its hash, every leaf and parent, the
inviter's signature, and the confirmation tag. The caller spends the key package, and only on success.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

from parlour_mls.codec import RATCHET_TREE, ResumptionUsage, decode
from parlour_mls.crypto import (
    HASH_SIZE,
    PROTOCOL_VERSION,
    KeyPair,
    Secret,
    SigningKey,
    aead_decrypt,
    check_mac,
    decrypt_with_label,
    suite_of,
)
from parlour_mls.epoch import Epoch, Psks, SecretTree, epoch_from_joiner, interim_hash, welcome_key
from parlour_mls.errors import AuthenticationError, InvalidError, NotForThisGroupError, PolicyError
from parlour_mls.messages import (
    Extensions,
    GroupInfo,
    GroupSecrets,
    KeyPackage,
    PskId,
    ResumptionPskId,
    Welcome,
    find_extension,
)
from parlour_mls.tree import RatchetTree, derive_path_keys, tree_math
from parlour_mls.validate import (
    LeafRules,
    Policy,
    check_credential_types,
    check_group_extensions,
    check_member_leaf,
    check_tree,
)

TreeSource: TypeAlias = Callable[[Extensions], bytes]
"""Gives the encoded tree when the extensions of the group info are known: they may hold what opens it."""


@dataclass(frozen=True, slots=True)
class KeyPackageSecrets:
    """A key package of ours with its private keys."""

    package: KeyPackage
    init_private: Secret
    encryption_private: Secret
    signer: SigningKey

    def check(self) -> None:
        """Refuse private keys that do not belong to the package."""
        leaf, kem = self.package.leaf_node, suite_of(self.package.cipher_suite).kem
        if (
            kem.complete(self.init_private.reveal()).public != self.package.init_key
            or kem.complete(self.encryption_private.reveal()).public != leaf.encryption_key
            or self.signer.public != leaf.signature_key
        ):
            raise InvalidError("the private keys do not belong to the key package")


def process_welcome(
    welcome: Welcome,
    own: KeyPackageSecrets,
    ratchet_tree: RatchetTree | TreeSource | None,
    psks: Psks,
    policy: Policy,
    existing: Collection[bytes] = (),
) -> Epoch:
    """Check a Welcome and give the epoch that it leads into; `existing` are the ids of our groups."""
    secrets = _open_secrets(welcome, own)
    _check_psks(secrets.psks)
    psk = psks.secret(secrets.psks)
    info = _open_info(welcome, secrets, psk)
    _check_context(info, own.package, existing)
    tree = _tree_of(info, ratchet_tree, policy)
    check_group_info(info, tree, policy)
    own_leaf = _find_own(tree, own)
    privates = {2 * own_leaf: own.encryption_private}
    if secrets.path_secret is not None:
        privates.update(_path_privates(info, tree, own_leaf, secrets.path_secret))
    epoch_secrets, encryption = epoch_from_joiner(secrets.joiner_secret, psk, info.context.encode())
    confirmed = info.context.confirmed_transcript_hash
    check_mac(epoch_secrets.confirmation, confirmed, info.confirmation_tag, "confirmation tag")
    return Epoch(
        info.context,
        tree,
        epoch_secrets,
        SecretTree.start(tree.size, encryption.reveal()),
        interim_hash(confirmed, info.confirmation_tag),
        own_leaf,
        privates,
        own.signer,
    )


def _open_secrets(welcome: Welcome, own: KeyPackageSecrets) -> GroupSecrets:
    if own.package.cipher_suite != welcome.cipher_suite:
        raise NotForThisGroupError("the Welcome is for another cipher suite (section 12.4.3.1)")
    ref = own.package.ref
    encrypted = next((s.secrets for s in welcome.secrets if s.new_member == ref), None)
    if encrypted is None:
        raise NotForThisGroupError("the Welcome is not for this key package (section 12.4.3.1)")
    kem, pair = suite_of(welcome.cipher_suite).kem, KeyPair(own.init_private, own.package.init_key)
    plaintext = decrypt_with_label(kem, pair, "Welcome", welcome.encrypted_group_info, encrypted)
    return decode(GroupSecrets.read, plaintext)


def _check_psks(psks: tuple[PskId, ...]) -> None:
    """Refuse groups that continue another one (sections 11.2 and 11.3), and short nonces."""
    if any(len(psk.nonce) != HASH_SIZE for psk in psks):
        raise InvalidError("the nonce of a PSK has the wrong length (section 8.4)")
    if any(isinstance(psk, ResumptionPskId) and psk.usage is not ResumptionUsage.APPLICATION for psk in psks):
        raise PolicyError("this client does not join groups that continue another one")


def _open_info(welcome: Welcome, secrets: GroupSecrets, psk: bytes) -> GroupInfo:
    key, nonce = welcome_key(secrets.joiner_secret, psk)
    plaintext = aead_decrypt(key, nonce, b"", welcome.encrypted_group_info, "group info")
    return decode(GroupInfo.read, plaintext)


def _check_context(info: GroupInfo, package: KeyPackage, existing: Collection[bytes]) -> None:
    """Require a group of our version and our package's suite that we are not in yet (section 12.4.3.1)."""
    context = info.context
    if (context.version, context.cipher_suite) != (PROTOCOL_VERSION, package.cipher_suite):
        raise NotForThisGroupError("the group has another version or cipher suite (section 12.4.3.1)")
    if context.group_id in existing:
        raise NotForThisGroupError("we are in this group already (section 12.4.3)")
    check_group_extensions(package.leaf_node, context.extensions)


def _tree_of(info: GroupInfo, beside: RatchetTree | TreeSource | None, policy: Policy) -> RatchetTree:
    """Take the tree from the group info or from beside it (section 12.4.3.3)."""
    inside = find_extension(info.extensions, RATCHET_TREE)
    if inside is not None:
        tree = decode(RatchetTree.read, inside)
    elif beside is None:
        raise InvalidError("the ratchet tree is neither in the group info nor beside it: fetch it")
    else:
        tree = (
            beside if isinstance(beside, RatchetTree) else decode(RatchetTree.read, beside(info.extensions))
        )
    if tree.size > policy.max_leaves:
        raise PolicyError(
            f"the tree of the group has {tree.size} leaves, this client takes {policy.max_leaves}"
        )
    return tree


def check_group_info(info: GroupInfo, tree: RatchetTree, policy: Policy) -> None:
    """Verify the tree, all its leaves and who signed the group info (section 12.4.3.1)."""
    if tree.tree_hash != info.context.tree_hash:
        raise AuthenticationError("the ratchet tree is not the one of the group (section 12.4.3.1)")
    signer = tree.leaf(info.signer)
    if signer is None:
        raise InvalidError("the group info is signed by a blank leaf (section 12.4.3.1)")
    info.check_signature(signer.signature_key)
    check_tree(tree, info.context.suite)
    # Leaves may have sat in the tree for longer than their key package lived: no time is given, so no
    # lifetime is checked. Section 7.3 leaves that to the receiver.
    rules = LeafRules(info.context.extensions, policy, None, info.context.suite)
    for index, leaf in tree.members():
        check_member_leaf(leaf, rules, info.context.group_id, index)
    check_credential_types(tree)


def _find_own(tree: RatchetTree, own: KeyPackageSecrets) -> int:
    wanted = own.package.leaf_node
    index = next((i for i, leaf in tree.members() if leaf == wanted), None)
    if index is None:
        raise InvalidError("the tree does not hold the leaf of our key package (section 12.4.3.1)")
    return index


def _path_privates(
    info: GroupInfo, tree: RatchetTree, own_leaf: int, path_secret: Secret
) -> dict[int, Secret]:
    """Derive our keys from the lowest node that we share with the committer upwards (section 12.4.3.1)."""
    shared = tree_math.common_ancestor(own_leaf, info.signer)
    # Nodes of the committer's path; those in between that stayed blank were not on its filtered path.
    above = [shared, *tree_math.direct_path(shared, tree.size)]
    nodes = [node for node in above if tree.nodes[node] is not None]
    return dict(derive_path_keys(info.context.suite, tree, nodes, path_secret.reveal()).privates)
