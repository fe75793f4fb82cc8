"""A small world for the MLS tests: devices, a delivery service, and a member that keeps no rules.

Everything random in it comes from one seed, so a failure replays. `lawless` switches off the sender's own
checks, so that a test can let a member commit what RFC 9420 forbids and see everyone else refuse it.
"""

import random as stdlib_random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest

from parlour_mls import (
    CLASSIC,
    STRICT,
    ApplicationMessage,
    CipherSuite,
    CommitOptions,
    Credential,
    Extension,
    Group,
    KeyPackageStore,
    Lifetime,
    MlsError,
    PendingCommit,
    Policy,
    Proposal,
    Psks,
    SigningKey,
)
from parlour_mls.codec import ResumptionUsage
from parlour_mls.group import KeyPackageSecrets, add_proposal
from parlour_mls.messages import ExternalPskId, PreSharedKey, Remove, ResumptionPskId

NOW = 1_790_000_000
MONTH = 30 * 86_400
LIFETIME = Lifetime(NOW - 3_600, NOW + MONTH)
GROUP_ID = b"the parlour"
DEFAULTS = CommitOptions()


class Device:
    """Someone who may join groups."""

    def __init__(self, name: str, random: Callable[[int], bytes], policy: Policy = STRICT) -> None:
        self.name = name
        self.random = random
        self.policy = policy
        self.store = KeyPackageStore()
        self.signer = SigningKey.generate(random)

    @property
    def credential(self) -> Credential:
        """Who it says to be."""
        return Credential.basic(self.name.encode())

    def publish(
        self,
        *,
        suite: CipherSuite = CLASSIC,
        lifetime: Lifetime = LIFETIME,
        last_resort: bool = False,
    ) -> bytes:
        """Make a key package."""
        return self.store.create(
            self.credential,
            self.signer,
            lifetime,
            suite=suite,
            last_resort=last_resort,
            policy=self.policy,
            random=self.random,
        )

    def secrets(self, suite: CipherSuite = CLASSIC) -> KeyPackageSecrets:
        """Make a key package and give it with its private keys."""
        self.publish(suite=suite)
        return self.store.secrets_of(list(self.store)[-1])

    def join(self, welcome: bytes, **more: Any) -> Group:
        """Join a group by a Welcome."""
        return Group.join(welcome, self.store, policy=self.policy, random=self.random, **more)


def text(group: Group, message: bytes) -> bytes:
    """Process a message that must be an application message."""
    event = group.process(message, now=NOW)
    assert isinstance(event, ApplicationMessage)
    return event.data


class World:
    """A group and the delivery service between its members."""

    def __init__(
        self,
        size: int = 1,
        *,
        seed: int = 0,
        suite: CipherSuite = CLASSIC,
        policy: Policy = STRICT,
        extensions: tuple[Extension, ...] = (),
    ) -> None:
        self.random = stdlib_random.Random(seed).randbytes  # noqa: S311 - failures must replay
        self.suite = suite
        self.policy = policy
        self.psks = Psks()
        self.devices: dict[str, Device] = {}
        self.groups: dict[str, Group] = {}
        founder = self.device("m0")
        self.groups["m0"] = Group.create(
            GROUP_ID,
            founder.credential,
            founder.signer,
            LIFETIME,
            suite=suite,
            extensions=extensions,
            policy=policy,
            random=self.random,
        )
        if size > 1:
            self.add(*(f"m{n}" for n in range(1, size)))

    def device(self, name: str) -> Device:
        """Give the device of that name, made when it is new."""
        if name not in self.devices:
            self.devices[name] = Device(name, self.random, self.policy)
        return self.devices[name]

    def __getitem__(self, name: str) -> Group:
        return self.groups[name]

    def external_psk(self, psk_id: bytes) -> PreSharedKey:
        """Name a key of the application's, with the fresh nonce that section 8.4 asks for."""
        return PreSharedKey(ExternalPskId(psk_id, self.random(32)))

    def resumption_psk(self, epoch: int) -> PreSharedKey:
        """Name the resumption secret of a past epoch of the group (section 8.6)."""
        return PreSharedKey(ResumptionPskId(ResumptionUsage.APPLICATION, GROUP_ID, epoch, self.random(32)))

    def index(self, name: str) -> int:
        """Tell the leaf of a member."""
        return self.groups[name].own_index

    def deliver(self, message: bytes, *, by: str) -> None:
        """Give a message to everyone but its sender."""
        for name, group in self.groups.items():
            if name != by:
                group.process(message, now=NOW, psks=self.psks)

    def stage(
        self, by: str, proposals: Sequence[Proposal] = (), options: CommitOptions = DEFAULTS
    ) -> PendingCommit:
        """Let a member stage a commit."""
        return self.groups[by].commit(proposals, now=NOW, psks=self.psks, options=options)

    def commit(
        self, by: str, proposals: Sequence[Proposal] = (), options: CommitOptions = DEFAULTS
    ) -> PendingCommit:
        """Let a member commit, the delivery service accept, and everyone follow."""
        pending = self.stage(by, proposals, options)
        self.groups[by].merge_pending_commit()
        self.deliver(pending.message, by=by)
        return pending

    def add(self, *names: str, by: str = "m0", options: CommitOptions = DEFAULTS) -> None:
        """Add devices by one commit."""
        self.commit_adding(by, names, options)

    def commit_adding(
        self, by: str, names: Sequence[str], options: CommitOptions = DEFAULTS
    ) -> PendingCommit:
        """Add devices by one commit and give it."""
        packages = [self.device(name).publish(suite=self.suite) for name in names]
        pending = self.commit(by, [add_proposal(package) for package in packages], options)
        for name in names:
            tree = None if options.tree_in_welcome else self.groups[by].ratchet_tree()
            device = self.devices[name]
            self.groups[name] = device.join(pending.welcome or b"", ratchet_tree=tree, psks=self.psks)
        return pending

    def agree(self) -> None:
        """Check that all members are in the same group and epoch, with the same secrets."""
        views = {
            (
                group.epoch,
                group.context.tree_hash,
                group.epoch_authenticator,
                group.export("test", b"context", 32).reveal(),
                group.members(),
            )
            for group in self.groups.values()
        }
        assert len(views) == 1


@contextmanager
def unchanged(*groups: Group) -> Iterator[None]:
    """Check that groups are byte for byte what they were, in their serialised form."""
    before = [group.serialise() for group in groups]
    yield
    assert [group.serialise() for group in groups] == before, "a refused input has changed the state"


def refused(
    group: Group, message: bytes, error: type[MlsError], why: str, *, psks: Psks | None = None
) -> None:
    """Check that a message is refused for the right reason and changes nothing."""
    with unchanged(group), pytest.raises(error, match=why or None):
        group.process(message, now=NOW, psks=psks or Psks())


def _no_check(*_of: Any, **_more: Any) -> None:
    """Stand in for a rule that the sender does not keep."""


def _update_index(item: Any, *_of: Any) -> Any:
    return item.by_member if item.by_member is not None else 0


def _remove_what_can_be(items: Any, tree: Any) -> Any:
    """Apply Removes as far as a committer that removes itself, or no one, can live with them."""
    removed = tuple(i.proposal.removed for i in items if isinstance(i.proposal, Remove))
    for index in set(removed) - {0}:
        if tree.leaf(index) is not None:
            tree = tree.with_removed(index)
    return tree, ()


_RULES = {
    "group.apply_proposals": (
        "check_regular",
        "check_external",
        "check_key_package",
        "check_unique_encryption_keys",
        "check_unique_signature_keys",
        "check_credential_types",
        "check_all_support",
        "check_group_extensions",
        "_check_allowed",
    ),
    "group.create_commit": (
        "check_contents",
        "check_replacement",
        "check_path_signature_key",
        "check_credential_types",
    ),
}


@contextmanager
def lawless(patches: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Switch off what keeps a sender honest; `patches` replaces more, by `folder.module.name`."""
    with ExitStack() as stack:
        replaced = {f"{module}.{name}": _no_check for module, names in _RULES.items() for name in names}
        replaced["group.apply_proposals.check_update"] = _update_index
        replaced["group.apply_proposals._remove"] = _remove_what_can_be
        replaced["group.group.check_single"] = _no_check
        for where, value in {**replaced, **(patches or {})}.items():
            stack.enter_context(mock.patch(f"parlour_mls.{where}", value))
        yield
