"""Groups with members of other implementations, ts-mls and CoreCrypto, which share no line with ours.

`make interop` installs them and names their folder in `PARLOUR_PEERS`. Without it these tests say that they
did not run; with it they must. Where they don't do as the standard says is in `OTHERS` and told in
docs/reference/interoperability.md: a walk goes around it, and fails when it is mended.
"""

import json
import os
import random
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
    Proposal,
    SigningKey,
)
from parlour_mls.group import add_proposal, remove_proposal

FOLDER = os.environ.get("PARLOUR_PEERS", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="no other implementation is installed: `make interop` does it"
)
GROUP = b"two implementations"
TREE_INSIDE = CommitOptions(tree_in_welcome=True)


class PeerError(Exception):
    """A peer refused what it was asked."""


class Peer:
    """A member that another implementation plays, ts-mls by default."""

    def __init__(self, name: str, program: str = "ts_mls.mjs") -> None:
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 - the program beside this file
            ["node", str(Path(__file__).with_name("peers") / program), FOLDER],  # noqa: S607 - whatever Node the person has
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
        if "error" in answer:
            raise PeerError(f"{self.name}: {answer['error']} {answer.get('inner', '')}")
        return answer

    def package(self) -> bytes:
        """Return a key package of its own."""
        return bytes.fromhex(self.ask("package", name=self.name)["package"])

    def take(self, message: bytes) -> bytes | None:
        """Give it a message of the group; returns what it read."""
        text = self.ask("take", message=message.hex())["text"]
        return None if text is None else bytes.fromhex(text)

    def join(self, welcome: bytes) -> None:
        """Have it enter the group."""
        self.ask("join", welcome=welcome.hex())

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
        self.name, self.now = name, int(time.time())
        self.store, self.signer = KeyPackageStore(), SigningKey.generate()
        self.credential = Credential.basic(name.encode())
        self.lifetime = Lifetime(self.now - 3_600, self.now + 86_400)
        self.group: Group

    def package(self) -> bytes:
        """Return a key package of our own."""
        return self.store.create(self.credential, self.signer, self.lifetime)

    def join(self, welcome: bytes) -> None:
        """Enter the group."""
        self.group = Group.join(welcome, self.store)

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


COMMITS = 200
MOST = 13
"""Members: more than eight, so that the tree grows and is truncated again and again."""


@dataclass(frozen=True, slots=True)
class Other:
    """How a walk with another implementation goes."""

    program: str
    public: bool = False
    """It takes handshake messages in clear only."""
    faults: tuple[str, ...] = ()
    """Errors with which it refuses to join a group that is right."""


OTHERS = {
    "ts-mls": Other("ts_mls.mjs", faults=("must list leaf node in its unmerged_leaves",)),
    "CoreCrypto": Other("core_crypto.mjs", public=True),
}


class Walk:
    """A group of both, in which anyone may add, remove and renew; after each commit all agree."""

    def __init__(self, other: Other, seed: int) -> None:
        self.other = other
        self.chance = random.Random(seed)  # noqa: S311 - chance that repeats itself
        self.outside = [Peer(self._name(), other.program) for _ in range(3)]
        founder = Ours(self._name())
        founder.found()
        self.members: list[Ours | Peer] = [founder]
        self.done = Counter[str]()
        self.faults = Counter[str]()
        self.absent: list[Ours | Peer] = []

    def _name(self) -> str:
        """Return an identity in the form that CoreCrypto wants."""
        device = self.chance.getrandbits(63) | 1 << 63
        return f"{uuid.UUID(int=self.chance.getrandbits(128), version=4)}:{device:x}@example.org"

    @property
    def ours(self) -> list[Ours]:
        """Our own members."""
        return [one for one in self.members if isinstance(one, Ours)]

    def step(self) -> None:
        """Have someone commit something."""
        who = self.chance.choice(self.members)
        room, many = MOST - len(self.members), len(self.ours) > 1
        acts = [
            "renew",
            *(["add"] * 2 if room else []),
            *(["remove"] if len(self.members) > 3 and many else []),
        ]
        act = self.chance.choice(acts)
        self.done[f"{act} by {type(who).__name__}"] += 1
        if act == "add":
            self._add(who, room)
        elif act == "remove":
            self._remove(who)
        elif isinstance(who, Ours):
            self._ours(who, [])
        else:
            self._told(who, bytes.fromhex(who.ask("renew")["commit"]))

    def _add(self, who: Ours | Peer, room: int) -> None:
        added: list[Ours | Peer] = []
        for _ in range(min(room, self.chance.choice((1, 1, 2, 3)))):
            back = self.outside and self.chance.random() < 0.6
            added.append(self.outside.pop() if back else Ours(self._name()))
        packages = [one.package() for one in added]
        if isinstance(who, Ours):
            path = self.chance.random() < 0.5  # without one, newcomers stay unmerged in the nodes above them
            welcome = self._ours(who, [add_proposal(one) for one in packages], path=path)
        else:
            made = who.ask("add", packages=[one.hex() for one in packages])
            self._told(who, bytes.fromhex(made["commit"]))
            welcome = bytes.fromhex(made["welcome"])
        assert welcome is not None
        for one in added:
            try:
                one.join(welcome)
            except PeerError as error:
                fault = next((known for known in self.other.faults if known in str(error)), None)
                if fault is None:
                    raise
                self.faults[fault] += 1
                self.absent.append(one)
            self.members.append(one)
        for one in [*self.absent]:
            self.members.remove(one)
        for one in [*self.absent]:  # someone is a member who can't follow
            self._out(self.ours[0], one)
            self.absent.remove(one)
            assert isinstance(one, Peer)
            self.outside.append(one)

    def _remove(self, who: Ours | Peer) -> None:
        last = len(self.ours) == 1
        out = self.chance.choice(
            [m for m in self.members if m is not who and not (last and isinstance(m, Ours))]
        )
        self.members.remove(out)
        self._out(who, out)
        if isinstance(out, Peer):
            out.ask("forget")
            self.outside.append(out)

    def _out(self, who: Ours | Peer, out: Ours | Peer) -> None:
        members = self.ours[0].group.members()
        index = next(m.index for m in members if m.credential.identity == out.name.encode())
        if isinstance(who, Ours):
            self._ours(who, [remove_proposal(index)])
        else:
            self._told(who, bytes.fromhex(who.ask("remove", index=index, name=out.name)["commit"]))

    def _ours(self, who: Ours, proposals: list[Proposal], *, path: bool = True) -> bytes | None:
        options = CommitOptions(tree_in_welcome=True, path=path, public=self.other.public)
        made = who.group.commit(proposals, now=who.now, options=options)
        who.group.merge_pending_commit()
        self._told(who, made.message)
        return made.welcome

    def _told(self, who: Ours | Peer, commit: bytes) -> None:
        for one in self.members:
            if one is not who:
                one.take(commit)

    def agree(self) -> None:
        """Require one epoch and one secret."""
        first = self.ours[0].group
        secret, digits = first.export("exporter", b"", 32).reveal().hex(), first.epoch_authenticator.hex()
        for one in self.members:
            if isinstance(one, Ours):
                assert (one.group.epoch, one.group.epoch_authenticator.hex()) == (first.epoch, digits)
            else:
                there = one.ask("stand")
                assert there.pop("epoch") == first.epoch
                assert there in ({"authenticator": digits}, {"secret": secret})

    def speak(self) -> None:
        """Require that all read what each says."""
        for who in self.members:
            text = f"epoch {self.ours[0].group.epoch}".encode()
            if isinstance(who, Ours):
                message = who.group.encrypt(text, b"")
            else:
                message = bytes.fromhex(who.ask("say", text=text.hex())["message"])
            assert all(one.take(message) == text for one in self.members if one is not who)


@pytest.mark.parametrize("name", OTHERS)
def test_a_long_walk(name: str) -> None:
    """Two hundred commits by either side: blank nodes, unmerged leaves, a tree that grows and shrinks."""
    walk = Walk(OTHERS[name], seed=29)
    peers = [*walk.outside]
    try:
        for done in range(COMMITS):
            walk.step()
            walk.agree()
            if done % 10 == 0:
                walk.speak()
    finally:
        for peer in peers:
            peer.end()
    kinds = [f"{act} by {who}" for act in ("add", "remove", "renew") for who in ("Ours", "Peer")]
    assert min(walk.done[kind] for kind in kinds) > 5
    assert set(walk.faults) == set(walk.other.faults)
