"""The state machines of `docs/explanation/audit.md`, drawn from the tables that the code runs by."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final

from parlour_client.core.e2ee.trust import sas
from parlour_protocol.kit import connection_state

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs/explanation/audit.md")
_BLOCK: Final = re.compile(r"(<!-- states: (\S+) -->).*?(<!-- end -->)", re.DOTALL)


def _word(part: Enum) -> str:
    return part.name.lower().replace("_", " ")


def drawn(transitions: Mapping[tuple[Enum, ...], Enum]) -> str:
    """Return a line for each two states with a way between them: from, what happens, to."""
    ways: dict[tuple[str, str], list[str]] = {}
    for (state, *event), to in transitions.items():
        ways.setdefault((_word(state), _word(to)), []).append(" ".join(map(_word, event)))
    rows = [(state, ", ".join(events), to) for (state, to), events in ways.items()]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(
        f"{state:<{first}} ── {events} {'─' * (second - len(events))}─▶ {to}" for state, events, to in rows
    )


def files() -> dict[Path, str]:
    """Return the page with its diagrams."""
    machines = {"connection": connection_state.TRANSITIONS, "words": sas.TRANSITIONS}
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    return {
        PAGE: _BLOCK.sub(
            lambda block: f"{block[1]}\n\n```text\n{drawn(machines[block[2]])}\n```\n\n{block[3]}", text
        )
    }
