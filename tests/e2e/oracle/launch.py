"""Runs the client's own command line with something changed first: `launch.py CHANGES ARGUMENT…`.

`impatient` waits a moment only before it connects again. The others take a defence out, to see the oracle
fail: `no-wire`, `no-rule`, `no-guard`, `no-anchor`, `no-veil`, `news` (which then tell whose), and
`raw=MODULE.NAME` for a function of a view that then shows text as it came. Commas join several. Tests use
it, and the refusals.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

from parlour_client.kit.transport import reconnector


def replace(module: ModuleType, name: str, function: Callable[..., object]) -> None:
    """Put a function in the place of one that the module has: a defence that moved cannot stay in unseen."""
    if name not in module.__dict__:
        raise AttributeError(f"{module.__name__} has no {name}")
    module.__dict__[name] = function


def impatient() -> None:
    """Wait at most a tenth of a second."""
    reconnector.RESTART_WAIT = reconnector.LONGEST_WAIT = 0.1  # type: ignore[misc]


def no_wire() -> None:
    """Take the first wall out: any text may cross the wire."""
    from parlour_protocol.kit import fields  # noqa: PLC0415 - only what is changed is loaded

    replace(fields, "check_wire_text", lambda *_given, **_limits: None)


def no_rule() -> None:
    """Take the second wall out: text is shown as it came."""
    from parlour_protocol.kit.text import line_classifier as judge  # noqa: PLC0415 - as above

    judge.LineClassifier.runs = lambda self: iter([(0, len(self._line), judge.Verdict.SHOWN)])  # type: ignore[method-assign]


def no_guard() -> None:
    """Take the third wall out: the terminal gets what the widgets drew."""
    from parlour_client.kit.terminal.guard import TerminalGuard  # noqa: PLC0415 - as above

    TerminalGuard._clean = staticmethod(lambda segment: segment)  # type: ignore[method-assign]


def no_anchor() -> None:
    """Take the anchoring out: the cursor stays where the terminal puts it."""
    from parlour_client.kit.terminal.column_anchoring import ColumnAnchors  # noqa: PLC0415 - as above

    ColumnAnchors.anchor = lambda _self, _widget, strips, _crop: strips  # type: ignore[method-assign]


def no_veil() -> None:
    """Take the anchors out of what shines through a dialog."""
    from parlour_client.kit.widgets.overlay import Overlay  # noqa: PLC0415 - as above

    del Overlay.render_lines


def news() -> None:
    """Let notifications say more than a number."""
    from parlour_client.ui import notifications as told  # noqa: PLC0415 - as above

    replace(told, "words", lambda _count: "New message of bob in Parlour")


def raw(where: str) -> None:
    """Let one function of a view return text as it came, without the rule."""
    from parlour_client.kit.widgets.safe import own  # noqa: PLC0415 - as above

    module, _, name = where.rpartition(".")
    kinds: dict[str, Callable[[str], object]] = {
        "peer": own,
        "peer_line": own,
        "safe_text": lambda text: SimpleNamespace(plain=text),
    }
    made = kinds.get(name, str)
    replace(importlib.import_module(module), name, lambda untrusted, *_given, **_named: made(untrusted))


CHANGES: dict[str, Callable[[], None]] = {
    "impatient": impatient,
    "no-wire": no_wire,
    "no-rule": no_rule,
    "no-guard": no_guard,
    "no-anchor": no_anchor,
    "no-veil": no_veil,
    "news": news,
}

if __name__ == "__main__":
    for change in sys.argv.pop(1).split(","):
        if change.startswith("raw="):
            raw(change.removeprefix("raw="))
        else:
            CHANGES[change]()
    from parlour_client.cli import main

    main()
