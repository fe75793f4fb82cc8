"""The official vectors of the parts without a group: codec, suite, HPKE, tree math, key schedule."""

from typing import Any

import pytest
from tests.protocol.mls.mls_vectors import load, unhex

from parlour_protocol.mls import InvalidError, treemath
from parlour_protocol.mls.codec import Reader, decode, header
from parlour_protocol.mls.content import AuthenticatedContent, Commit
from parlour_protocol.mls.hpke import (
    HpkeCiphertext,
    KeyPair,
    decrypt_with_label,
    encrypt_with_label,
    setup_receiver,
    setup_sender,
)
from parlour_protocol.mls.messages import GroupContext
from parlour_protocol.mls.proposals import ExternalPskId
from parlour_protocol.mls.schedule import (
    confirmed_hash,
    epoch_from_joiner,
    interim_hash,
    joiner_secret,
    psk_secret,
    welcome_key,
)
from parlour_protocol.mls.secret import Secret
from parlour_protocol.mls.secret_tree import (
    APPLICATION,
    HANDSHAKE,
    RatchetLimits,
    SecretTree,
    sender_data_key,
)
from parlour_protocol.mls.suite import (
    SigningKey,
    check_mac,
    derive_secret,
    expand_with_label,
    ref_hash,
    verify,
)

Vector = dict[str, Any]


@pytest.mark.parametrize("vector", load("deserialization"))
def test_vector_headers(vector: Vector) -> None:
    """Length headers are read, and written in the same shortest form."""
    assert decode(Reader.length, unhex(vector["vlbytes_header"])) == vector["length"]
    assert header(vector["length"]) == unhex(vector["vlbytes_header"])


@pytest.mark.parametrize("vector", load("tree-math"), ids=lambda v: str(v["n_leaves"]))
def test_tree_math(vector: Vector) -> None:
    """Every node has the relatives that the vector says."""
    leaves, top = vector["n_leaves"], vector["root"]
    assert (treemath.node_width(leaves), treemath.root(leaves)) == (vector["n_nodes"], top)
    for node in range(vector["n_nodes"]):
        parent = treemath.level(node) > 0
        assert (treemath.left(node) if parent else None) == vector["left"][node]
        assert (treemath.right(node) if parent else None) == vector["right"][node]
        assert (treemath.parent(node) if node != top else None) == vector["parent"][node]
        assert (treemath.sibling(node) if node != top else None) == vector["sibling"][node]


@pytest.mark.parametrize("leaves", [1, 2, 8, 32])
def test_common_ancestor_and_span_agree_with_paths(leaves: int) -> None:
    """The shortcuts of tree math give what walking the direct paths gives."""
    paths = [[2 * leaf, *treemath.direct_path(2 * leaf, leaves)] for leaf in range(leaves)]
    for one in range(leaves):
        for other in range(leaves):
            expected = next(node for node in paths[one] if node in paths[other])
            assert treemath.common_ancestor(one, other) == expected
    for node in range(treemath.node_width(leaves)):
        assert list(treemath.span(node)) == [leaf for leaf in range(leaves) if node in paths[leaf]]


@pytest.mark.parametrize("node", [-1, 7, 1 << 40])
def test_no_path_leads_up_from_outside_of_a_tree(node: int) -> None:
    """Walking up from a node that is not there would never end."""
    with pytest.raises(InvalidError, match="no node"):
        list(treemath.direct_path(node, 4))


@pytest.mark.parametrize("vector", load("crypto-basics"))
def test_crypto_basics(vector: Vector) -> None:
    """Labels, references, signatures and labelled HPKE are those of the RFC."""
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


@pytest.mark.parametrize("vector", load("crypto-basics"))
def test_labelled_signatures_and_hpke(vector: Vector) -> None:
    """Signatures and ciphertexts of others verify and open, and so do ours."""
    signed = vector["sign_with_label"]
    key, content = SigningKey(Secret(unhex(signed["priv"]))), unhex(signed["content"])
    assert key.public == unhex(signed["pub"])
    verify(key.public, signed["label"], content, unhex(signed["signature"]), "vector")
    verify(key.public, signed["label"], content, key.sign(signed["label"], content), "own")
    sealed = vector["encrypt_with_label"]
    pair, context = KeyPair.of(unhex(sealed["priv"])), unhex(sealed["context"])
    assert pair.public == unhex(sealed["pub"])
    theirs = HpkeCiphertext(unhex(sealed["kem_output"]), unhex(sealed["ciphertext"]))
    plaintext = unhex(sealed["plaintext"])
    assert decrypt_with_label(pair, sealed["label"], context, theirs) == plaintext
    ours = encrypt_with_label(pair.public, sealed["label"], context, plaintext)
    assert decrypt_with_label(pair, sealed["label"], context, ours) == plaintext


@pytest.mark.parametrize("vector", load("hpke-rfc9180-x25519-sha256-chacha20poly1305-base"))
def test_hpke_base_mode(vector: Vector) -> None:
    """RFC 9180 appendix A.2: key pairs, encryptions and exports are byte for byte the same."""
    pair = KeyPair.derive(unhex(vector["ikmR"]))
    assert (pair.private.reveal(), pair.public) == (unhex(vector["skRm"]), unhex(vector["pkRm"]))
    info = unhex(vector["info"])
    kem_output, sender = setup_sender(pair.public, info, lambda _: unhex(vector["skEm"]))
    assert kem_output == unhex(vector["enc"])
    receiver = setup_receiver(kem_output, pair, info)
    for each in vector["encryptions"]:
        aad, plaintext, sealed = unhex(each["aad"]), unhex(each["pt"]), unhex(each["ct"])
        assert sender.seal(aad, plaintext, each["seq"]) == sealed
        assert receiver.open(aad, sealed, each["seq"]) == plaintext
    for each in vector["exports"]:
        assert receiver.export(unhex(each["exporter_context"]), each["L"]) == unhex(each["exported_value"])


@pytest.mark.parametrize("vector", load("secret-tree"), ids=lambda v: f"{len(v['leaves'])} leaves")
def test_secret_tree(vector: Vector) -> None:
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


@pytest.mark.parametrize("vector", load("key-schedule"))
def test_key_schedule(vector: Vector) -> None:
    """Every secret of every epoch is that of the vector, the exporter's (hashed context) too."""
    init = Secret(unhex(vector["initial_init_secret"]))
    for number, epoch in enumerate(vector["epochs"]):
        hashes = unhex(epoch["tree_hash"]), unhex(epoch["confirmed_transcript_hash"])
        context = GroupContext(unhex(vector["group_id"]), number, *hashes, ()).encode()
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
        assert secrets.external_pair().public == unhex(epoch["external_pub"])
        asked = epoch["exporter"]
        exported = secrets.export(asked["label"], unhex(asked["context"]), asked["length"])
        assert exported.reveal() == unhex(asked["secret"])
        init = secrets.init


@pytest.mark.parametrize("vector", load("psk_secret"), ids=lambda v: f"{len(v['psks'])} psks")
def test_psk_secret(vector: Vector) -> None:
    """Any number of PSKs chain into the one secret of the vector."""
    psks = [
        (ExternalPskId(unhex(p["psk_id"]), unhex(p["psk_nonce"])), Secret(unhex(p["psk"])))
        for p in vector["psks"]
    ]
    assert psk_secret(psks) == unhex(vector["psk_secret"])


@pytest.mark.parametrize("vector", load("transcript-hashes"))
def test_transcript_hashes(vector: Vector) -> None:
    """A commit moves both transcript hashes, and its tag verifies over the first."""
    message = decode(AuthenticatedContent.read, unhex(vector["authenticated_content"]))
    assert isinstance(message.content.body, Commit)
    confirmed = confirmed_hash(unhex(vector["interim_transcript_hash_before"]), message)
    assert confirmed == unhex(vector["confirmed_transcript_hash_after"])
    tag = message.auth.confirmation_tag
    assert tag is not None
    check_mac(Secret(unhex(vector["confirmation_key"])), confirmed, tag, "tag")
    assert interim_hash(confirmed, tag) == unhex(vector["interim_transcript_hash_after"])
