"""The official vectors of messages: encodings, protection, Welcome, scenarios of a passive client."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.protocol.mls import passive
from tests.protocol.mls.mls_vectors import FOLDER, load, unhex

from parlour_protocol.mls.codec import Reader, decode
from parlour_protocol.mls.constants import ContentType, WireFormat
from parlour_protocol.mls.content import (
    AuthData,
    AuthenticatedContent,
    Body,
    Commit,
    FramedContent,
    member,
    read_body,
)
from parlour_protocol.mls.errors import InvalidError
from parlour_protocol.mls.framing import (
    MessageKeys,
    check_signature,
    open_private,
    open_public,
    open_sender_data,
    protect_private,
    protect_public,
    sign,
)
from parlour_protocol.mls.hpke import KeyPair, decrypt_with_label
from parlour_protocol.mls.key_package import KeyPackage
from parlour_protocol.mls.leaf import LeafNode, read_extensions
from parlour_protocol.mls.messages import (
    GroupContext,
    GroupInfo,
    GroupSecrets,
    PrivateMessage,
    PublicMessage,
    Welcome,
    encode_message,
    read_message,
)
from parlour_protocol.mls.proposals import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    ReInit,
    Remove,
    Update,
    read_psk_id,
)
from parlour_protocol.mls.schedule import epoch_from_joiner, welcome_key
from parlour_protocol.mls.secret import Secret
from parlour_protocol.mls.secret_tree import RatchetLimits, SecretTree
from parlour_protocol.mls.suite import ZERO, SigningKey, aead_open, check_mac
from parlour_protocol.mls.tree import RatchetTree

Vector = dict[str, Any]

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


@pytest.mark.parametrize("vector", load("messages.first20"))
def test_messages(vector: Vector) -> None:
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
        self.group = GroupContext(unhex(vector["group_id"]), vector["epoch"], *hashes, ())
        self.context = self.group.encode()
        self.key = SigningKey(Secret(unhex(vector["signature_priv"])))
        self.membership = Secret(unhex(vector["membership_key"]))
        self.sender_data = Secret(unhex(vector["sender_data_secret"]))
        self.tree = SecretTree.start(2, unhex(vector["encryption_secret"]))

    def open(self, data: bytes) -> Body:
        """Open a message of either wire format and verify all of it."""
        message = read_message(data)
        if isinstance(message, PublicMessage):
            opened = open_public(message, self.context, self.membership)
        else:
            assert isinstance(message, PrivateMessage)
            sender = open_sender_data(message, self.sender_data, lambda leaf: leaf == 1)
            opened, _ = open_private(message, sender, self.tree, RatchetLimits())
        check_signature(opened, self.context, self.key.public)
        return opened.content.body

    def signed(self, wire_format: WireFormat, body: Body) -> AuthenticatedContent:
        """Sign content as leaf 1."""
        content = FramedContent(self.group.group_id, self.group.epoch, member(1), b"", body)
        tag = bytes(32) if isinstance(body, Commit) else None
        return AuthenticatedContent(
            wire_format, content, AuthData(sign(wire_format, content, self.context, self.key), tag)
        )

    def protect(self, wire_format: WireFormat, body: Body) -> bytes:
        """Protect content as leaf 1."""
        message = self.signed(wire_format, body)
        if wire_format is WireFormat.PUBLIC_MESSAGE:
            return encode_message(
                protect_public(message.content, message.auth, self.context, self.membership)
            )
        keys = MessageKeys(self.sender_data, self.tree)
        return encode_message(protect_private(message.content, message.auth, keys)[0])


@pytest.mark.parametrize("vector", load("message-protection"))
@pytest.mark.parametrize(
    ("name", "kind"), [("proposal", ContentType.PROPOSAL), ("commit", ContentType.COMMIT)]
)
def test_handshake_protection(vector: Vector, name: str, kind: ContentType) -> None:
    """Proposals and commits open in both wire formats, theirs and ours."""
    epoch = Protection(vector)
    body = decode(lambda r: read_body(r, kind), unhex(vector[name]))
    assert epoch.open(unhex(vector[f"{name}_pub"])) == body
    assert epoch.open(unhex(vector[f"{name}_priv"])) == body
    for wire_format in (WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE):
        assert epoch.open(epoch.protect(wire_format, body)) == body


@pytest.mark.parametrize("vector", load("message-protection"))
def test_application_protection(vector: Vector) -> None:
    """Application data opens encrypted, and cannot be sent in clear."""
    epoch = Protection(vector)
    data = unhex(vector["application"])
    assert epoch.open(unhex(vector["application_priv"])) == data
    assert epoch.open(epoch.protect(WireFormat.PRIVATE_MESSAGE, data)) == data
    with pytest.raises(InvalidError, match="clear"):
        epoch.protect(WireFormat.PUBLIC_MESSAGE, data)


@pytest.mark.parametrize("vector", load("welcome"))
def test_welcome(vector: Vector) -> None:
    """A Welcome opens with the init key; its group info is signed and its confirmation tag right."""
    package, welcome = read_message(unhex(vector["key_package"])), read_message(unhex(vector["welcome"]))
    assert isinstance(package, KeyPackage)
    assert isinstance(welcome, Welcome)
    sealed = next(s.secrets for s in welcome.secrets if s.new_member == package.ref)
    pair = KeyPair.of(unhex(vector["init_priv"]))
    plaintext = decrypt_with_label(pair, "Welcome", welcome.encrypted_group_info, sealed)
    secrets = decode(GroupSecrets.read, plaintext)
    key, nonce = welcome_key(secrets.joiner_secret, ZERO)
    info = decode(GroupInfo.read, aead_open(key, nonce, b"", welcome.encrypted_group_info, "info"))
    info.check_signature(unhex(vector["signer_pub"]))
    epoch, _ = epoch_from_joiner(secrets.joiner_secret, ZERO, info.context.encode())
    check_mac(epoch.confirmation, info.context.confirmed_transcript_hash, info.confirmation_tag, "tag")


_SCENARIOS = [
    pytest.param(scenario, id=f"{name}-{number}")
    for name in ("passive-client-welcome", "passive-client-handling-commit")
    for number, scenario in enumerate(load(name))
]


@pytest.mark.parametrize("scenario", _SCENARIOS)
def test_passive_client(scenario: Vector) -> None:
    """A passive client joins and follows every epoch of every scenario."""
    ((_, read),) = passive.load(json.dumps([scenario]).encode())
    assert isinstance(read, passive.Scenario)
    passive.play(read)


def test_the_runner_counts_and_fails(tmp_path: Path) -> None:
    """The runner exits 0 when all passed, and not when one scenario is wrong."""
    runner = [sys.executable, str(Path(passive.__file__))]
    good = FOLDER / "passive-client-welcome.json"
    bad = tmp_path / "bad.json"
    authenticator = load("passive-client-welcome")[0]["initial_epoch_authenticator"]
    bad.write_text(good.read_text().replace(authenticator, "00" * 32, 1))
    passed = subprocess.run([*runner, str(good)], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert (passed.returncode, passed.stdout) == (0, "8 passed, 0 failed\n")
    failed = subprocess.run([*runner, str(good), str(bad)], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert failed.returncode == 1
    assert failed.stdout.endswith("15 passed, 1 failed\n")
