"""A secret shows itself nowhere but where its value is asked for (K7: secrets in logs)."""

import copy
import hashlib
import logging
import pickle
import traceback

import pytest

from parlour_protocol.kit.secret import Secret

VALUE = "canary-correct-horse"


def test_no_way_of_printing_shows_the_value(caplog: pytest.LogCaptureFixture):
    """repr, str, format, %, logging, and inside other objects."""
    secret = Secret(VALUE)
    logging.getLogger("test").error("%s %r", secret, [secret])
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>30}", "%s" % secret, repr({"a": (secret,)})]  # noqa: UP031 - that way too
    assert VALUE not in "".join(shown) + caplog.text


def test_a_traceback_with_locals_does_not_show_the_value():
    """An error report that prints local variables prints no secret."""
    secret = Secret(VALUE)
    try:
        raise ValueError(secret)
    except ValueError as error:
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(" in report
    # the test's own constant is a global, not a local, so the value could only come from the secret
    assert VALUE not in report


def test_it_can_neither_be_pickled_nor_has_a_dict():
    """Nothing writes it somewhere by accident."""
    secret = Secret(VALUE)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    assert not hasattr(secret, "__dict__")


def test_reveal_returns_the_value():
    """By name, so that every place that does can be searched for."""
    assert Secret(VALUE).reveal() == VALUE


def test_equality_is_by_value_and_only_with_secrets():
    """A secret never equals its plain text."""
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret(VALUE) != VALUE


def test_the_digest_is_sha256_of_the_utf8():
    """What a server stores of a token (K2)."""
    assert Secret("é").digest() == hashlib.sha256("é".encode()).digest()
    assert len(Secret("\ud800").digest()) == 32


def test_random_secrets_are_256_bits_and_never_the_same():
    """K2: 43 characters of base64url each."""
    made = {Secret.random().reveal() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(value) == 43 and value.replace("-", "").replace("_", "").isalnum() for value in made)
