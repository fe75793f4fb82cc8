"""Links: where they begin and end."""

import pytest

from parlour_client.text.links import find_links
from parlour_protocol.kit.text import safe_text


def links_in(text: str) -> list[str]:
    """Return the addresses in a text, and check that each is where it says it is."""
    safe = safe_text(text)
    found = find_links(safe)
    assert all(safe.plain[link.start : link.end] == link.text for link in found)
    return [link.text for link in found]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.example/x, then", ["https://a.example/x"]),
        ("https://a.example/x. And?", ["https://a.example/x"]),
        ("is it https://a.example/x?", ["https://a.example/x"]),
        ("(see https://a.example/b)", ["https://a.example/b"]),
        ("https://en.wikipedia.org/wiki/Bee_(insect)", ["https://en.wikipedia.org/wiki/Bee_(insect)"]),
        ("(https://en.wikipedia.org/wiki/Bee_(insect)).", ["https://en.wikipedia.org/wiki/Bee_(insect)"]),
        ("[a](https://a.example/)[b](https://b.example/)", ["https://a.example/", "https://b.example/"]),
        ("<https://a.example/>", ["https://a.example/"]),
        ('"https://a.example/"', ["https://a.example/"]),
        ("`https://a.example/x`", ["https://a.example/x"]),
        ("**https://a.example/x**", ["https://a.example/x"]),
        ("_https://a.example/x_", ["https://a.example/x"]),
        ("https://a.example/x_", ["https://a.example/x_"]),
        ("||https://a.example/x||", ["https://a.example/x"]),
        ("HTTPS://A.EXAMPLE/X", ["HTTPS://A.EXAMPLE/X"]),
        ("https://a.example/x\nhttps://b.example", ["https://a.example/x", "https://b.example"]),
        ("https://a.example/x\u200b", ["https://a.example/x"]),
        ("https://a.example/#:~:text=bee", ["https://a.example/#:~:text=bee"]),
        ("https://a.example/?a=1&b=[2]", ["https://a.example/?a=1&b=[2]"]),
        ("https://[2001:db8::1]:8443/x", ["https://[2001:db8::1]:8443/x"]),
        ("[https://[::1]/]", ["https://[::1]/"]),
        ("访问https://a.example/路径，谢谢", ["https://a.example/路径"]),  # noqa: RUF001
        ("「https://a.example/x」です", ["https://a.example/x"]),
        ("https://a.example을 보세요", ["https://a.example"]),
        ("https://ja.wikipedia.org/wiki/Python入門。", ["https://ja.wikipedia.org/wiki/Python入門"]),
        ("https://例え.jp/パス", ["https://例え.jp/パス"]),
        ("https://пример.рф", ["https://пример.рф"]),
        ("https://bücher.example…", ["https://bücher.example"]),
        ("https://a.example/x—see", ["https://a.example/x"]),
        ("https://a.example🎉", ["https://a.example"]),
        ("https://a.example/x🎉", ["https://a.example/x"]),
        ("https://a.example/x؟", ["https://a.example/x"]),
        ("mailto:ann@a.example.", ["mailto:ann@a.example"]),
        ("mailto:ann@a.example?subject=Bees", ["mailto:ann@a.example?subject=Bees"]),
        ("https://", []),
        ("http://.", []),
        ("https://-", []),
        ("mailto:?subject=x mailto:@ mailto:a@", []),
        ("xhttps://a.example git+https://a.example", []),
        ("javascript:alert(1) file:///etc/passwd ftp://a.example data:text/html,x", []),
        ("a.example www.a.example ann@a.example", []),
    ],
)
def test_a_link_ends_where_a_reader_sees_its_end(text: str, links: list[str]) -> None:
    """Neither the punctuation of the sentence nor the script around it belongs to the address."""
    assert links_in(text) == links
