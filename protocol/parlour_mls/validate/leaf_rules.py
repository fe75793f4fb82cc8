"""Whether a leaf or a key package may enter a group: RFC 9420 sections 7.2, 7.3, 10.1, 11.1 and 13.4.

One function for each rule; each raises. `check_leaf` and `check_key_package` apply them all; what needs the
whole tree (unique keys, credential types) is at the end. Lists of a stranger are compared as sets: one list
may hold 30,000 values, and looking each up in another would take its square.
"""

from dataclasses import dataclass, field

from parlour_mls.codec import GREASE, REQUIRED_CAPABILITIES, LeafNodeSource
from parlour_mls.crypto import PROTOCOL_VERSION, CipherSuite
from parlour_mls.errors import InvalidError, NotForThisGroupError, PolicyError, UnusableKeyError
from parlour_mls.messages import (
    Extensions,
    KeyPackage,
    LeafNode,
    RequiredCapabilities,
    find_extension,
)
from parlour_mls.tree import RatchetTree
from parlour_mls.validate.policy import Policy


class UnusableLeafKeyError(UnusableKeyError):
    """No one can encrypt to a key of ``leaf``, whose signature was verified."""

    def __init__(self, text: str, leaf: LeafNode) -> None:
        """Say whose leaf it is."""
        super().__init__(text)
        self.leaf = leaf


@dataclass(frozen=True, slots=True)
class LeafRules:
    """The rules for leaves: the group's (new) extensions, the client's policy, the time.

    Raises `MalformedError` when the required_capabilities extension cannot be read.
    """

    extensions: Extensions
    policy: Policy
    now: int | None
    """Seconds since 1970; None leaves lifetimes unchecked, as for leaves that have long been in a tree."""
    suite: CipherSuite
    """The group's."""

    required: RequiredCapabilities = field(init=False)
    """The capabilities that the group requires (section 11.1)."""

    def __post_init__(self) -> None:
        """Read once what every leaf is compared with."""
        object.__setattr__(self, "required", required_of(self.extensions))


def required_of(extensions: Extensions) -> RequiredCapabilities:
    """Read what a group demands of its members (section 11.1). Raises MalformedError."""
    data = find_extension(extensions, REQUIRED_CAPABILITIES)
    return RequiredCapabilities() if data is None else RequiredCapabilities.decode(data)


def check_key_package(package: KeyPackage, rules: LeafRules) -> None:
    """Apply all rules of section 10.1 to a key package before it is added."""
    check_suite(package, rules.suite)
    check_leaf(package.leaf_node, LeafNodeSource.KEY_PACKAGE, rules)
    package.check_signature()
    check_init_key(package, rules.suite)


def check_leaf(
    leaf: LeafNode, source: LeafNodeSource, rules: LeafRules, group_id: bytes = b"", index: int = 0
) -> None:
    """Apply all rules of section 7.3 that concern a leaf by itself."""
    check_source(leaf, source)
    check_member_leaf(leaf, rules, group_id, index)


def check_member_leaf(leaf: LeafNode, rules: LeafRules, group_id: bytes, index: int) -> None:
    """Apply the rules of section 7.3 to a leaf whatever its source, as when joining."""
    check_contents(leaf, rules)
    leaf.check_signature(group_id, index)
    rules.policy.validate_credential(leaf)
    check_key(leaf.encryption_key, leaf, rules.suite)


def check_contents(leaf: LeafNode, rules: LeafRules) -> None:
    """Apply the rules of section 7.3 but signature and identity: enough for a leaf of our own."""
    check_suite_supported(leaf, rules.suite)
    check_extensions_listed(leaf)
    check_lifetime(leaf, rules)
    check_required(leaf, rules.required)
    check_group_extensions(leaf, rules.extensions)


def check_key(key: bytes, leaf: LeafNode, suite: CipherSuite) -> None:
    """Require a key of the suite that can be encrypted to; call it once the leaf's signature was verified."""
    try:
        suite.check_public_key(key)
    except UnusableKeyError as error:
        raise UnusableLeafKeyError(str(error), leaf) from error


def check_suite(package: KeyPackage, suite: CipherSuite) -> None:
    """Version and suite are the group's (section 10.1)."""
    if (package.version, package.cipher_suite) != (PROTOCOL_VERSION, suite.number):
        raise NotForThisGroupError("a key package is for another version or cipher suite (section 10.1)")


def check_init_key(package: KeyPackage, suite: CipherSuite) -> None:
    """Require an init key of the suite that is not the leaf's key (section 10.1)."""
    check_key(package.init_key, package.leaf_node, suite)
    if package.init_key == package.leaf_node.encryption_key:
        raise InvalidError("a key package uses one key as init key and as encryption key (section 10.1)")


def check_source(leaf: LeafNode, source: LeafNodeSource) -> None:
    """Require that a leaf is where its source says that it belongs (section 7.3)."""
    if leaf.source is not source:
        raise InvalidError(f"a leaf node made for {leaf.source.name} came as {source.name} (section 7.3)")


def check_suite_supported(leaf: LeafNode, suite: CipherSuite) -> None:
    """Require that a leaf lists the version, the suite and its credential type (sections 7.2 and 11)."""
    offered = leaf.capabilities
    if PROTOCOL_VERSION not in offered.versions or suite.number not in offered.cipher_suites:
        raise InvalidError("a leaf does not support the group's version or cipher suite (section 11)")
    if leaf.credential.type not in offered.credentials:
        raise InvalidError("a leaf does not list its own credential type (section 7.2)")


def check_extensions_listed(leaf: LeafNode) -> None:
    """Require that a leaf lists the types of its own extensions (section 7.3).

    GREASE values are let pass unlisted: deployed clients send them so, they mean nothing by definition, and
    section 13.4 wants unknown extensions of a leaf ignored.
    """
    unlisted = {e.type for e in leaf.extensions} - GREASE - leaf.capabilities.all_extensions()
    if unlisted:
        raise InvalidError(f"a leaf has extension {min(unlisted)} and does not list it (section 7.3)")


def check_lifetime(leaf: LeafNode, rules: LeafRules) -> None:
    """Require a key package within its lifetime, which is not too long (sections 7.2 and 7.3)."""
    if leaf.lifetime is None or rules.now is None:
        return
    lifetime, policy = leaf.lifetime, rules.policy
    if policy.max_lifetime is not None:
        width = lifetime.not_after - lifetime.not_before
        if not 0 <= width <= policy.max_lifetime + policy.clock_skew:
            raise PolicyError(f"a key package claims a lifetime of {width} seconds, too long or negative")
    if not lifetime.not_before - policy.clock_skew <= rules.now <= lifetime.not_after + policy.clock_skew:
        raise PolicyError("a key package is expired or not valid yet: its owner must publish a new one")


def check_required(leaf: LeafNode, required: RequiredCapabilities) -> None:
    """Require that a member supports what the group requires (sections 7.3 and 11.1)."""
    offered = leaf.capabilities
    if not (
        set(required.extensions) <= offered.all_extensions()
        and set(required.proposals) <= offered.all_proposals()
        and set(required.credentials) <= set(offered.credentials)
    ):
        raise InvalidError("a leaf lacks a capability that the group requires (section 7.3)")


def check_group_extensions(leaf: LeafNode, extensions: Extensions) -> None:
    """Require that a member supports every extension of the group context (section 13.4)."""
    unsupported = {e.type for e in extensions} - leaf.capabilities.all_extensions()
    if unsupported:
        raise InvalidError(f"a leaf does not support group extension {min(unsupported)} (section 13.4)")


def check_replacement(old: LeafNode, new: LeafNode, policy: Policy) -> None:
    """Require a fresh key and an acceptable identity of a new leaf (sections 7.3 and 5.3.1)."""
    if old.encryption_key == new.encryption_key:
        raise InvalidError("a new leaf keeps the encryption key of the old one (section 7.3)")
    policy.validate_successor(old, new)


# --- rules that need the whole tree ---


def check_credential_types(tree: RatchetTree) -> None:
    """Everyone supports everyone's credential type (section 7.3)."""
    in_use = {leaf.credential.type for _, leaf in tree.members()}
    if len(in_use) == 1:
        # All leaves list their own type, so a group with one type needs no look at each leaf.
        return
    for _, leaf in tree.members():
        if not in_use <= set(leaf.capabilities.credentials):
            raise InvalidError("a member does not support a credential type that is in use (section 7.3)")


def check_all_support(tree: RatchetTree, rules: LeafRules) -> None:
    """All members support the group's new extensions (sections 11.1, 12.1.7 and 13.4)."""
    for _, leaf in tree.members():
        check_required(leaf, rules.required)
        check_group_extensions(leaf, rules.extensions)
