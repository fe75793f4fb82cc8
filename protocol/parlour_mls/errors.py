"""The errors of the MLS engine, one small tree.

The engine raises nothing else on any input, and a refused input changes nothing. The texts name the rule,
never a secret. Callers catch `MlsError`, or a branch that they can act on.

    MlsError
    ├── MalformedError            the bytes are not an encoding of what they should be
    │   └── InvalidError          well encoded, but it breaks a MUST of RFC 9420
    │       └── UnusableKeyError  no one can encrypt to a key of it
    ├── NotForThisGroupError      another group, another suite, or none of our key packages
    ├── WrongEpochError
    │   ├── OlderEpochError       its keys are gone, or a commit has won this epoch already
    │   └── NewerEpochError       we have missed a commit: fetch it, then try again
    ├── NotAuthorisedError        the sender may not do this
    ├── AuthenticationError       a signature, tag or ciphertext does not verify
    └── PolicyError               refused by the rules of this client, not by the RFC
        ├── StateError            the group cannot do that now (a commit is pending, we were removed, ...)
        │   └── OwnMessageError   our own message came back: no one can decrypt what it has encrypted
        │       └── OtherCopyError    signed with our key, and not made by this state
        └── UnknownPskError       a pre-shared key is asked for that we do not have
"""


class MlsError(Exception):
    """The base class of the engine's errors."""


class MalformedError(MlsError):
    """The bytes are not an encoding of what they should be: drop them."""


class InvalidError(MalformedError):
    """Well encoded, but it breaks a rule of RFC 9420: drop it; a commit that does this is worth a report."""


class UnusableKeyError(InvalidError):
    """No one can encrypt to a public key."""


class NotForThisGroupError(MlsError):
    """Meant for another group, another cipher suite, or another key package."""


class WrongEpochError(MlsError):
    """Sent in an epoch whose keys are not at hand."""


class OlderEpochError(WrongEpochError):
    """From an epoch that is over: a late message, or a commit that lost its race."""


class NewerEpochError(WrongEpochError):
    """From an epoch that we have not reached: process the commits in between first."""


class NotAuthorisedError(MlsError):
    """The sender may not do this."""


class AuthenticationError(MlsError):
    """A signature, a tag or a ciphertext does not verify: forged, damaged, or meant for someone else."""


class PolicyError(MlsError):
    """Allowed by RFC 9420, refused by the policy of this client."""


class StateError(PolicyError):
    """The group cannot do that now."""


class OwnMessageError(StateError):
    """A message of our own came back: keep the plaintext when sending, and match the echo by its bytes."""


class OtherCopyError(OwnMessageError):
    """A handshake message that our key has signed and this state did not make: another copy of it goes on."""


class UnknownPskError(PolicyError):
    """A pre-shared key is asked for that we do not have: obtain it, then try again."""
