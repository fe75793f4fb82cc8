"""Security keys: what is signed must be for this server, this challenge, and with a touch."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from parlour_lab.software_key import FLAG, SoftwareKey
from parlour_protocol.kit.second_factor import CredentialId
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors.security_keys import SecurityKeys, credential_id
from parlour_server.core.errors import ProofRefusedError

KEYS = SecurityKeys("localhost")


def test_a_key_registers_and_signs() -> None:
    """Its credential is stored, and its counter read."""
    key, challenge = SoftwareKey(), Secret.random()
    made = KEYS.register(challenge, key.register(challenge))
    assert credential_id(made.credential) == key.id
    again = Secret.random()
    assert KEYS.check(again, key.sign(again), made.credential).counter == 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda key: replace(key, party="evil.example.org"),
        lambda key: replace(key, origin="https://evil.example.org"),
        lambda key: replace(key, origin="https://localhost.example.org"),
        lambda key: replace(key, origin="http://chat.example.org"),
        lambda key: replace(key, flags=FLAG(0)),
        lambda key: replace(key, private=SoftwareKey().private),
        lambda key: replace(key, id=CredentialId(b"of another key")),
    ],
    ids=["party", "origin", "suffix", "http", "untouched", "another key", "another credential"],
)
def test_a_signature_that_is_for_something_else(changed: Callable[[SoftwareKey], SoftwareKey]) -> None:
    """A phisher's server, no touch, another key: one refusal."""
    key, challenge = SoftwareKey(), Secret.random()
    made = KEYS.register(challenge, key.register(challenge))
    with pytest.raises(ProofRefusedError):
        KEYS.check(challenge, changed(key).sign(challenge), made.credential)


def test_a_signature_for_another_challenge_or_action() -> None:
    """ASVS 6.6.2: it belongs to the challenge that was given; a registration is no login, nor the reverse."""
    key, challenge = SoftwareKey(), Secret.random()
    made = KEYS.register(challenge, key.register(challenge))
    with pytest.raises(ProofRefusedError):
        KEYS.check(Secret.random(), key.sign(challenge), made.credential)
    with pytest.raises(ProofRefusedError):
        KEYS.check(challenge, key.sign(challenge, kind="webauthn.create"), made.credential)
    with pytest.raises(ProofRefusedError):
        KEYS.register(challenge, key.register(challenge, kind="webauthn.get"))
    with pytest.raises(ProofRefusedError):
        KEYS.register(Secret.random(), key.register(challenge))


def test_bytes_that_are_not_a_key_s() -> None:
    """Whatever the library raises for them, it is the same refusal."""
    key, challenge = SoftwareKey(), Secret.random()
    made = KEYS.register(challenge, key.register(challenge))
    answer = key.sign(challenge)
    for name in ("client_data", "authenticator_data", "signature"):
        value = getattr(answer, name)
        for wrong in (b"\xff" * 40, bytes(value)[:-1], bytes(value) + b"\0", b"{}" + bytes(40), b"[" * 500):
            hostile = msgspec.structs.replace(answer, **{name: type(value)(wrong)})
            with pytest.raises(ProofRefusedError):
                KEYS.check(challenge, hostile, made.credential)
    body = key.register(challenge)
    for wrong in (b"\xff" * 40, b"\xa0", bytes(body.attestation)[:60], b"\x81" * 2000):
        with pytest.raises(ProofRefusedError):
            KEYS.register(challenge, msgspec.structs.replace(body, attestation=type(body.attestation)(wrong)))
