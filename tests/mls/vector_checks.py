"""What must be true of each kind of MLS test vector, the project's own and the official ones alike.

The formats are those of github.com/mlswg/mls-implementations (`test-vectors.md`) and RFC 9180; suite 3 only.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import pytest
from tests.mls import passive
from tests.mls.vectors import Vector, unhex

from parlour_mls.codec import ContentType, Reader, WireFormat, decode
from parlour_mls.codec.presentation import header
from parlour_mls.crypto import (
    CLASSIC,
    HYBRID,
    ZERO,
    HpkeCiphertext,
    Kem,
    KeyPair,
    Random,
    Secret,
    SigningKey,
    aead_decrypt,
    check_mac,
    decrypt_with_label,
    derive_secret,
    encrypt_with_label,
    expand_with_label,
    ref_hash,
    setup_receiver,
    setup_sender,
    system_random,
    verify,
)
from parlour_mls.crypto.hpke import Context
from parlour_mls.epoch import (
    RatchetLimits,
    SecretTree,
    check_public_message,
    check_signature,
    confirmed_hash,
    decrypt_private_message,
    decrypt_sender_data,
    encrypt_private_message,
    epoch_from_joiner,
    frame_public_message,
    interim_hash,
    joiner_secret,
    sign,
    welcome_key,
)
from parlour_mls.epoch.key_schedule import psk_secret
from parlour_mls.epoch.message_protection import MessageKeys
from parlour_mls.epoch.secret_tree import APPLICATION, HANDSHAKE, sender_data_key
from parlour_mls.errors import InvalidError
from parlour_mls.messages import (
    Add,
    AuthData,
    AuthenticatedContent,
    Commit,
    ExternalInit,
    ExternalPskId,
    FramedContent,
    GroupContext,
    GroupContextExtensions,
    GroupInfo,
    GroupSecrets,
    KeyPackage,
    LeafNode,
    PreSharedKey,
    PrivateMessage,
    PublicMessage,
    ReInit,
    Remove,
    Update,
    UpdatePath,
    Welcome,
    encode_message,
    member,
    read_body,
    read_message,
    read_proposal,
)
from parlour_mls.messages.framed_content import Body
from parlour_mls.messages.leaf_node import read_extensions
from parlour_mls.messages.proposals import read_psk_id
from parlour_mls.tree import (
    RatchetTree,
    decrypt_path,
    derive_path_keys,
    encrypt_path,
    merge_path,
    plan_path,
    tree_math,
)
from parlour_mls.tree.tree_math import span
from parlour_mls.validate import check_tree


def check_deserialization(vector: Vector) -> None:
    """Length headers are read, and written in the same shortest form."""
    assert decode(Reader.length, unhex(vector["vlbytes_header"])) == vector["length"]
    assert header(vector["length"]) == unhex(vector["vlbytes_header"])


def check_tree_math(vector: Vector) -> None:
    """Every node has the relatives that the vector says."""
    leaves, top = vector["n_leaves"], vector["root"]
    assert (tree_math.node_width(leaves), tree_math.root(leaves)) == (vector["n_nodes"], top)
    for node in range(vector["n_nodes"]):
        parent = tree_math.level(node) > 0
        assert (tree_math.left(node) if parent else None) == vector["left"][node]
        assert (tree_math.right(node) if parent else None) == vector["right"][node]
        assert (tree_math.parent(node) if node != top else None) == vector["parent"][node]
        assert (tree_math.sibling(node) if node != top else None) == vector["sibling"][node]


def check_crypto_basics(vector: Vector) -> None:
    """Labels and references are those of the vector; signatures verify, ciphertexts open."""
    ref, derive = vector["ref_hash"], vector["derive_secret"]
    assert ref_hash(ref["label"], unhex(ref["value"])) == unhex(ref["out"])
    assert derive_secret(unhex(derive["secret"]), derive["label"]) == unhex(derive["out"])
    expand = vector["expand_with_label"]
    context = unhex(expand["context"])
    found = expand_with_label(unhex(expand["secret"]), expand["label"], context, expand["length"])
    assert found == unhex(expand["out"])
    tree = vector["derive_tree_secret"]
    generation = tree["generation"].to_bytes(4, "big")
    found = expand_with_label(unhex(tree["secret"]), tree["label"], generation, tree["length"])
    assert found == unhex(tree["out"])

    signed = vector["sign_with_label"]
    key, content = SigningKey(Secret(unhex(signed["priv"]))), unhex(signed["content"])
    assert key.public == unhex(signed["pub"])
    verify(key.public, signed["label"], content, unhex(signed["signature"]), "vector")
    verify(key.public, signed["label"], content, key.sign(signed["label"], content), "own")
    sealed = vector["encrypt_with_label"]
    pair, context = CLASSIC.kem.complete(unhex(sealed["priv"])), unhex(sealed["context"])
    assert pair.public == unhex(sealed["pub"])
    theirs = HpkeCiphertext(unhex(sealed["kem_output"]), unhex(sealed["ciphertext"]))
    plaintext = unhex(sealed["plaintext"])
    assert decrypt_with_label(CLASSIC.kem, pair, sealed["label"], context, theirs) == plaintext
    ours = encrypt_with_label(CLASSIC.kem, pair.public, sealed["label"], context, plaintext)
    assert decrypt_with_label(CLASSIC.kem, pair, sealed["label"], context, ours) == plaintext


def check_hpke(vector: Vector) -> None:
    """Check base mode: key pairs, encryptions and exports are byte for byte the same."""
    kem, info = CLASSIC.kem, unhex(vector["info"])
    pair = _own_pair(kem, vector)
    kem_output, sender = setup_sender(kem, pair.public, info, lambda _: unhex(vector["skEm"]))
    assert kem_output == unhex(vector["enc"])
    _check_contexts(vector, sender, setup_receiver(kem, kem_output, pair, info))


def check_hpke_hybrid(vector: Vector) -> None:
    """Check the same of X-Wing, from the receiver's end: ML-KEM chooses its own randomness when it seals."""
    kem, info, sent = HYBRID.kem, unhex(vector["info"]), unhex(vector["enc"])
    pair = _own_pair(kem, vector)
    assert kem.decapsulate(pair, sent) == unhex(vector["shared_secret"])
    _check_contexts(vector, setup_receiver(kem, sent, pair, info), setup_receiver(kem, sent, pair, info))


def _own_pair(kem: Kem, vector: Vector) -> KeyPair:
    pair = kem.derive(unhex(vector["ikmR"]))
    assert (pair.private.reveal(), pair.public) == (unhex(vector["skRm"]), unhex(vector["pkRm"]))
    return pair


def _check_contexts(vector: Vector, sender: Context, receiver: Context) -> None:
    for number, each in enumerate(vector["encryptions"]):
        sequence = each.get("seq", number)  # the official file lists all of them, without numbers
        aad, plaintext, sealed = unhex(each["aad"]), unhex(each["pt"]), unhex(each["ct"])
        assert sender.seal(aad, plaintext, sequence) == sealed
        assert receiver.open(aad, sealed, sequence) == plaintext
    for each in vector["exports"]:
        assert receiver.export(unhex(each["exporter_context"]), each["L"]) == unhex(each["exported_value"])


def check_secret_tree(vector: Vector) -> None:
    """Every ratchet gives the keys of the vector, also when generations are skipped."""
    data = vector["sender_data"]
    key, nonce = sender_data_key(unhex(data["sender_data_secret"]), unhex(data["ciphertext"]))
    assert (key, nonce) == (unhex(data["key"]), unhex(data["nonce"]))
    tree = SecretTree.start(len(vector["leaves"]), unhex(vector["encryption_secret"]))
    for leaf, generations in enumerate(vector["leaves"]):
        for each in generations:
            for kind, name in ((HANDSHAKE, "handshake"), (APPLICATION, "application")):
                found, tree = tree.key_for(leaf, kind, each["generation"], RatchetLimits())
                assert found.key == unhex(each[f"{name}_key"])
                assert found.nonce == unhex(each[f"{name}_nonce"])
    assert decode(SecretTree.read, tree.encode()) == tree


def check_key_schedule(vector: Vector) -> None:
    """Every secret of every epoch is that of the vector, the exporter's (hashed context) too."""
    init = Secret(unhex(vector["initial_init_secret"]))
    for number, epoch in enumerate(vector["epochs"]):
        hashes = unhex(epoch["tree_hash"]), unhex(epoch["confirmed_transcript_hash"])
        context = GroupContext(
            unhex(vector["group_id"]), number, *hashes, (), cipher_suite=vector["cipher_suite"]
        ).encode()
        assert context == unhex(epoch["group_context"])
        joiner = joiner_secret(init, Secret(unhex(epoch["commit_secret"])), context)
        assert joiner.reveal() == unhex(epoch["joiner_secret"])
        psk = unhex(epoch["psk_secret"])
        welcome = unhex(epoch["welcome_secret"])
        expected = (expand_with_label(welcome, "key", b"", 32), expand_with_label(welcome, "nonce", b"", 12))
        assert welcome_key(joiner, psk) == expected
        secrets, encryption = epoch_from_joiner(joiner, psk, context)
        assert encryption.reveal() == unhex(epoch["encryption_secret"])
        names = {
            "sender_data": "sender_data_secret",
            "exporter": "exporter_secret",
            "authenticator": "epoch_authenticator",
            "external": "external_secret",
            "confirmation": "confirmation_key",
            "membership": "membership_key",
            "resumption": "resumption_psk",
            "init": "init_secret",
        }
        for ours, theirs in names.items():
            assert getattr(secrets, ours).reveal() == unhex(epoch[theirs]), theirs
        assert secrets.external_pair(CLASSIC.kem).public == unhex(epoch["external_pub"])
        asked = epoch["exporter"]
        exported = secrets.export(asked["label"], unhex(asked["context"]), asked["length"])
        assert exported.reveal() == unhex(asked["secret"])
        init = secrets.init


def check_psk_secret(vector: Vector) -> None:
    """Any number of PSKs chain into the one secret of the vector."""
    psks = [
        (ExternalPskId(unhex(p["psk_id"]), unhex(p["psk_nonce"])), Secret(unhex(p["psk"])))
        for p in vector["psks"]
    ]
    assert psk_secret(psks) == unhex(vector["psk_secret"])


def check_transcript_hashes(vector: Vector) -> None:
    """Check that a commit moves both hashes, and that its tag verifies over the first."""
    message = decode(AuthenticatedContent.read, unhex(vector["authenticated_content"]))
    assert isinstance(message.content.body, Commit)
    confirmed = confirmed_hash(unhex(vector["interim_transcript_hash_before"]), message)
    assert confirmed == unhex(vector["confirmed_transcript_hash_after"])
    tag = message.auth.confirmation_tag
    assert tag is not None
    check_mac(Secret(unhex(vector["confirmation_key"])), confirmed, tag, "tag")
    assert interim_hash(confirmed, tag) == unhex(vector["interim_transcript_hash_after"])


_NO_ONE: frozenset[int] = frozenset()


def check_tree_operations(vector: Vector) -> None:
    """Adding, updating and removing give the very tree of the vector, and its hash."""
    tree = decode(RatchetTree.read, unhex(vector["tree_before"]))
    assert tree.tree_hash == unhex(vector["tree_hash_before"])
    match decode(read_proposal, unhex(vector["proposal"])):
        case Add(package):
            after, _ = tree.with_added(package.leaf_node)
        case Update(leaf):
            after = tree.with_updated(vector["proposal_sender"], leaf)
        case Remove(index):
            after = tree.with_removed(index)
        case other:
            pytest.fail(f"no tree operation: {other}")
    assert after.encode() == unhex(vector["tree_after"])
    assert after.tree_hash == unhex(vector["tree_hash_after"])
    assert tree.encode() == unhex(vector["tree_before"]), "the old tree has changed"


def check_tree_validation(vector: Vector) -> None:
    """Resolutions, hashes, parent hashes and leaf signatures of every tree are as the vector says."""
    tree = decode(RatchetTree.read, unhex(vector["tree"]))
    nodes = range(len(tree.nodes))
    assert [tree.resolution(node) for node in nodes] == vector["resolutions"]
    assert [tree.subtree_hash(node).hex() for node in nodes] == vector["tree_hashes"]
    assert tree.encode() == unhex(vector["tree"])
    check_tree(tree, CLASSIC)
    for index, leaf in tree.members():
        leaf.check_signature(unhex(vector["group_id"]), index)


def _privates(vector: Vector, tree: RatchetTree) -> dict[int, tuple[dict[int, Secret], SigningKey]]:
    found = {}
    for leaf in vector["leaves_private"]:
        privates = {2 * leaf["index"]: Secret(unhex(leaf["encryption_priv"]))}
        for each in leaf["path_secrets"]:
            # `climb` also checks that the private keys belong to the public ones of the tree
            privates.update(
                derive_path_keys(CLASSIC, tree, [each["node"]], unhex(each["path_secret"])).privates
            )
        found[leaf["index"]] = (privates, SigningKey(Secret(unhex(leaf["signature_priv"]))))
    return found


def _context(vector: Vector, tree: RatchetTree) -> bytes:
    hashes = tree.tree_hash, unhex(vector["confirmed_transcript_hash"])
    return GroupContext(
        unhex(vector["group_id"]), vector["epoch"], *hashes, (), cipher_suite=vector["cipher_suite"]
    ).encode()


def check_treekem(vector: Vector) -> None:
    """Every member reads every path of the vector, and every path that we make in its place."""
    tree = decode(RatchetTree.read, unhex(vector["ratchet_tree"]))
    members = _privates(vector, tree)
    for each in vector["update_paths"]:
        sender, path = each["sender"], decode(UpdatePath.read, unhex(each["update_path"]))
        merged = merge_path(CLASSIC, tree, sender, path)
        assert merged.tree_hash == unhex(each["tree_hash_after"])
        old = tree.leaf(sender)
        assert old is not None
        planned = plan_path(CLASSIC, tree, sender, old, members[sender][1], unhex(vector["group_id"]))
        ours = encrypt_path(planned, _NO_ONE, _context(vector, planned.tree))
        assert merge_path(CLASSIC, tree, sender, ours).tree_hash == planned.tree.tree_hash
        check_tree(planned.tree, CLASSIC)
        for leaf, (privates, _) in members.items():
            if leaf == sender:
                continue
            context = _context(vector, merged)
            opened = decrypt_path(CLASSIC, merged, sender, path, leaf, privates, _NO_ONE, context)
            assert opened.commit_secret.reveal() == unhex(each["commit_secret"])
            _check_path_secret(merged, opened.privates, each["path_secrets"][leaf], sender, leaf)
            context = _context(vector, planned.tree)
            again = decrypt_path(CLASSIC, planned.tree, sender, ours, leaf, privates, _NO_ONE, context)
            assert again.commit_secret == planned.opened.commit_secret


def _check_path_secret(tree: RatchetTree, privates: Any, expected: str, sender: int, leaf: int) -> None:
    start = next(n for n, other in tree.filtered_path(sender) if leaf in span(other))
    assert derive_path_keys(CLASSIC, tree, [start], unhex(expected)).privates[start] == privates[start]


_PROPOSALS: dict[str, Callable[[Reader], Any]] = {
    "add_proposal": lambda r: Add(KeyPackage.read(r)),
    "update_proposal": lambda r: Update(LeafNode.read(r)),
    "remove_proposal": lambda r: Remove(r.u32()),
    "pre_shared_key_proposal": lambda r: PreSharedKey(read_psk_id(r)),
    "re_init_proposal": ReInit.read,
    "external_init_proposal": lambda r: ExternalInit(r.vec()),
    "group_context_extensions_proposal": lambda r: GroupContextExtensions(read_extensions(r)),
}
_STRUCTURES: dict[str, Callable[[Reader], Any]] = {
    "ratchet_tree": RatchetTree.read,
    "group_secrets": GroupSecrets.read,
    "commit": Commit.read,
}
_MESSAGES = (
    "mls_welcome",
    "mls_group_info",
    "mls_key_package",
    "public_message_application",
    "public_message_proposal",
    "public_message_commit",
    "private_message",
)


def _forget_bytes(value: Any) -> None:
    """Make decoded structures forget their bytes, so that encoding them again is real work."""
    if isinstance(value, tuple):
        for each in value:
            _forget_bytes(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            if each.name == "_encoded":
                object.__setattr__(value, "_encoded", b"")
            else:
                _forget_bytes(getattr(value, each.name))


def check_messages(vector: Vector) -> None:
    """Every structure is read, and written again byte for byte."""
    assert set(vector) == {*_PROPOSALS, *_STRUCTURES, *_MESSAGES}
    for name in _MESSAGES:
        message = read_message(unhex(vector[name]))
        _forget_bytes(message)
        assert encode_message(message) == unhex(vector[name]), name
    for name, read in _STRUCTURES.items():
        structure = decode(read, unhex(vector[name]))
        _forget_bytes(structure)
        assert structure.encode() == unhex(vector[name]), name
    for name, read in _PROPOSALS.items():
        proposal = decode(read, unhex(vector[name]))
        _forget_bytes(proposal)
        assert proposal.body() == unhex(vector[name]), name


class Protection:
    """The two-member epoch of a message-protection vector, whose sender is leaf 1."""

    def __init__(self, vector: Vector) -> None:
        hashes = unhex(vector["tree_hash"]), unhex(vector["confirmed_transcript_hash"])
        self.group = GroupContext(
            unhex(vector["group_id"]), vector["epoch"], *hashes, (), cipher_suite=vector["cipher_suite"]
        )
        self.context = self.group.encode()
        self.key = SigningKey(Secret(unhex(vector["signature_priv"])))
        self.membership = Secret(unhex(vector["membership_key"]))
        self.sender_data = Secret(unhex(vector["sender_data_secret"]))
        self.tree = SecretTree.start(2, unhex(vector["encryption_secret"]))

    def open(self, data: bytes) -> Body:
        """Open a message of either wire format and verify all of it."""
        message = read_message(data)
        if isinstance(message, PublicMessage):
            opened = check_public_message(message, self.context, self.membership)
        else:
            assert isinstance(message, PrivateMessage)
            sender = decrypt_sender_data(message, self.sender_data, lambda leaf: leaf == 1)
            opened, _ = decrypt_private_message(message, sender, self.tree, RatchetLimits())
        check_signature(opened, self.context, self.key.public)
        return opened.content.body

    def signed(self, wire_format: WireFormat, body: Body) -> AuthenticatedContent:
        """Sign content as leaf 1."""
        content = FramedContent(self.group.group_id, self.group.epoch, member(1), b"", body)
        tag = bytes(32) if isinstance(body, Commit) else None
        return AuthenticatedContent(
            wire_format, content, AuthData(sign(wire_format, content, self.context, self.key), tag)
        )

    def encrypt(self, wire_format: WireFormat, body: Body, random: Random = system_random) -> bytes:
        """Protect content as leaf 1."""
        message = self.signed(wire_format, body)
        if wire_format is WireFormat.PUBLIC_MESSAGE:
            return encode_message(
                frame_public_message(message.content, message.auth, self.context, self.membership)
            )
        keys = MessageKeys(self.sender_data, self.tree)
        return encode_message(encrypt_private_message(message.content, message.auth, keys, random=random)[0])


def check_message_protection(vector: Vector) -> None:
    """Messages of the vector and of our own open; application data cannot be sent in clear."""
    epoch = Protection(vector)
    for name, kind in (("proposal", ContentType.PROPOSAL), ("commit", ContentType.COMMIT)):
        body = decode(partial(read_body, kind=kind), unhex(vector[name]))
        assert epoch.open(unhex(vector[f"{name}_pub"])) == body
        assert epoch.open(unhex(vector[f"{name}_priv"])) == body
        for wire_format in (WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE):
            assert epoch.open(epoch.encrypt(wire_format, body)) == body
    data = unhex(vector["application"])
    assert epoch.open(unhex(vector["application_priv"])) == data
    assert epoch.open(epoch.encrypt(WireFormat.PRIVATE_MESSAGE, data)) == data
    with pytest.raises(InvalidError, match="must be encrypted"):
        epoch.encrypt(WireFormat.PUBLIC_MESSAGE, data)


def check_welcome(vector: Vector) -> None:
    """Open a Welcome with the init key; its group info is signed and its confirmation tag right."""
    package, welcome = read_message(unhex(vector["key_package"])), read_message(unhex(vector["welcome"]))
    assert isinstance(package, KeyPackage)
    assert isinstance(welcome, Welcome)
    sealed = next(s.secrets for s in welcome.secrets if s.new_member == package.ref)
    pair = CLASSIC.kem.complete(unhex(vector["init_priv"]))
    plaintext = decrypt_with_label(CLASSIC.kem, pair, "Welcome", welcome.encrypted_group_info, sealed)
    secrets = decode(GroupSecrets.read, plaintext)
    key, nonce = welcome_key(secrets.joiner_secret, ZERO)
    info = decode(GroupInfo.read, aead_decrypt(key, nonce, b"", welcome.encrypted_group_info, "info"))
    info.check_signature(unhex(vector["signer_pub"]))
    epoch, _ = epoch_from_joiner(secrets.joiner_secret, ZERO, info.context.encode())
    check_mac(epoch.confirmation, info.context.confirmed_transcript_hash, info.confirmation_tag, "tag")


def check_passive_client(vector: Vector) -> None:
    """Join as a passive client and follow every epoch."""
    ((_, scenario),) = passive.load(json.dumps([vector]).encode())
    assert isinstance(scenario, passive.Scenario)
    passive.play(scenario)


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "crypto-basics": check_crypto_basics,
    "deserialization": check_deserialization,
    "hpke": check_hpke,
    "hpke-hybrid": check_hpke_hybrid,
    "key-schedule": check_key_schedule,
    "message-protection": check_message_protection,
    "messages": check_messages,
    "passive-client-handling-commit": check_passive_client,
    "passive-client-welcome": check_passive_client,
    "psk_secret": check_psk_secret,
    "secret-tree": check_secret_tree,
    "transcript-hashes": check_transcript_hashes,
    "tree-math": check_tree_math,
    "tree-operations": check_tree_operations,
    "tree-validation": check_tree_validation,
    "treekem": check_treekem,
    "welcome": check_welcome,
}
"""By the name of the file that holds the vectors."""
