"""Groups with members of another implementation (ts-mls), which shares no line with ours: both read both.

It needs Node and a folder where this was run:

    npm install ts-mls@1.6.4 @hpke/chacha20poly1305@1.8.0 @noble/curves@2.0.1

`PARLOUR_TS_MLS` names that folder. Without it these tests say that they did not run; with it they must.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parlour_mls import (
    ApplicationMessage,
    CommitOptions,
    Credential,
    Group,
    KeyPackageStore,
    Lifetime,
    SigningKey,
)
from parlour_mls.group import add_proposal, remove_proposal

FOLDER = os.environ.get("PARLOUR_TS_MLS", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="ts-mls is not installed: PARLOUR_TS_MLS names no folder (see the docstring)"
)
GROUP = b"two implementations"
TREE_INSIDE = CommitOptions(tree_in_welcome=True)


class Peer:
    """A member that ts-mls plays."""

    def __init__(self, name: str) -> None:
        program = Path(__file__).with_name("peer.mjs")
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 - the program beside this file
            ["node", str(program), FOLDER],  # noqa: S607 - whatever Node the person has
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, **fields: object) -> dict[str, Any]:
        """Have something done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **fields}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name}: the peer does not run"
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, f"{self.name}: {answer['error']}"
        return answer

    def package(self) -> bytes:
        """Return a key package of its own."""
        return bytes.fromhex(self.ask("package", name=self.name)["package"])

    def take(self, message: bytes) -> bytes | None:
        """Give it a message of the group; returns what it read."""
        text = self.ask("take", message=message.hex())["text"]
        return None if text is None else bytes.fromhex(text)

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class Ours:
    """A member that we play."""

    def __init__(self, name: str) -> None:
        self.now = int(time.time())
        self.store, self.signer = KeyPackageStore(), SigningKey.generate()
        self.credential = Credential.basic(name.encode())
        self.lifetime = Lifetime(self.now - 3_600, self.now + 86_400)
        self.group: Group

    def package(self) -> bytes:
        """Return a key package of our own."""
        return self.store.create(self.credential, self.signer, self.lifetime)

    def found(self) -> None:
        """Make the group."""
        self.group = Group.create(GROUP, self.credential, self.signer, self.lifetime)

    def take(self, message: bytes) -> bytes | None:
        """Take a message of the group in; returns what was read."""
        event = self.group.process(message, now=self.now)
        return event.data if isinstance(event, ApplicationMessage) else None


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    """Return two members of the other implementation."""
    made = [Peer("tess"), Peer("theo")]
    yield made
    for peer in made:
        peer.end()


def agree(ours: list[Ours], peers: list[Peer]) -> None:
    """Require one epoch with one authenticator, and that all read what each says."""
    stands = [(one.group.epoch, one.group.epoch_authenticator.hex()) for one in ours]
    stands += [(s["epoch"], s["authenticator"]) for s in (peer.ask("stand") for peer in peers)]
    assert len(set(stands)) == 1, stands
    everyone: list[Ours | Peer] = [*ours, *peers]
    for speaker in everyone:
        text = f"epoch {stands[0][0]}".encode()
        if isinstance(speaker, Ours):
            message = speaker.group.encrypt(text, b"an id")
        else:
            message = bytes.fromhex(speaker.ask("say", text=text.hex())["message"])
        for reader in everyone:
            assert reader is speaker or reader.take(message) == text


def test_they_join_our_group_and_all_change_it(peers: list[Peer]) -> None:
    """We create it and add them; each commits, one is removed, and all follow every step."""
    first, second = Ours("first"), Ours("second")
    tess, theo = peers
    first.found()
    adds = [add_proposal(package) for package in (tess.package(), second.package())]
    made = first.group.commit(adds, now=first.now, options=TREE_INSIDE)
    first.group.merge_pending_commit()
    assert made.welcome is not None
    tess.ask("join", welcome=made.welcome.hex())
    second.group = Group.join(made.welcome, second.store)
    agree([first, second], [tess])
    added = tess.ask("add", packages=[theo.package().hex()])
    for one in (first, second):
        one.take(bytes.fromhex(added["commit"]))
    theo.ask("join", welcome=added["welcome"])
    agree([first, second], peers)
    for peer, other in ((tess, theo), (theo, tess)):
        renewal = bytes.fromhex(peer.ask("renew")["commit"])
        for reader in (first, second, other):
            reader.take(renewal)
        agree([first, second], peers)
    renewal = second.group.commit(now=second.now).message
    second.group.merge_pending_commit()
    for reader in (first, tess, theo):
        reader.take(renewal)
    agree([first, second], peers)
    index = next(m.index for m in first.group.members() if m.credential.identity == b"theo")
    removal = first.group.commit([remove_proposal(index)], now=first.now).message
    first.group.merge_pending_commit()
    for reader in (second, tess):
        reader.take(removal)
    agree([first, second], [tess])


def test_we_join_their_group_and_are_removed_from_it(peers: list[Peer]) -> None:
    """They found it; what they commit, our newcomers included, leads all to the same secrets."""
    ours, other = Ours("ours"), Ours("other")
    tess, theo = peers
    tess.package()
    tess.ask("found", group=GROUP.hex())
    made = tess.ask("add", packages=[ours.package().hex(), other.package().hex(), theo.package().hex()])
    theo.ask("join", welcome=made["welcome"])
    for one in (ours, other):
        one.group = Group.join(bytes.fromhex(made["welcome"]), one.store)
    agree([ours, other], peers)
    for one, another in ((ours, other), (other, ours)):
        renewal = one.group.commit(now=one.now).message
        one.group.merge_pending_commit()
        another.take(renewal)
        for peer in peers:
            peer.take(renewal)
        agree([ours, other], peers)
    index = next(m.index for m in ours.group.members() if m.credential.identity == b"other")
    removal = bytes.fromhex(theo.ask("remove", index=index)["commit"])
    for reader in (ours, other, tess):
        reader.take(removal)
    agree([ours], peers)
