"""Writes `tests/data/mls`: vectors of every official kind, made by the engine from one seed.

    python -m tests.mls.write_vectors

They hold what the engine gave when it passed the official vectors; run `test_official_vectors.py` before you
write them again, and say in the commit why bytes changed.
"""

# ruff: noqa: T201 - a script that people read
import json
import random as stdlib_random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.mls import test_passive
from tests.mls.mls_world import NOW, World
from tests.mls.vector_checks import Protection
from tests.mls.vectors import OWN, Vector

from parlour_mls import (
    CommitOptions,
    Extension,
    GroupContextExtensions,
    Proposal,
    ReInit,
    Secret,
    SigningKey,
    remove_proposal,
)
from parlour_mls.codec import LeafNodeSource, WireFormat, decode
from parlour_mls.codec.presentation import header
from parlour_mls.crypto import (
    CLASSIC,
    HYBRID,
    decrypt_with_label,
    derive_secret,
    encrypt_with_label,
    expand_with_label,
    extract,
    mac,
    ref_hash,
    setup_sender,
)
from parlour_mls.crypto.hpke import Context
from parlour_mls.epoch import (
    RatchetLimits,
    SecretTree,
    confirmed_hash,
    epoch_from_joiner,
    interim_hash,
    joiner_secret,
)
from parlour_mls.epoch.key_schedule import psk_secret
from parlour_mls.epoch.secret_tree import APPLICATION, HANDSHAKE, sender_data_key
from parlour_mls.messages import (
    Add,
    AuthenticatedContent,
    ExternalInit,
    ExternalPskId,
    GroupContext,
    GroupSecrets,
    LeafNode,
    PublicMessage,
    Remove,
    Update,
    Welcome,
    encode_body,
    encode_message,
    encode_proposal,
    read_message,
)
from parlour_mls.tree import PathPlan, RatchetTree, encrypt_path, plan_path
from parlour_mls.tree import tree_math as treemath

RANDOM = stdlib_random.Random(9420).randbytes  # noqa: S311 - the files can be made again
SUITE = {"cipher_suite": 3}
COMMITTING = CommitOptions(public=True)


def crypto_basics() -> list[Vector]:
    """Labels, references, a signature and a ciphertext."""
    secret, context, value, seed = (RANDOM(32) for _ in range(4))
    key, pair = SigningKey(Secret(seed)), CLASSIC.kem.generate(RANDOM)
    sealed = encrypt_with_label(CLASSIC.kem, pair.public, "sealed", context, value, RANDOM)
    generation = 0x01020304
    derived = expand_with_label(secret, "tree", generation.to_bytes(4, "big"), 32)
    return [
        {
            **SUITE,
            "ref_hash": {"label": "ref", "value": value.hex(), "out": ref_hash("ref", value).hex()},
            "derive_secret": {
                "label": "derived",
                "secret": secret.hex(),
                "out": derive_secret(secret, "derived").hex(),
            },
            "expand_with_label": {
                "label": "expanded",
                "secret": secret.hex(),
                "context": context.hex(),
                "length": 48,
                "out": expand_with_label(secret, "expanded", context, 48).hex(),
            },
            "derive_tree_secret": {
                "label": "tree",
                "secret": secret.hex(),
                "generation": generation,
                "length": 32,
                "out": derived.hex(),
            },
            "sign_with_label": {
                "label": "signed",
                "priv": seed.hex(),
                "pub": key.public.hex(),
                "content": value.hex(),
                "signature": key.sign("signed", value).hex(),
            },
            "encrypt_with_label": {
                "label": "sealed",
                "priv": pair.private.reveal().hex(),
                "pub": pair.public.hex(),
                "context": context.hex(),
                "plaintext": value.hex(),
                "kem_output": sealed.kem_output.hex(),
                "ciphertext": sealed.ciphertext.hex(),
            },
        }
    ]


def deserialization() -> list[Vector]:
    """Length headers at every edge of their three sizes."""
    lengths = (0, 1, 37, 63, 64, 255, 16_383, 16_384, 65_536, (1 << 30) - 1)
    return [{"vlbytes_header": header(length).hex(), "length": length} for length in lengths]


def _uses(
    sender: Context, encryptions: Sequence[tuple[int, bytes, bytes]], exports: Sequence[tuple[bytes, int]]
) -> Vector:
    """Return what a sender encrypts (number, associated data, text) and exports (context, length)."""
    return {
        "encryptions": [
            {"seq": at, "aad": aad.hex(), "pt": text.hex(), "ct": sender.seal(aad, text, at).hex()}
            for at, aad, text in encryptions
        ],
        "exports": [
            {
                "exporter_context": context.hex(),
                "L": length,
                "exported_value": sender.export(context, length).hex(),
            }
            for context, length in exports
        ],
    }


def hpke() -> list[Vector]:
    """Encrypt and export in base mode with chosen ephemeral keys."""
    seed, ephemeral, info = RANDOM(32), RANDOM(32), RANDOM(20)
    pair = CLASSIC.kem.derive(seed)
    enc, sender = setup_sender(CLASSIC.kem, pair.public, info, lambda _: ephemeral)
    encryptions = [(sequence, RANDOM(7), RANDOM(29)) for sequence in (0, 1, 2, 255, 256)]
    exports = [(b"", 32), (b"\0", 32), (b"context", 64)]
    return [
        {
            "mode": 0,
            "kem_id": 32,
            "kdf_id": 1,
            "aead_id": 3,
            "info": info.hex(),
            "ikmR": seed.hex(),
            "skRm": pair.private.reveal().hex(),
            "pkRm": pair.public.hex(),
            "skEm": ephemeral.hex(),
            "enc": enc.hex(),
            **_uses(sender, encryptions, exports),
        }
    ]


def hpke_hybrid() -> list[Vector]:
    """Encrypt and export with X-Wing; what ML-KEM chose is in the shared secret that it gave."""
    kem, seed, info = HYBRID.kem, RANDOM(32), RANDOM(20)
    pair = kem.derive(seed)
    shared, enc = kem.encapsulate(pair.public, RANDOM)
    sender = Context(kem, shared, info)
    encryptions = [(sequence, RANDOM(7), RANDOM(29)) for sequence in (0, 1, 2, 255, 256)]
    return [
        {
            "mode": 0,
            "kem_id": 0x647A,
            "kdf_id": 1,
            "aead_id": 3,
            "info": info.hex(),
            "ikmR": seed.hex(),
            "skRm": pair.private.reveal().hex(),
            "pkRm": pair.public.hex(),
            "enc": enc.hex(),
            "shared_secret": shared.hex(),
            **_uses(sender, encryptions, [(b"", 32), (b"context", 64)]),
        }
    ]


def tree_math() -> list[Vector]:
    """List the relatives of every node of trees of one to sixteen leaves."""
    vectors = []
    for leaves in (1, 2, 4, 8, 16):
        nodes, top = range(treemath.node_width(leaves)), treemath.root(leaves)
        vectors.append(
            {
                "n_leaves": leaves,
                "n_nodes": len(nodes),
                "root": top,
                "left": [treemath.left(node) if treemath.level(node) else None for node in nodes],
                "right": [treemath.right(node) if treemath.level(node) else None for node in nodes],
                "parent": [treemath.parent(node) if node != top else None for node in nodes],
                "sibling": [treemath.sibling(node) if node != top else None for node in nodes],
            }
        )
    return vectors


def secret_tree() -> list[Vector]:
    """Keys of every leaf, in order and with skipped generations."""
    vectors = []
    for leaves, generations in ((1, (0, 1, 15)), (4, (0, 3)), (32, (1,))):
        encryption, sender, ciphertext = RANDOM(32), RANDOM(32), RANDOM(77)
        key, nonce = sender_data_key(sender, ciphertext)
        tree = SecretTree.start(leaves, encryption)
        rows = []
        for leaf in range(leaves):
            row = []
            for generation in generations:
                entry: dict[str, Any] = {"generation": generation}
                for kind, name in ((HANDSHAKE, "handshake"), (APPLICATION, "application")):
                    found, tree = tree.key_for(leaf, kind, generation, RatchetLimits())
                    entry |= {f"{name}_key": found.key.hex(), f"{name}_nonce": found.nonce.hex()}
                row.append(entry)
            rows.append(row)
        data = {
            "sender_data_secret": sender.hex(),
            "ciphertext": ciphertext.hex(),
            "key": key.hex(),
            "nonce": nonce.hex(),
        }
        vectors.append({**SUITE, "encryption_secret": encryption.hex(), "sender_data": data, "leaves": rows})
    return vectors


def key_schedule() -> list[Vector]:
    """Every secret of four epochs."""
    group, init = RANDOM(32), Secret(RANDOM(32))
    vector: Vector = {**SUITE, "group_id": group.hex(), "initial_init_secret": init.reveal().hex()}
    epochs = []
    for number in range(4):
        tree, confirmed, commit, psk = (RANDOM(32) for _ in range(4))
        context = GroupContext(group, number, tree, confirmed, (), **SUITE).encode()
        joiner = joiner_secret(init, Secret(commit), context)
        secrets, encryption = epoch_from_joiner(joiner, psk, context)
        label, asked = f"label {number}", RANDOM(32)
        welcome = derive_secret(extract(joiner.reveal(), psk), "welcome")
        epochs.append(
            {
                "tree_hash": tree.hex(),
                "confirmed_transcript_hash": confirmed.hex(),
                "commit_secret": commit.hex(),
                "psk_secret": psk.hex(),
                "group_context": context.hex(),
                "joiner_secret": joiner.reveal().hex(),
                "welcome_secret": welcome.hex(),
                "encryption_secret": encryption.reveal().hex(),
                "sender_data_secret": secrets.sender_data.reveal().hex(),
                "exporter_secret": secrets.exporter.reveal().hex(),
                "epoch_authenticator": secrets.authenticator.reveal().hex(),
                "external_secret": secrets.external.reveal().hex(),
                "confirmation_key": secrets.confirmation.reveal().hex(),
                "membership_key": secrets.membership.reveal().hex(),
                "resumption_psk": secrets.resumption.reveal().hex(),
                "init_secret": secrets.init.reveal().hex(),
                "external_pub": secrets.external_pair(CLASSIC.kem).public.hex(),
                "exporter": {
                    "label": label,
                    "context": asked.hex(),
                    "length": 40,
                    "secret": secrets.export(label, asked, 40).reveal().hex(),
                },
            }
        )
        init = secrets.init
    return [{**vector, "epochs": epochs}]


def psk_secrets() -> list[Vector]:
    """No PSK, one, and several."""
    vectors = []
    for count in (0, 1, 2, 5):
        psks = [(ExternalPskId(RANDOM(16), RANDOM(32)), Secret(RANDOM(32))) for _ in range(count)]
        listed = [
            {"psk_id": i.psk_id.hex(), "psk_nonce": i.nonce.hex(), "psk": psk.reveal().hex()}
            for i, psk in psks
        ]
        vectors.append({**SUITE, "psks": listed, "psk_secret": psk_secret(psks).hex()})
    return vectors


def transcript_hashes() -> list[Vector]:
    """One commit, and its tag over the transcript."""
    world = World(3, seed=1)
    message = read_message(world.stage("m1", (), COMMITTING).message)
    assert isinstance(message, PublicMessage)
    content = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, message.content, message.auth)
    before, key = RANDOM(32), Secret(RANDOM(32))
    confirmed = confirmed_hash(before, content)
    tag = mac(key, confirmed)
    content = replace(content, auth=replace(content.auth, confirmation_tag=tag))
    return [
        {
            **SUITE,
            "confirmation_key": key.reveal().hex(),
            "authenticated_content": content.encode().hex(),
            "interim_transcript_hash_before": before.hex(),
            "confirmed_transcript_hash_after": confirmed.hex(),
            "interim_transcript_hash_after": interim_hash(confirmed, tag).hex(),
        }
    ]


def message_protection() -> list[Vector]:
    """Protect a proposal and a commit in both wire formats, and application data."""
    key = SigningKey.generate(RANDOM)
    vector: Vector = {
        **SUITE,
        "group_id": RANDOM(32).hex(),
        "epoch": 1_184_274,
        "signature_priv": key.seed.reveal().hex(),
        "signature_pub": key.public.hex(),
    }
    for name in (
        "tree_hash",
        "confirmed_transcript_hash",
        "encryption_secret",
        "sender_data_secret",
        "membership_key",
    ):
        vector[name] = RANDOM(32).hex()
    world = World(3, seed=2)
    commit = read_message(world.stage("m0", [remove_proposal(2)], COMMITTING).message)
    assert isinstance(commit, PublicMessage)
    application = RANDOM(42)
    epoch = Protection(vector)
    for name, body in (("proposal", Remove(2)), ("commit", commit.content.body)):
        vector[name] = encode_body(body).hex()
        vector[f"{name}_pub"] = epoch.encrypt(WireFormat.PUBLIC_MESSAGE, body).hex()
        vector[f"{name}_priv"] = epoch.encrypt(WireFormat.PRIVATE_MESSAGE, body, RANDOM).hex()
    vector["application"] = application.hex()
    vector["application_priv"] = epoch.encrypt(WireFormat.PRIVATE_MESSAGE, application, RANDOM).hex()
    return [vector]


def _joining(world: World) -> tuple[Vector, GroupSecrets]:
    """Add someone; return the parts of a `welcome` vector and what the Welcome tells them."""
    own = world.device("newcomer").secrets()
    pending = world.stage("m0", [Add(own.package)], CommitOptions(tree_in_welcome=True))
    welcome = read_message(pending.welcome or b"")
    assert isinstance(welcome, Welcome)
    pair = CLASSIC.kem.complete(own.init_private.reveal())
    sealed = next(s.secrets for s in welcome.secrets if s.new_member == own.package.ref)
    plaintext = decrypt_with_label(CLASSIC.kem, pair, "Welcome", welcome.encrypted_group_info, sealed)
    world["m0"].clear_pending_commit()
    vector = {
        **SUITE,
        "init_priv": own.init_private.reveal().hex(),
        "key_package": encode_message(own.package).hex(),
        "signer_pub": world.device("m0").signer.public.hex(),
        "welcome": encode_message(welcome).hex(),
    }
    return vector, decode(GroupSecrets.read, plaintext)


def welcome() -> list[Vector]:
    """One Welcome for one newcomer."""
    return [_joining(World(3, seed=3))[0]]


def messages() -> list[Vector]:
    """Every structure that travels, from groups of several sizes, with and without a path secret."""
    vectors = []
    for seed, size in ((4, 1), (5, 2), (6, 9)):
        world = World(size, seed=seed)
        world.commit("m0")
        joining, secrets = _joining(world)
        group, package = world["m0"], world.device("added").secrets().package
        update = read_message(group.propose_update(now=NOW, options=COMMITTING))
        group.set_aside_proposals()
        commit = read_message(group.commit([Add(package)], now=NOW, options=COMMITTING).message)
        group.clear_pending_commit()
        assert isinstance(update, PublicMessage)
        assert isinstance(update.content.body, Update)
        assert isinstance(commit, PublicMessage)
        application = PublicMessage(
            replace(commit.content, body=RANDOM(30)), replace(commit.auth, confirmation_tag=None), RANDOM(32)
        )
        proposals = {
            "add_proposal": Add(package),
            "update_proposal": update.content.body,
            "remove_proposal": Remove(RANDOM(1)[0]),
            "pre_shared_key_proposal": world.resumption_psk(1) if seed == 5 else world.external_psk(b"id"),
            "re_init_proposal": ReInit(RANDOM(16), 1, 3, (Extension(0xF0F0, RANDOM(5)),)),
            "external_init_proposal": ExternalInit(RANDOM(32)),
            "group_context_extensions_proposal": GroupContextExtensions((Extension(0xF0F0, RANDOM(90)),)),
        }
        vectors.append(
            {
                "mls_welcome": joining["welcome"],
                "mls_group_info": group.group_info().hex(),
                "mls_key_package": joining["key_package"],
                "ratchet_tree": group.ratchet_tree().hex(),
                "group_secrets": secrets.encode().hex(),
                **{name: proposal.body().hex() for name, proposal in proposals.items()},
                "commit": encode_body(commit.content.body).hex(),
                "public_message_application": encode_message(application).hex(),
                "public_message_proposal": encode_message(update).hex(),
                "public_message_commit": encode_message(commit).hex(),
                "private_message": group.encrypt(RANDOM(50)).hex(),
            }
        )
    return vectors


class Orchard:
    """A tree that grows by hand, with the path secret of every parent node that has one."""

    def __init__(self, leaves: int, seed: int) -> None:
        self.world = World(1, seed=seed)
        self.group_id = RANDOM(32)
        self.keys: dict[int, tuple[Secret, SigningKey]] = {}
        self.secrets: dict[int, Secret] = {}
        self.made = 0
        first = self.leaf()
        self.tree = RatchetTree.of([first])
        self.keys[0] = self.latest
        for _ in range(leaves - 1):
            self.add()

    def leaf(self) -> LeafNode:
        """Make the leaf of a newcomer."""
        device = self.world.device(f"member {self.made}")
        self.made += 1
        own = device.secrets()
        self.latest = own.encryption_private, own.signer
        return own.package.leaf_node

    def add(self) -> None:
        """Add a newcomer, who knows no path secret."""
        self.tree, index = self.tree.with_added(self.leaf())
        self.keys[index] = self.latest

    def remove(self, index: int) -> None:
        """Remove a member; the nodes above it become blank."""
        self.tree = self.tree.with_removed(index)
        del self.keys[index]

    def renew(self, index: int) -> None:
        """Let a member choose new keys from its leaf to the root."""
        leaf = self.tree.leaf(index)
        assert leaf is not None
        planned = plan_path(CLASSIC, self.tree, index, leaf, self.keys[index][1], self.group_id, RANDOM)
        self.tree = planned.tree
        for (node, _), secret in zip(planned.nodes, planned.path_secrets, strict=True):
            self.secrets[node] = secret
        self.keys[index] = planned.opened.privates[2 * index], self.keys[index][1]

    def known(self, leaf: int) -> list[dict[str, Any]]:
        """Return the path secrets that a member has: of the nodes above it to which it is merged."""
        above = treemath.direct_path(2 * leaf, self.tree.size)
        return [
            {"node": node, "path_secret": self.secrets[node].reveal().hex()}
            for node in above
            if (parent := self.tree.parent(node)) is not None and leaf not in parent.unmerged_leaves
        ]


def orchards() -> list[Orchard]:
    """Trees of one to nine leaves: full, with blanks, with unmerged leaves."""
    small, full, blanks, unmerged, mixed = (
        Orchard(leaves, seed) for seed, leaves in enumerate((2, 4, 8, 5, 9), start=20)
    )
    small.renew(1)
    for index in range(4):
        full.renew(index)
    blanks.renew(0)
    blanks.renew(6)
    blanks.remove(3)
    blanks.remove(5)
    unmerged.renew(1)
    unmerged.add()
    unmerged.add()
    for index in (0, 2, 4, 8):
        mixed.renew(index)
    mixed.remove(6)
    mixed.remove(7)
    mixed.add()
    mixed.renew(5)
    mixed.add()
    return [small, full, blanks, unmerged, mixed]


def tree_validation() -> list[Vector]:
    """Resolutions and hashes of every node, with leaves that sign for their place."""
    vectors = []
    for grown in orchards():
        nodes = range(len(grown.tree.nodes))
        vectors.append(
            {
                **SUITE,
                "tree": grown.tree.encode().hex(),
                "group_id": grown.group_id.hex(),
                "resolutions": [grown.tree.resolution(node) for node in nodes],
                "tree_hashes": [grown.tree.subtree_hash(node).hex() for node in nodes],
            }
        )
    return vectors


def tree_operations() -> list[Vector]:
    """Add into a blank and at the end, update, and remove with and without shrinking the tree."""
    vectors = []
    _, full, blanks, unmerged, mixed = orchards()

    def record(before: RatchetTree, after: RatchetTree, proposal: Proposal, sender: int = 0) -> None:
        vectors.append(
            {
                **SUITE,
                "tree_before": before.encode().hex(),
                "tree_hash_before": before.tree_hash.hex(),
                "proposal": encode_proposal(proposal).hex(),
                "proposal_sender": sender,
                "tree_after": after.encode().hex(),
                "tree_hash_after": after.tree_hash.hex(),
            }
        )

    for grown in (full, blanks):
        package = grown.world.device("added").secrets().package
        record(grown.tree, grown.tree.with_added(package.leaf_node)[0], Add(package))
    leaf = replace(mixed.leaf(), source=LeafNodeSource.UPDATE, lifetime=None)
    leaf = leaf.signed(mixed.keys[2][1], mixed.group_id, 2)
    record(mixed.tree, mixed.tree.with_updated(2, leaf), Update(leaf), 2)
    for grown, index in ((unmerged, 1), (unmerged, 6), (mixed, 8)):
        record(grown.tree, grown.tree.with_removed(index), Remove(index))
    return vectors


def treekem() -> list[Vector]:
    """Update paths of every member, with what each of the others gets out of them."""
    vectors = []
    for grown in orchards():
        tree, confirmed, epoch = grown.tree, RANDOM(32), 28_061
        members = sorted(grown.keys)
        paths = []
        for sender in members:
            leaf = tree.leaf(sender)
            assert leaf is not None
            planned = plan_path(CLASSIC, tree, sender, leaf, grown.keys[sender][1], grown.group_id, RANDOM)
            hashes = planned.tree.tree_hash, confirmed
            context = GroupContext(grown.group_id, epoch, *hashes, (), **SUITE).encode()
            path = encrypt_path(planned, frozenset(), context, RANDOM)
            known = (
                None if leaf == sender or leaf not in grown.keys else _secret_for(planned, leaf)
                for leaf in range(tree.size)
            )
            paths.append(
                {
                    "sender": sender,
                    "update_path": path.encode().hex(),
                    "path_secrets": list(known),
                    "commit_secret": planned.opened.commit_secret.reveal().hex(),
                    "tree_hash_after": planned.tree.tree_hash.hex(),
                }
            )
        vectors.append(
            {
                **SUITE,
                "group_id": grown.group_id.hex(),
                "epoch": epoch,
                "confirmed_transcript_hash": confirmed.hex(),
                "ratchet_tree": tree.encode().hex(),
                "leaves_private": [
                    {
                        "index": index,
                        "encryption_priv": encryption.reveal().hex(),
                        "signature_priv": signer.seed.reveal().hex(),
                        "path_secrets": grown.known(index),
                    }
                    for index, (encryption, signer) in sorted(grown.keys.items())
                ],
                "update_paths": paths,
            }
        )
    return vectors


def _secret_for(planned: PathPlan, leaf: int) -> str | None:
    below = (
        secret
        for (_, other), secret in zip(planned.nodes, planned.path_secrets, strict=True)
        if leaf in treemath.span(other)
    )
    return next((secret.reveal().hex() for secret in below), None)


def passive_client_welcome() -> list[Vector]:
    """Join with the tree in the Welcome and beside it."""
    return [test_passive.Script(tree_beside=beside).scenario for beside in (False, True)]


def passive_client_handling_commit() -> list[Vector]:
    """Follow commits of every kind."""
    scenarios = []
    for kind in test_passive.KINDS:
        script = test_passive.Script()
        kind(script)
        scenarios.append(script.scenario)
    return scenarios


FILES: Mapping[str, Callable[[], list[Vector]]] = {
    "crypto-basics": crypto_basics,
    "deserialization": deserialization,
    "hpke": hpke,
    "key-schedule": key_schedule,
    "message-protection": message_protection,
    "messages": messages,
    "passive-client-handling-commit": passive_client_handling_commit,
    "passive-client-welcome": passive_client_welcome,
    "psk_secret": psk_secrets,
    "secret-tree": secret_tree,
    "transcript-hashes": transcript_hashes,
    "tree-math": tree_math,
    "tree-operations": tree_operations,
    "tree-validation": tree_validation,
    "treekem": treekem,
    "welcome": welcome,
    "hpke-hybrid": hpke_hybrid,  # last: ML-KEM draws nothing from RANDOM, X25519 does
}

if __name__ == "__main__":
    OWN.mkdir(parents=True, exist_ok=True)
    for name, write in FILES.items():
        path = OWN / f"{name}.json"
        path.write_text(json.dumps(write(), indent=1) + "\n", "utf-8")
        print(f"{path.relative_to(OWN.parents[2])}: {path.stat().st_size:,} bytes")
