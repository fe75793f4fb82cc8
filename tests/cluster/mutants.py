"""Mutants of the server, and the run that catches each: a checker is believed when it finds what is wrong.

`make torture-mutants` (ARGS: names) copies the server's package, changes it in one place, and tortures nodes
of that copy, with further seeds until a violation is found. It exits with 1 if one is not caught.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.cluster.torture import Options, Report, torture

import parlour_server

_SEEDS: Final = 4
_PACKAGE: Final = Path(parlour_server.__file__).parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """One thing done wrong."""

    what: str
    rule: int
    """The assertion that it breaks."""
    edits: tuple[tuple[str, str, str], ...]
    """File in the package, what is there, what stands there instead."""
    options: dict[str, Any] = field(default_factory=dict)
    """How it is tortured: the shortest run that finds it."""


_ENGINE: Final = "kit/store/engine/postgres_engine.py"
_CALM: Final[dict[str, Any]] = {"kinds": (), "seconds": 6}
"""No fault is needed."""
_BUS: Final[dict[str, Any]] = {"kinds": ("cut bus", "break bus", "half-open bus"), "seconds": 8, "pause": 0.7}

MUTANTS: Final = {
    "ack-before-commit": Mutant(
        "a batch of messages is acknowledged, and committed with the next one",
        3,
        (
            (_ENGINE, 'execute(f"BEGIN; {_locks', 'execute(f"COMMIT; BEGIN; {_locks'),
            (
                _ENGINE,
                'connection.raw.execute("COMMIT")',
                'any(job.within for job in jobs) or connection.raw.execute("COMMIT")',
            ),
        ),
        _CALM,
    ),
    "ack-before-disk": Mutant(
        "`synchronous_commit` is off",
        1,
        ((_ENGINE, '"synchronous_commit": "on"', '"synchronous_commit": "off"'),),
        {"kinds": ("kill database",), "seconds": 12, "pause": 3.0, "pace": 0.01},
    ),
    "unsorted-locks": Mutant(
        "the locks of a batch's rooms are taken in any order",
        2,
        (
            (_ENGINE, "import hashlib\n", "import hashlib\nimport random\n"),
            (
                _ENGINE,
                "keys = sorted({_key(job.within) for job in jobs if job.within})",
                "keys = list({_key(job.within) for job in jobs if job.within}); random.shuffle(keys)",
            ),
        ),
        {"kinds": ("delay database",), "seconds": 12, "pace": 0.005, "people": 9, "rooms": 6, "pause": 0.4},
    ),
    "stale-membership": Mutant(
        "a member's role is remembered from one message to the next",
        4,
        (
            (
                "store/sql/rooms/event_facts.py",
                "    return [None if row[0] is None else RoomFacts._make(row) for row in rows]\n",
                (
                    "    found = [None if row[0] is None else RoomFacts._make(row) for row in rows]\n"
                    "    for number, (event, facts) in enumerate(zip(events, found)):\n"
                    "        role = facts and (facts.role or _ROLES.get((event.author, event.room)))\n"
                    "        if role:\n"
                    "            _ROLES[event.author, event.room] = role\n"
                    "            found[number] = facts._replace(role=role, consent=GIVEN)\n"
                    "    return found\n\n\n_ROLES = {}\n"
                ),
            ),
        ),
        _CALM | {"seconds": 10},
    ),
    "removed-and-listening": Mutant(
        "someone who was removed keeps their subscription",
        4,
        (
            (
                "chat/hub.py",
                (
                    "                self._unsubscribe(peer, event.room)\n"
                    "                peer.push(RoomClosed(room=event.room))\n\n    def _enter_soon"
                ),
                "                peer.push(RoomClosed(room=event.room))\n\n    def _enter_soon",
            ),
        ),
        _CALM | {"seconds": 10},
    ),
    "ticket-read-then-deleted": Mutant(
        "a ticket is read, and then deleted",
        5,
        (
            (
                "kit/store/accounts/shared_tickets.py",
                "            row = db.execute(_TAKE, (ticket,)).fetchone()\n",
                (
                    '            find = "SELECT" + _TAKE.partition("RETURNING")[2]\n'
                    '            find += " FROM tickets WHERE digest = ?"\n'
                    "            row = db.execute(find, (ticket,)).fetchone()\n"
                    '            db.execute("SELECT pg_sleep(0.02)")\n'
                    '            db.execute("DELETE FROM tickets WHERE digest = ?", (ticket,))\n'
                ),
            ),
        ),
        _CALM | {"seconds": 10},
    ),
    "ticket-of-an-ended-session": Mutant(
        "a ticket is taken whether its session still lives or not",
        4,
        (
            (
                "kit/store/accounts/shared_tickets.py",
                "            if live is None:\n",
                "            if not in_time:\n",
            ),
            (
                "kit/store/accounts/shared_tickets.py",
                "expires, live.device_id)",
                "expires, live and live.device_id)",
            ),
        ),
        _CALM | {"seconds": 20, "sessions": 0.05},
    ),
    "request-id-not-kept": Mutant(
        "a message's request id is not stored",
        1,
        (
            (
                "store/sql/rooms/plain_append.py",
                "[request for _, request in waiting]",
                "[None for _, request in waiting]",
            ),
        ),
        _CALM,
    ),
    "deletion-keeps-edits": Mutant(
        "a deletion leaves the message's edits",
        5,
        (
            (
                "store/sql/rooms/event_effects.py",
                '        " UNION ALL SELECT seq, kind FROM events WHERE room = ?1 AND target = ?2",\n',
                '        "",\n',
            ),
        ),
        _CALM | {"seconds": 12},
    ),
    "session-ends-untold": Mutant(
        "sockets stay open when their session has ended",
        4,
        (
            (
                "kit/connections/service.py",
                "        for peer in self._connected.with_sessions(sessions):\n",
                "        for peer in ():\n",
            ),
        ),
        _CALM | {"seconds": 15, "sessions": 0.05},
    ),
    "stale-pages": Mutant(
        "pages of the log come from a cache",
        3,
        (
            (
                "store/sql/rooms/log.py",
                "        events, more = await self._readers.run(read)\n",
                (
                    "        import time\n"
                    "        key = (room, after, before, limit, int(time.monotonic()))\n"
                    "        if key not in _PAGES:\n"
                    "            _PAGES[key] = await self._readers.run(read)\n"
                    "        events, more = _PAGES[key]\n"
                ),
            ),
            ("store/sql/rooms/log.py", "class SqlLog:", "_PAGES = {}\n\n\nclass SqlLog:"),
        ),
        _CALM,
    ),
    "gaps-stay": Mutant(
        "a gap in the numbers is not filled",
        2,
        (("chat/gap_filler.py", "        if not sequencer.filling:\n", "        if False:\n"),),
        _BUS,
    ),
    "gaps-skipped": Mutant(
        "an event is delivered although one before it is missing",
        2,
        (("chat/sequencer.py", "        if seq == self.last + 1:\n", "        if seq > self.last:\n"),),
        _BUS,
    ),
    "no-position-check": Mutant(
        "positions are not compared with the database",
        2,
        (
            (
                "chat/position_check.py",
                "        for some in _parts(tuple(self._hub.rooms) if rooms is None else rooms):\n",
                "        for some in ():\n",
            ),
        ),
        _CALM,
    ),
    "bus-drops": Mutant(
        "the bus drops what is published, and says nothing",
        2,
        (
            (
                "kit/bus/nats_bus.py",
                "        if self._running is None:\n            return\n",
                "        return\n",
            ),
        ),
        _CALM,
    ),
}


def changed(mutant: Mutant, folder: Path) -> Path:
    """Return the folder, with the changed package. Raises ValueError if the code is not what it changes."""
    package = folder / "parlour_server"
    shutil.copytree(_PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in mutant.edits:
        file = package / name
        text = file.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{name} has {text.count(old)} times: {old}")
        file.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def _run(mutant: Mutant) -> tuple[int, Report]:
    """Torture a mutant with one seed after another; return the seed that caught it, and its report."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        package = changed(mutant, Path(folder))
        seed, report = 0, Report()
        for seed in range(1, _SEEDS + 1):
            settings = {"quiet": 4.0, "all_kinds": True, "package": package, **mutant.options}
            report = asyncio.run(torture(Options(seed, **settings), lambda _: None))
            if report.violations:
                break
        return seed, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants that are named, or all; print what caught each."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MUTANTS))
    names = parser.parse_args(arguments).names or list(MUTANTS)
    lived = 0
    for name in names:
        begun = time.monotonic()
        seed, report = _run(MUTANTS[name])
        took = f"{time.monotonic() - begun:.0f} s"
        if report.violations:
            rules = sorted({violation.rule for violation in report.violations})
            say = f"caught by seed {seed} in {took}, rules {rules}: {report.violations[0]}"
        else:
            lived += 1
            say = f"NOT CAUGHT in {took}: {report.line}"
        print(f"{name}: {say}", flush=True)  # noqa: T201 - a program of its own
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
