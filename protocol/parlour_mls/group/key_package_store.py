"""Our own key packages with private keys: created, published, used by one Welcome (RFC 9420 section 10).

A package is dropped once a group was joined with it, so that its init key cannot open an old Welcome again;
only a last-resort package stays, until it is dropped. Holds secrets in clear in its blob; the caller
encrypts it.
"""

from collections.abc import Iterator, Mapping

from parlour_mls.codec import LAST_RESORT, LeafNodeSource, Reader, decode, vec, vec_of
from parlour_mls.crypto import (
    CLASSIC,
    KEY_SIZE,
    CipherSuite,
    KeyPair,
    Random,
    Secret,
    SigningKey,
    system_random,
)
from parlour_mls.errors import NotForThisGroupError
from parlour_mls.group.process_welcome import KeyPackageSecrets
from parlour_mls.group.stored_format import unwrap, wrap
from parlour_mls.messages import (
    Capabilities,
    Credential,
    Extension,
    Extensions,
    KeyPackage,
    LeafNode,
    Lifetime,
    Welcome,
    encode_message,
)
from parlour_mls.validate import STRICT, LeafRules, Policy, check_lifetime

_KIND = b"PARLOUR-KPS\x02"
_MANY = 1 << 20


def own_leaf(
    credential: Credential,
    signer: SigningKey,
    lifetime: Lifetime,
    pair: KeyPair,
    policy: Policy,
    suite: CipherSuite,
    extensions: Extensions = (),
) -> LeafNode:
    """Make a leaf of ours with what this client supports, signed."""
    supported = policy.extensions | {e.type for e in extensions} | {LAST_RESORT}
    leaf = LeafNode(
        pair.public,
        signer.public,
        credential,
        Capabilities.of(supported, tuple(sorted({suite.number, *policy.cipher_suites}))),
        LeafNodeSource.KEY_PACKAGE,
        lifetime,
        None,
        extensions,
    ).signed(signer)
    check_lifetime(leaf, LeafRules((), policy, lifetime.not_before, suite))
    policy.validate_credential(leaf)
    return leaf


class KeyPackageStore:
    """The key packages of one device that no one has used yet."""

    def __init__(self) -> None:
        self._packages: dict[bytes, KeyPackageSecrets] = {}

    def create(
        self,
        credential: Credential,
        signer: SigningKey,
        lifetime: Lifetime,
        *,
        suite: CipherSuite = CLASSIC,
        last_resort: bool = False,
        leaf_extensions: Extensions = (),
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> bytes:
        """Make a key package, keep its private keys, and give the MLSMessage to publish."""
        init, encryption = suite.kem.generate(random), suite.kem.generate(random)
        leaf = own_leaf(credential, signer, lifetime, encryption, policy, suite, leaf_extensions)
        extensions = (Extension(LAST_RESORT, b""),) if last_resort else ()
        package = KeyPackage(init.public, leaf, extensions, cipher_suite=suite.number).signed(signer)
        self.add(KeyPackageSecrets(package, init.private, encryption.private, signer))
        return encode_message(package)

    def add(self, secrets: KeyPackageSecrets) -> None:
        """Take a key package whose private keys are at hand."""
        secrets.check()
        self._packages[secrets.package.ref] = secrets

    def find(self, welcome: Welcome) -> KeyPackageSecrets:
        """Give the key package that a Welcome is for."""
        for each in welcome.secrets:
            if each.new_member in self._packages:
                return self._packages[each.new_member]
        raise NotForThisGroupError("the Welcome is for none of our key packages (used, dropped, or not ours)")

    def secrets_of(self, package: KeyPackage) -> KeyPackageSecrets:
        """Give a key package of ours with its private keys."""
        kept = self._packages.get(package.ref)
        if kept is None:
            raise NotForThisGroupError("this is none of our key packages (used, dropped, or not ours)")
        return kept

    def spend(self, package: KeyPackage) -> None:
        """Forget a package that has been used, unless it is the last resort."""
        if not package.last_resort:
            self.drop(package.ref)

    def drop(self, ref: bytes) -> None:
        """Forget a package: it was replaced, or has expired."""
        self._packages.pop(ref, None)

    def expire(self, now: int) -> tuple[bytes, ...]:
        """Forget what no one may use any more and give its references."""
        lifetimes: Mapping[bytes, Lifetime | None] = {
            ref: kept.package.leaf_node.lifetime for ref, kept in self._packages.items()
        }
        over = tuple(ref for ref, life in lifetimes.items() if life is not None and life.not_after < now)
        for ref in over:
            self.drop(ref)
        return over

    def __len__(self) -> int:
        return len(self._packages)

    def __iter__(self) -> Iterator[KeyPackage]:
        return iter([kept.package for kept in self._packages.values()])

    def serialise(self) -> bytes:
        """Write all packages with their private keys."""
        return wrap(_KIND, vec_of(_encode(self._packages[ref]) for ref in sorted(self._packages)))

    @classmethod
    def restore(cls, blob: bytes) -> "KeyPackageStore":
        """Read back what `serialise` wrote."""
        store = cls()
        for secrets in decode(_read_all, unwrap(_KIND, blob, "a store of key packages")):
            store._packages[secrets.package.ref] = secrets
        return store


def _encode(kept: KeyPackageSecrets) -> bytes:
    privates = kept.init_private.reveal() + kept.encryption_private.reveal() + kept.signer.seed.reveal()
    return vec(kept.package.encode()) + privates


def _read_all(r: Reader) -> tuple[KeyPackageSecrets, ...]:
    signers: dict[bytes, SigningKey] = {}  # packages of a device share one, which takes longest to derive

    def read(r: Reader) -> KeyPackageSecrets:
        package = decode(KeyPackage.read, r.vec())
        init, encryption, seed = Secret(r.take(KEY_SIZE)), Secret(r.take(KEY_SIZE)), r.take(KEY_SIZE)
        if seed not in signers:
            signers[seed] = SigningKey(Secret(seed))
        return KeyPackageSecrets(package, init, encryption, signers[seed])

    return r.many(read, _MANY)
