"""What is looked at before it goes out: secrets of known forms, random words, and no false alarms."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_client.text.secret_guard import look_at_paste, look_at_text
from parlour_protocol.kit.inspect.secrets import looks_random

SECRETS = [
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA", "a private key"),
    ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "a private key"),
    ("PuTTY-User-Key-File-3: ssh-ed25519", "a private key"),
    ("aws_access_key_id AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
    ("ghp_" + "a1B2" * 9, "a GitHub token"),
    ("github_pat_" + "a1B2" * 8, "a GitHub token"),
    ("glpat-" + "a1B2" * 5, "a GitLab token"),
    ("xoxb-" + "1234567890-abc", "a Slack token"),
    ("AIza" + "a1B2c" * 7, "a Google API key"),
    ("sk_live_" + "a1B2" * 5, "an API key"),
    ("sk-ant-" + "a1B2" * 8, "an API key"),
    ("npm_" + "a1B2" * 9, "a package registry's token"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dozjgNryP4J3jVmNHl0w5N", "a signed web token (JWT)"),
    ("postgres://ada:s3cr3tpw@db.example/chat", "a URL with a password in it"),
    ("parlour://chat.example:8443/join#code=abc&pin=def", "an invite link, which anyone can use"),
    ("password=hunter22", "a password or a token"),
    ("the passphrase: corr3ct-horse", "a password or a token"),
    ("API_KEY = 'abcdef123'", "a password or a token"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE", "a password or a token"),
    ("hf_" + "a1B2" * 8, "an access token"),
    ("SG." + "a1B2" * 5 + "." + "a1B2" * 10, "an access token"),
    ("Authorization: Bearer " + "a1B2" * 6, "an access token"),
    ("AGE-SECRET-KEY-1" + "A1B2" * 14, "an access token"),
    ("here: 4fQ9zKx7Lm2Pw8RtYv3Bn6Hs1Jd", "a long random-looking word, like a key"),
]


@pytest.mark.parametrize(("text", "what"), SECRETS)
def test_a_secret_is_found_and_named(text: str, what: str) -> None:
    """Each known form, wherever it stands, with its line."""
    assert what in {
        finding.what for finding in look_at_text(f"hello\nsee {text}" if "KEY" not in text else text)
    }


HARMLESS = [
    "hello, how are you? I will be there at 10:30, see #garden and @bob",
    "the password: see the wiki",
    "what is your token? mine is lost",
    "secret: I like it",
    "the bearer of this letter is my friend",
    "the secret key to happiness is patience",
    "git show a341c39f0b1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "id 123e4567-e89b-12d3-a456-426614174000",
    "https://example.org/a/rather/long/path/to/SomePage2024.html?with=query&and=more#anchor",
    "AbstractSingletonProxyFactoryBeanConfigurer2",
    "IMG_20240312_184501_edited_final.jpg",
    "/home/ada/projects/parlour-2/client/parlour_client",
    "def test_a_rather_long_name_of_a_test_that_says_much_2(): ...",
    "Donaudampfschifffahrtsgesellschaftskapitaen",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "1234567890123456789012345678901234567890",
    "====================================================",
    "ssh -i ~/.ssh/id_ed25519 ada@host.example",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_is_let_through(text: str) -> None:
    """A warning that comes all the time is read by no one."""
    assert look_at_text(text) == ()


def test_several_lines_are_shown_first() -> None:
    """A paste of one line is not, whatever stands at its end."""
    assert [finding.what for finding in look_at_paste("one\ntwo\nthree\n")] == ["3 lines"]
    assert look_at_paste("one\n") == ()


def test_the_line_is_named_and_each_kind_once() -> None:
    """So that the person finds it in a long paste."""
    found = look_at_text("a\nb\npassword=hunter22\npassword=hunter23")
    assert [(finding.what, finding.line) for finding in found] == [("a password or a token", 3)]


def test_random_tokens_are_mostly_found() -> None:
    """Of the tokens that programs make, hardly one passes."""
    words = [secrets.token_urlsafe(32) for _ in range(200)]
    assert sum(map(looks_random, words)) > 180


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    """No text crashes the look."""
    look_at_paste(text)


def test_a_huge_text_is_looked_at_at_once() -> None:
    """No pattern takes time that grows faster than the text."""
    for text in (
        "password " * 12_000,
        "a" * 100_000,
        "eyJ" * 33_000,
        "x://a:" * 16_000,
        "-----BEGIN " * 9_000,
    ):
        look_at_text(text)
