"""What a person is told about a link before it opens: its host, and what looks deceptive."""

# ruff: noqa: RUF001, E501 - confusable letters and long addresses are the matter here
import time

import pytest

from parlour_client.text.link_details import MOST_TO_OPEN, LinkDetails, describe
from parlour_client.text.links import find_links
from parlour_protocol.kit.text import safe_text


def details(text: str) -> LinkDetails:
    """Describe the only link of a text."""
    (link,) = find_links(safe_text(text))
    return describe(link)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/" + "x" * 99_000,
        "https://" + "a." * 49_000,
        "https://" + "ü" * 99_000,
        "http://:" * 12_000,
        "http://" * 14_000,
        "mailto:" * 14_000,
        "https://x@" * 9_900,
        "https://x/" + "(" * 99_000,
        "[](https://x" * 8_000,
        "https://a.example/" + "\u202e" * 50_000,
        "https://a.example/" + "%41" * 33_000,
        "https://a.example/" + "." * 99_000,
        "https://a." + "\u0301a" * 49_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """The time is linear: 0.1 s of CPU here, and minutes if it were quadratic."""
    safe, before = safe_text(text), time.process_time()
    for link in find_links(safe):
        describe(link)
    assert time.process_time() - before < 2


PLAIN = (
    "https://example.com/a?b=c#d",
    "https://example.com:443/",
    "https://user.github.io/x_y/",
    "https://www.gov.uk/vehicle-tax",
    "https://пример.рф/",
    "https://例え.jp/パス",
    "https://مثال.إختبار/",
    "https://en.wikipedia.org/wiki/Bee_(insect)",
    "https://ko.wikipedia.org/wiki/%ED%95%9C%EA%B5%AD",
    "mailto:ann@example.com?subject=Bees",
)


@pytest.mark.parametrize("text", PLAIN)
def test_an_ordinary_link_has_no_warning(text: str) -> None:
    """Someone who is warned of everything reads no warning."""
    assert details(text).warnings == ()
    assert details(text).address


@pytest.mark.parametrize(
    ("text", "said", "address"),
    [
        ("https://pаypal.com/", "Letters of several scripts in “pаypal”", "https://xn--pypal-4ve.com/"),
        ("https://аррӏе.com/", "can be taken for “appie”", "https://xn--80ak6aa92e.com/"),
        ("https://xn--80ak6aa92e.com/", "can be taken for “appie”", "https://xn--80ak6aa92e.com/"),
        ("https://gıthub.com", "can be taken for “github”: ı (U+0131)", "https://xn--gthub-n4a.com"),
        ("https://bücher.de/", "can be taken for “bucher”: ü (U+00FC)", "https://xn--bcher-kva.de/"),
        ("https://bank.example@evil.example/", "“bank.example” before the @ is a user name", "https://bank.example@evil.example/"),
        ("https://a.example:8443/", "Port 8443 instead of 443", "https://a.example:8443/"),
        ("https://93.184.216.34/", "An IP address instead of a name", "https://93.184.216.34/"),
        ("https://[2606:2800:220:1::]/", "An IP address instead of a name", "https://[2606:2800:220:1::]/"),
        ("https://10.0.0.1/", "of this machine or of a network around it", "https://10.0.0.1/"),
        ("https://[::ffff:127.0.0.1]/", "of this machine or of a network around it", "https://[::ffff:7f00:1]/"),
        ("https://2130706433/", "it means the IP address 127.0.0.1", "https://127.0.0.1/"),
        ("https://0x7f.1/", "it means the IP address 127.0.0.1", "https://127.0.0.1/"),
        ("https://0177.0.0.01/", "it means the IP address 127.0.0.1", "https://127.0.0.1/"),
        ("https://１２７.0.0.1/", "it means the IP address 127.0.0.1", "https://127.0.0.1/"),
        ("https://localhost/admin", "not a site on the internet", "https://localhost/admin"),
        ("https://nas.local/", "not a site on the internet", "https://nas.local/"),
        ("http://a.example/", "http, not https", "http://a.example/"),
        ("https://paypal.com.evil.example/", "begins like paypal.com, but is a part of evil.example", "https://paypal.com.evil.example/"),
        ("https://ｅxample.com/", "written in other characters; it is example.com", "https://example.com/"),
        ("https://%65xample.com/", "written with escapes; it is example.com", "https://example.com/"),
        ("https://a.example/%0d%0aX", "Line breaks or control characters", "https://a.example/%0d%0aX"),
        ("https://a.example/%E2%80%AEgpj", "Invisible characters are hidden in escapes (%…): U+202E", "https://a.example/%E2%80%AEgpj"),
        ("https://a.example/%6c%6f%67in", "decoded it says /login", "https://a.example/%6c%6f%67in"),
        ("https://a.example/?u=https%3A%2F%2Fevil.example%2F", "Another address is in it (evil.example)", "https://a.example/?u=https%3A%2F%2Fevil.example%2F"),
        ("[bank.example](https://evil.example/)", "says “bank.example”, but it leads to evil.example", "https://evil.example/"),
        ("https://a.example/" + "x" * 2_000, "Very long: 2018 characters", "https://a.example/" + "x" * 2_000),
        ("https://a.example/b∕c", "look like the / . ? # @ : of an address: ∕ (U+2215)", "https://a.example/b%E2%88%95c"),
        ("mailto:a@x.example,b@y.example", "It writes to 2 people", "mailto:a@x.example,b@y.example"),
        ("mailto:evil%40evil.example%2Ca@x.example", "It writes to 2 people", "mailto:evil%40evil.example%2Ca@x.example"),
        ("mailto:a@x.example;b@y.example", "It writes to 2 people", "mailto:a@x.example;b@y.example"),
        ("mailto:a@x.example%0d%0aBcc:b@y.example", "Line breaks or control characters", "mailto:a@x.example%0d%0aBcc:b@y.example"),
        ("mailto:a@x.example?body=hi&bcc=z@z.example", "It fills in: body, bcc", "mailto:a@x.example?body=hi&bcc=z@z.example"),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_said_in_words(text: str, said: str, address: str) -> None:
    """And the link can still be opened: it may be meant so."""
    found = details(text)
    assert any(said in warning for warning in found.warnings), found.warnings
    assert found.address == address


def test_letters_that_look_like_others_are_told() -> None:
    """M9: with their numbers, also when the whole label is of one script, or in punycode."""
    for text in (
        "https://p\u0430ypal.com/",
        "https://\u0430\u0440\u0440\u04cf\u0435.com/",
        "https://xn--80ak6aa92e.com/",
    ):
        assert any("U+0430" in warning for warning in details(text).warnings), text
    assert "“ɢoogle” can be taken for “google”: ɢ (U+0262)." in details("https://ɢoogle.com/").warnings


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://a.example/\u202egpj.exe", "It has hidden characters in it."),
        ("https://a\u200bb.example/", "It has hidden characters in it."),
        ("https://bank.example⁄login.evil.example/", "Its host is not a valid name."),
        ("https://a..b/", "Its host is not a valid name."),
        ("https://😀.example/", "Its host is not a valid name."),
        ("https://1.2.3.4.5/", "Its host is not a valid name."),
        ("https://256.256.256.256/", "Its host is not a valid name."),
        ("https://xn--a/", "Its host is not a valid name."),
        ("https://%ff.example/", "Its host is not a valid name."),
        ("https://[fe80::1%25eth0]/", "Its host is not a valid name."),
        ("https://" + "a" * 64 + ".example/", "Its host is not a valid name."),
        ("https://a.example:99999/", "The port is not a number"),
        ("https://a.example:80x/", "The port is not a number"),
        ("https://[2001:db8::1]80/", "The port is not a number"),
        ("https://a.example/" + "x" * MOST_TO_OPEN, "It is too long to open"),
        ("mailto:a@x.example?attach=/etc/passwd", "more than an address, a subject and a text"),
    ],
)
def test_what_cannot_be_trusted_has_no_address_to_open(text: str, why: str) -> None:
    """It is shown with the reason."""
    found = details(text)
    assert found.address == ""
    assert why in found.refusal


@pytest.mark.parametrize("text", ["https://a.example/$(id)", "https://a.example/'x'", "https://a.example/a*b!", "https://ü@é.example/ñ?ß#ø", "mailto:ünn@é.example", "https://a.example/100%"])  # fmt: skip
def test_an_address_to_open_is_plain_ascii(text: str) -> None:
    """Nothing in it means anything to a shell or a badly written opener."""
    address = details(text).address
    assert address.isascii()
    assert address.isprintable()
    assert not set(address) & set("'\"`$()*!;<>|\\ {}^")


def test_both_forms_of_the_host_are_told() -> None:
    """The one that is read, and the one that is looked up."""
    found = details("https://bücher.example/")
    assert (found.host, found.ascii_host) == ("bücher.example", "xn--bcher-kva.example")
