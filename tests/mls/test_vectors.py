"""The engine gives what the project's own vectors say, of every kind that the official ones have."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.mls import vectors
from tests.mls.passive import ScenarioFailedError
from tests.mls.vector_checks import CHECKS

from parlour_mls import MlsError


@pytest.mark.parametrize(
    ("kind", "vector"),
    [
        pytest.param(kind, vector, id=f"{kind}-{number}")
        for kind in CHECKS
        for number, vector in enumerate(vectors.load(vectors.OWN, kind))
    ],
)
def test_own_vector(kind: str, vector: vectors.Vector) -> None:
    """Recorded from an engine that had passed the official vectors: a change of any byte is seen."""
    CHECKS[kind](vector)


_RESULTS = {
    "crypto-basics": ("out", "signature", "ciphertext", "kem_output", "pub"),
    "hpke-hybrid": ("pkRm", "enc", "shared_secret", "ct", "exported_value"),
    "hpke": ("pkRm", "enc", "ct", "exported_value"),
    "key-schedule": (
        "group_context", "joiner_secret", "welcome_secret", "encryption_secret", "sender_data_secret",
        "exporter_secret", "epoch_authenticator", "external_secret", "confirmation_key", "membership_key",
        "resumption_psk", "init_secret", "external_pub", "secret",
    ),
    "message-protection": ("proposal_pub", "proposal_priv", "commit_pub", "application_priv"),
    "passive-client-handling-commit": ("initial_epoch_authenticator", "epoch_authenticator", "commit"),
    "passive-client-welcome": ("initial_epoch_authenticator",),
    "psk_secret": ("psk_secret",),
    "secret-tree": ("key", "nonce", "application_key", "handshake_key", "application_nonce"),
    "transcript-hashes": ("confirmed_transcript_hash_after", "interim_transcript_hash_after"),
    "tree-operations": ("tree_after", "tree_hash_after"),
    "tree-validation": ("tree_hashes",),
    "treekem": ("commit_secret", "path_secret", "tree_hash_after", "update_path"),
    "welcome": ("welcome", "signer_pub"),
}  # fmt: skip
"""The fields that an engine computes. The omitted kinds have only encodings."""


def _changed(value: Any, fields: tuple[str, ...], *, inside: bool = False) -> Iterator[Any]:
    """Yield the vector with one bit of one result changed."""
    if isinstance(value, dict):
        for key, part in value.items():
            for changed in _changed(part, fields, inside=key in fields):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for at, part in enumerate(value):
            for changed in _changed(part, fields, inside=inside):
                yield [*value[:at], changed, *value[at + 1 :]]
    elif isinstance(value, str) and inside:
        yield value[:-1] + f"{int(value[-1], 16) ^ 1:x}"


@pytest.mark.parametrize("kind", _RESULTS)
def test_a_changed_bit_is_seen(kind: str) -> None:
    """No check passes on a result that differs."""
    vector = vectors.load(vectors.OWN, kind)[-1]
    wrong = list(_changed(vector, _RESULTS[kind]))
    assert wrong
    for each in wrong:
        with pytest.raises((AssertionError, MlsError, ScenarioFailedError)):
            CHECKS[kind](each)
