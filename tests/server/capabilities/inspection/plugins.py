"""Inspectors of a package, as the tests let the server run them: good ones, and ones that break."""

import re
import sys
import time

from parlour_protocol.kit.inspect import Allow, Block, Context, Finding, Part, Text, Verdict


def no_shouting(part: Part, context: Context) -> Verdict:
    """Do what the operator set with texts in capitals."""
    if isinstance(part, Text) and part.text.isupper():
        assert not sys.stdin.read()
        print("this must not be taken for an answer")  # noqa: T201 - it does, as plug-ins do
        return context.verdict(Finding("shouting"))
    return Allow()


def never_ends(part: Part, _context: Context) -> Verdict:
    """Loop for ever on one word, crash on another, and block with a third."""
    text = part.text if isinstance(part, Text) else ""
    while text == "loop":
        pass
    if text == "regex":
        re.match(r"(a+)+$", "a" * 64 + "b")
    if text == "sleep":
        time.sleep(3600)
    if text == "crash":
        raise RuntimeError("a text with the secret hunter22")
    if text == "exit":
        raise SystemExit(3)
    if text == "nonsense":
        return "block"  # type: ignore[return-value]
    return Block((Finding("a bad word"),)) if text == "bad" else Allow()


def crashes(_part: Part, _context: Context) -> Verdict:
    """Raise an error that quotes the text."""
    raise ValueError("about 4111 1111 1111 1111")


def answers_nonsense(_part: Part, _context: Context) -> Verdict:
    """Return no verdict."""
    return "allow"  # type: ignore[return-value]
