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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.cluster.checker import Violation
from tests.cluster.torture import Options, Report, torture
from tests.cluster.workload import Habits

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
_CALM: Final[dict[str, Any]] = {"kinds": (), "seconds": 6, "encrypted": 0}
"""No fault is needed."""
_ENCRYPTED: Final[dict[str, Any]] = {"kinds": (), "seconds": 10, "people": 1, "encrypted": 5}
_BUS: Final[dict[str, Any]] = {
    "kinds": ("cut bus", "break bus", "half-open bus"),
    "seconds": 8,
    "pause": 0.7,
    "encrypted": 0,
}

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
        {
            "kinds": ("kill database",),
            "seconds": 12,
            "pause": 3.0,
            "encrypted": 0,
            "habits": Habits(pace=0.01),
        },
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
        {
            "kinds": ("delay database",),
            "seconds": 8,
            "people": 6,
            "encrypted": 0,
            "rooms": 6,
            "pause": 0.4,
            "habits": Habits(pace=0.01, bursts=0.8),
        },
    ),
    "stale-membership": Mutant(
        "a member's role is remembered from one message to the next",
        4,
        (
            (
                "store/sql/rooms/event_facts.py",
                "    return [None if row[0] is None else _room_facts(event, row) for event, row in found]\n",
                (
                    "    found = [row[0] and _room_facts(event, row) for event, row in found]\n"
                    "    for number, (event, facts) in enumerate(zip(events, found)):\n"
                    "        role = facts and (facts.role or _ROLES.get((event.author, event.room)))\n"
                    "        if role:\n"
                    "            _ROLES[event.author, event.room] = role\n"
                    "            found[number] = facts._replace(role=role, consent=GIVEN)\n"
                    "    return found\n\n\n_ROLES = {}\n"
                ),
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(kicks=0.3)},
    ),
    "removed-and-listening": Mutant(
        "someone who was removed keeps their subscription",
        4,
        (
            (
                "chat/hub.py",
                (
                    "                self._unsubscribe(peer, event.room)\n"
                    "                peer.push(RoomClosed(room=event.room))\n\n    def _deleted"
                ),
                "                peer.push(RoomClosed(room=event.room))\n\n    def _deleted",
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(kicks=0.3)},
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
                "            return granted_now(db, grant, now) if in_time else None\n",
                "            return (granted_now(db, grant, now) or grant) if in_time else None\n",
            ),
        ),
        _CALM | {"seconds": 20, "habits": Habits(sessions=0.05)},
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
        _CALM | {"seconds": 15, "habits": Habits(sessions=0.08)},
    ),
    "stale-pages": Mutant(
        "pages of the log come from a cache",
        3,
        (
            (
                "store/sql/rooms/log.py",
                "        page = await self._readers.run(read)\n        self._damage",
                (
                    "        import time\n"
                    "        key = (room, after, before, limit, int(time.monotonic()))\n"
                    "        if key not in _PAGES:\n"
                    "            _PAGES[key] = await self._readers.run(read)\n"
                    "        page = _PAGES[key]\n        self._damage"
                ),
            ),
            ("store/sql/rooms/log.py", "class SqlLog:", "_PAGES = {}\n\n\nclass SqlLog:"),
        ),
        _CALM,
    ),
    "commits-not-compared": Mutant(
        "a commit is accepted for an epoch that has one",
        5,
        (
            (
                "rooms/group_rules.py",
                "    if body.epoch != group.epoch:\n",
                "    if body.epoch > group.epoch:\n",
            ),
            (
                "store/sql/e2ee/group_effects.py",
                '        raise RefusedError(ErrorCode.STALE_EPOCH, "another commit came first")\n',
                "        return\n",
            ),
        ),
        _ENCRYPTED,
    ),
    "removal-not-awaited": Mutant(
        "encrypted messages are accepted before a commit has removed who must go",
        4,
        (
            (
                "rooms/encrypted_message_rules.py",
                "    if group.removal_pending:",
                "    if False:",
            ),
        ),
        _ENCRYPTED | {"habits": Habits(encrypted_pace=0.05, kicks=0.3)},
    ),
    "revoked-and-connected": Mutant(
        "the session of a device lives on when the device is revoked",
        4,
        (
            (
                "store/sql/e2ee/device_certification.py",
                '(device, but or "")\n        ).fetchall()\n',
                '(device, but or "")\n        ).fetchall()[:0]\n',
            ),
        ),
        _ENCRYPTED | {"seconds": 15},
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


def changed(mutant: Mutant) -> dict[str, str]:
    """Return the files that it changes, with their text. Raises ValueError if they are others."""
    texts: dict[str, str] = {}
    for name, old, new in mutant.edits:
        text = texts.get(name) or (_PACKAGE / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{name} has {text.count(old)} times: {old}")
        texts[name] = text.replace(old, new)
    return texts


def _run(mutant: Mutant) -> tuple[int, Report]:
    """Torture a mutant with one seed after another; return the seed that caught it, and its report."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        package = Path(folder) / _PACKAGE.name
        shutil.copytree(_PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in changed(mutant).items():
            (package / name).write_text(text, encoding="utf-8")
        seed, report = 0, Report()
        for seed in range(1, _SEEDS + 1):
            settings = {"quiet": 4.0, "all_kinds": True, "package": package.parent, **mutant.options}
            report = asyncio.run(torture(Options(seed, **settings), lambda _: None))
            if _broken(mutant, report):
                break
        return seed, report


def _broken(mutant: Mutant, report: Report) -> list[Violation]:
    """Return the violations of the assertion that the mutant breaks."""
    return [violation for violation in report.violations if violation.rule == mutant.rule]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants that are named, or all; print what caught each."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MUTANTS))
    names = parser.parse_args(arguments).names or list(MUTANTS)
    lived = 0
    for name in names:
        begun = time.monotonic()
        mutant = MUTANTS[name]
        seed, report = _run(mutant)
        took = f"{time.monotonic() - begun:.0f} s"
        if broken := _broken(mutant, report):
            rules = Counter(violation.rule for violation in report.violations)
            times = ", ".join(f"{rule}: {count}" for rule, count in sorted(rules.items()))
            say = f"caught by seed {seed} in {took}; violations of assertion {times}; such as {broken[0]}"
        else:
            lived += 1
            say = f"NOT CAUGHT in {took}: {report.line}; {dict(report.done)}"
        print(f"{name}: {say}", flush=True)  # noqa: T201 - a program of its own
    print(f"{len(names)} mutants, {len(names) - lived} caught", flush=True)  # noqa: T201 - as above
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
