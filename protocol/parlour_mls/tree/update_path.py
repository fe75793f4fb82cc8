"""Update paths: fresh keys from a leaf to the root, sent to everyone below (RFC 9420 sections 7.4 to 7.6).

Making one is two steps, because the path secrets are encrypted under a group context that holds the hash of
the tree with the new keys in it: `plan_path` gives the tree, `encrypt_path` the path to send. The receiving
side is `merge_path` and `decrypt_path`. Nothing here changes a group.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from parlour_mls.codec import LeafNodeSource
from parlour_mls.crypto import (
    HASH_SIZE,
    CipherSuite,
    HpkeCiphertext,
    KeyPair,
    Random,
    Secret,
    SigningKey,
    decrypt_with_label,
    derive_secret,
    encrypt_with_label,
    system_random,
)
from parlour_mls.errors import AuthenticationError, InvalidError
from parlour_mls.messages import LeafNode, UpdatePath, UpdatePathNode
from parlour_mls.tree import tree_math
from parlour_mls.tree.ratchet_tree import RatchetTree
from parlour_mls.tree.tree_nodes import ParentNode, parent_hash

Privates = Mapping[int, Secret]
"""Private keys by node index."""


@dataclass(frozen=True, slots=True)
class OpenedPath:
    """The secrets in a path for someone who can read it: private keys, and the secret above the root."""

    privates: Privates
    commit_secret: Secret


@dataclass(frozen=True, slots=True)
class PathPlan:
    """A path before it is encrypted."""

    suite: CipherSuite
    tree: RatchetTree
    leaf_index: int
    leaf: LeafNode
    nodes: tuple[tuple[int, int], ...]
    path_secrets: tuple[Secret, ...]
    opened: OpenedPath

    def secret_for(self, leaf: int) -> Secret | None:
        """Path secret that a new member at that leaf gets in its Welcome (section 12.4.3.1)."""
        ancestor = tree_math.common_ancestor(self.leaf_index, leaf)
        for (node, _), secret in zip(self.nodes, self.path_secrets, strict=True):
            if node == ancestor:
                return secret
        return None


def _pair(suite: CipherSuite, path_secret: bytes) -> KeyPair:
    return suite.kem.derive(derive_secret(path_secret, "node"))


def _parents(
    tree: RatchetTree, nodes: tuple[tuple[int, int], ...], keys: list[bytes]
) -> tuple[dict[int, ParentNode], bytes]:
    """Chain parent hashes from the root down: the new parents, and the hash for the leaf (section 7.9)."""
    parents: dict[int, ParentNode] = {}
    above = b""
    for (node, other), key in zip(reversed(nodes), reversed(keys), strict=True):
        parents[node] = ParentNode(key, above)
        above = parent_hash(key, above, tree.subtree_hash(other))
    return parents, above


def plan_path(
    suite: CipherSuite,
    tree: RatchetTree,
    leaf_index: int,
    leaf: LeafNode,
    key: SigningKey,
    group_id: bytes,
    random: Random = system_random,
) -> PathPlan:
    """Choose fresh keys from a leaf to the root (section 7.5); `leaf` gives all but the keys."""
    nodes = tuple(tree.filtered_path(leaf_index))
    secret = random(HASH_SIZE)
    secrets: list[Secret] = []
    pairs: list[KeyPair] = []
    for _ in nodes:
        secrets.append(Secret(secret))
        pairs.append(_pair(suite, secret))
        secret = derive_secret(secret, "path")
    parents, above = _parents(tree, nodes, [pair.public for pair in pairs])
    own = suite.kem.generate(random)
    fresh = replace(
        leaf,
        encryption_key=own.public,
        source=LeafNodeSource.COMMIT,
        lifetime=None,
        parent_hash=above,
    ).signed(key, group_id, leaf_index)
    privates = {node: pair.private for (node, _), pair in zip(nodes, pairs, strict=True)}
    privates[2 * leaf_index] = own.private
    after = tree.with_path(leaf_index, fresh, parents)
    return PathPlan(
        suite, after, leaf_index, fresh, nodes, tuple(secrets), OpenedPath(privates, Secret(secret))
    )


def encrypt_path(
    planned: PathPlan, new_leaves: AbstractSet[int], context: bytes, random: Random = system_random
) -> UpdatePath:
    """Encrypt each path secret to all below the node's other child but new members (section 7.6)."""
    tree, encrypted = planned.tree, []
    for (node, other), secret in zip(planned.nodes, planned.path_secrets, strict=True):
        ciphertexts = tuple(
            encrypt_with_label(
                planned.suite.kem, content.encryption_key, "UpdatePathNode", context, secret.reveal(), random
            )
            for content in (tree.nodes[at] for at in tree.resolution(other, new_leaves))
            if content is not None
        )
        parent = tree.nodes[node]
        if parent is not None:
            encrypted.append(UpdatePathNode(parent.encryption_key, ciphertexts))
    return UpdatePath(planned.leaf, tuple(encrypted))


def merge_path(suite: CipherSuite, tree: RatchetTree, sender: int, path: UpdatePath) -> RatchetTree:
    """Put a received path into the tree (section 7.5), once its length and parent hash are right (7.9.2)."""
    nodes = tuple(tree.filtered_path(sender))
    if len(nodes) != len(path.nodes):
        raise InvalidError("an update path has too few or too many nodes (section 7.6)")
    for node in path.nodes:
        suite.check_public_key(node.encryption_key)
    parents, above = _parents(tree, nodes, [node.encryption_key for node in path.nodes])
    if path.leaf_node.parent_hash != above:
        raise InvalidError("the parent hash of the committer's leaf does not match its path (section 7.9.2)")
    return tree.with_path(sender, path.leaf_node, parents)


def decrypt_path(
    suite: CipherSuite,
    tree: RatchetTree,
    sender: int,
    path: UpdatePath,
    own_leaf: int,
    privates: Privates,
    new_leaves: AbstractSet[int],
    context: bytes,
) -> OpenedPath:
    """Decrypt the path secret meant for us and derive all above (section 7.5); `tree` is the merged one."""
    nodes = tree.filtered_path(sender)
    ours: tuple[int, KeyPair, HpkeCiphertext] | None = None
    for position, ((_, other), sent) in enumerate(zip(nodes, path.nodes, strict=True)):
        resolution = tree.resolution(other, new_leaves)
        if len(sent.encrypted_path_secret) != len(resolution):
            raise InvalidError("an update path has too few or too many ciphertexts (section 7.6)")
        if own_leaf in tree_math.span(other):
            for at, ciphertext in zip(resolution, sent.encrypted_path_secret, strict=True):
                content = tree.nodes[at]
                if at in privates and content is not None:
                    ours = position, KeyPair(privates[at], content.encryption_key), ciphertext
                    break
    if ours is None:
        raise InvalidError("the update path has no secret for this member")
    start, pair, ciphertext = ours
    secret = decrypt_with_label(suite.kem, pair, "UpdatePathNode", context, ciphertext)
    if len(secret) != HASH_SIZE:
        raise InvalidError("a path secret has the wrong length")
    return derive_path_keys(suite, tree, [node for node, _ in nodes[start:]], secret)


def derive_path_keys(
    suite: CipherSuite, tree: RatchetTree, nodes: list[int], path_secret: bytes
) -> OpenedPath:
    """Derive the keys of nodes upwards and check each against the tree (sections 7.5 and 12.4.3.1)."""
    privates: dict[int, Secret] = {}
    secret = path_secret
    for node in nodes:
        pair, content = _pair(suite, secret), tree.nodes[node]
        if content is None or content.encryption_key != pair.public:
            raise AuthenticationError("a path secret does not give the public key that the tree shows")
        privates[node] = pair.private
        secret = derive_secret(secret, "path")
    return OpenedPath(privates, Secret(secret))
