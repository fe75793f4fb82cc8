"""Servers with one thing done wrong each, as changes of the package, and how each is tortured."""

from dataclasses import dataclass, field
from typing import Any, Final

from tests.cluster.world import Habits


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


_ENGINE: Final = "capabilities/postgres/engine.py"
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
            "habits": Habits(pace=0.01, more={"burst": 100}),
        },
    ),
    "stale-membership": Mutant(
        "a member's role is remembered from one message to the next",
        4,
        (
            (
                "chat/store/sql/rooms/room_log_kind.py",
                "        if kind is None:\n",
                (
                    "        role = role or _ROLES.get((append.author, append.room))\n"
                    "        if role:\n"
                    "            _ROLES[append.author, append.room], consent = role, 'given'\n"
                    "        if kind is None:\n"
                ),
            ),
            ("chat/store/sql/rooms/room_log_kind.py", "_NO_ROOM = ", "_ROLES = {}\n_NO_ROOM = "),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"kick": 12})},
    ),
    "removed-and-listening": Mutant(
        "someone who was removed keeps their subscription",
        4,
        (
            (
                "chat/service/hub.py",
                (
                    "                self._unsubscribe(peer, event.room)\n"
                    "                peer.push(RoomClosed(room=event.room))\n\n    def _deleted"
                ),
                "                peer.push(RoomClosed(room=event.room))\n\n    def _deleted",
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"kick": 12})},
    ),
    "ticket-read-then-deleted": Mutant(
        "a ticket is read, and then deleted",
        5,
        (
            (
                "capabilities/postgres/tickets.py",
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
                "capabilities/postgres/tickets.py",
                "            return granted_now(db, grant, now) if in_time else None\n",
                "            return (granted_now(db, grant, now) or grant) if in_time else None\n",
            ),
        ),
        _CALM | {"seconds": 20, "habits": Habits(more={"session": 3})},
    ),
    "request-id-not-kept": Mutant(
        "a message's request id is not stored",
        1,
        (
            (
                "app/log/append.py",
                "author, device, request, tag, target, body))\n        self._bases",
                "author, device, None, tag, target, body))\n        self._bases",
            ),
        ),
        _CALM,
    ),
    "deletion-keeps-edits": Mutant(
        "a deletion leaves the message's edits",
        5,
        (
            (
                "chat/store/sql/rooms/event_effects.py",
                '        " UNION ALL SELECT seq, kind FROM entries WHERE log = ?1 AND target = ?2",\n',
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
                "core/connections/service.py",
                "        for peer in self._connected.with_sessions(sessions):\n",
                "        for peer in ():\n",
            ),
        ),
        _CALM | {"seconds": 15, "habits": Habits(more={"session": 3})},
    ),
    "stale-pages": Mutant(
        "pages of the log come from a cache",
        3,
        (
            (
                "app/log/stored_log.py",
                "        page: Page[E] = await self._readers.run(lambda db: read(db, self.kind))\n",
                (
                    "        import time\n"
                    "        key = (log, after, before, limit, int(time.monotonic()))\n"
                    "        if key not in _PAGES:\n"
                    "            _PAGES[key] = await self._readers.run(lambda db: read(db, self.kind))\n"
                    "        page = _PAGES[key]\n"
                ),
            ),
            ("app/log/stored_log.py", "class StoredLog(", "_PAGES = {}\n\n\nclass StoredLog("),
        ),
        _CALM,
    ),
    "commits-not-compared": Mutant(
        "a commit is accepted for an epoch that has one",
        5,
        (
            (
                "chat/consent/group_rules.py",
                "    if body.epoch != group.epoch:\n",
                "    if body.epoch > group.epoch:\n",
            ),
            (
                "chat/delivery/tables/group_effects.py",
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
                "chat/consent/encrypted_message_rules.py",
                "    if group.removal_pending:",
                "    if False:",
            ),
        ),
        _ENCRYPTED | {"habits": Habits(encrypted_pace=0.05, more={"kick": 4})},
    ),
    "revoked-and-connected": Mutant(
        "the session of a device lives on when the device is revoked",
        4,
        (
            (
                "chat/delivery/tables/device_certification.py",
                '(device, but or "")\n        ).fetchall()\n',
                '(device, but or "")\n        ).fetchall()[:0]\n',
            ),
        ),
        _ENCRYPTED | {"seconds": 15},
    ),
    "gaps-stay": Mutant(
        "a gap in the numbers is not filled",
        2,
        (("app/log/gap_filler.py", "        if not sequencer.filling:\n", "        if False:\n"),),
        _BUS,
    ),
    "gaps-skipped": Mutant(
        "an event is delivered although one before it is missing",
        2,
        (
            (
                "app/log/sequencer.py",
                "        if seq == self.last + 1:\n",
                "        if seq > self.last:\n",
            ),
        ),
        _BUS,
    ),
    "no-position-check": Mutant(
        "positions are not compared with the database",
        2,
        (
            (
                "app/log/position_check.py",
                "        for some in _parts(tuple(self._fanout.logs) if logs is None else logs):\n",
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
                "capabilities/nats/bus.py",
                "        if self._running is None:\n            return\n",
                "        return\n",
            ),
        ),
        _CALM,
    ),
    "invented-message": Mutant(
        "a message is stored a second time, with other words",
        1,
        (
            (
                "chat/service/commands.py",
                "        return self._log.append(event, self._decide)\n",
                (
                    "        if isinstance(body, Message):\n"
                    "            text = type(body.text)(body.text + '!')\n"
                    "            other = replace(event, request=new_request_id(), body=Message(text))\n"
                    "            self._log.append(other, self._decide).add_done_callback(\n"
                    "                lambda done: done.cancelled() or done.exception()\n"
                    "            )\n"
                    "        return self._log.append(event, self._decide)\n"
                ),
            ),
            (
                "chat/service/commands.py",
                "from dataclasses import dataclass\n",
                (
                    "from dataclasses import dataclass\nfrom msgspec.structs import replace\n"
                    "from parlour_protocol.kit.ids import new_request_id\n"
                ),
            ),
        ),
        _CALM,
    ),
    "refused-and-stored": Mutant(
        "each seventh event of a room is stored, and its sender is told that it was refused",
        1,
        (
            (
                "chat/service/commands.py",
                "        event = appended.entry\n        return Stored(",
                (
                    "        event = appended.entry\n"
                    "        if event.seq % 7 == 0:\n"
                    "            from parlour_server.core.errors import RefusedError\n"
                    '            raise RefusedError(ErrorCode.LIMIT_REACHED, "no")\n'
                    "        return Stored("
                ),
            ),
        ),
        _CALM,
    ),
    "unstored-join": Mutant(
        "joining makes a member, and no event",
        1,
        (
            (
                "app/log/append.py",
                "        insert(db, kind, log, entry, append.request, new)\n",
                (
                    '        if not (type(entry.body).__name__ == "Joined" and entry.seq % 3 == 0):\n'
                    "            insert(db, kind, log, entry, append.request, new)\n"
                ),
            ),
        ),
        _CALM,
    ),
    "shown-twice": Mutant(
        "each fifth event is delivered twice",
        2,
        (
            (
                "chat/service/hub.py",
                "            sequencer.out.put(text_frame(encode(event)))\n        self._apply",
                (
                    "            sequencer.out.put(text_frame(encode(event)))\n"
                    "            if event.seq % 5 == 0:\n"
                    "                sequencer.out.put(text_frame(encode(event)))\n"
                    "        self._apply"
                ),
            ),
        ),
        _CALM,
    ),
    "pages-with-holes": Mutant(
        "pages of the log leave edits out",
        2,
        (
            (
                "app/log/pages.py",
                "    damaged = tuple(",
                (
                    '    entries = [one for one in entries if "text=" not in repr(one.body)'
                    ' or "target" not in repr(one.body)]\n'
                    "    damaged = tuple("
                ),
            ),
        ),
        _CALM,
    ),
    "removed-and-listening-for-a-while": Mutant(
        "someone who was removed keeps their subscription for five seconds",
        4,
        (
            (
                "chat/service/hub.py",
                (
                    "                self._unsubscribe(peer, event.room)\n"
                    "                peer.push(RoomClosed(room=event.room))\n\n    def _deleted"
                ),
                (
                    "                self._loop.call_later(5, self._unsubscribe, peer, event.room)\n"
                    "                peer.push(RoomClosed(room=event.room))\n\n    def _deleted"
                ),
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"kick": 12})},
    ),
    "pages-for-anyone": Mutant(
        "the log is read without looking whether someone is a member",
        4,
        (
            (
                "chat/service/queries.py",
                "        if room not in peer.state.rooms:\n",
                "        if False:\n",
            ),
            (
                "chat/service/queries.py",
                (
                    "before=frame.before, limit=frame.limit\n        )\n"
                    "        await self._membership(peer, frame.room)\n"
                ),
                "before=frame.before, limit=frame.limit\n        )\n",
            ),
        ),
        _CALM,
    ),
    "mute-ignored": Mutant(
        "someone who is muted may write",
        4,
        (
            (
                "chat/permissions.py",
                "    if not rules.while_muted and in_force(author.muted_until, event.at):\n",
                "    if False:\n",
            ),
        ),
        _CALM | {"seconds": 10, "habits": Habits(more={"mute": 4})},
    ),
    "unmute-without-effect": Mutant(
        "someone who was muted stays muted",
        4,
        (
            (
                "chat/store/sql/rooms/event_effects.py",
                '    _lift(db, "mutes", event, body.who)\n',
                "    pass\n",
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"mute": 4})},
    ),
    "ban-ignored": Mutant(
        "someone who is banned may join",
        4,
        (
            (
                "chat/consent/membership_rules.py",
                "    if in_force(facts.author_banned_until, event.at):\n",
                "    if False:\n",
            ),
        ),
        _CALM | {"seconds": 10, "habits": Habits(more={"ban": 4})},
    ),
    "unban-without-effect": Mutant(
        "someone whose ban was lifted stays banned",
        4,
        (
            (
                "chat/store/sql/rooms/event_effects.py",
                'body: Unbanned) -> None:\n    _lift(db, "bans", event, body.who)\n',
                "body: Unbanned) -> None:\n    pass\n",
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"ban": 4})},
    ),
    "role-ignored": Mutant(
        "members may do what only moderators and owners may",
        4,
        (
            (
                "chat/permissions.py",
                "    if RANK[role] < RANK[lowest]:\n",
                "    if False:\n",
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"overreach": 4, "mute": 2, "role": 4})},
    ),
    "equals-not-spared": Mutant(
        "moderators may act on owners, and on each other",
        4,
        (
            (
                "chat/consent/moderation_rules.py",
                "    if RANK[author.role] <= RANK[subject.role]:\n",
                "    if False:\n",
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"kick": 8})},
    ),
    "role-without-effect": Mutant(
        "an appointed moderator may do no more than before",
        4,
        (
            (
                "chat/store/sql/rooms/event_effects.py",
                "    set_role(db, event.room, body.who, body.role)\n",
                "    pass\n",
            ),
        ),
        _CALM | {"seconds": 10},
    ),
    "invitation-after-its-withdrawal": Mutant(
        "an invitation that was withdrawn still lets the person in",
        4,
        (
            (
                "chat/consent/invitations.py",
                (
                    '    query = f"SELECT 1 FROM invitations WHERE room = ? AND account = ? AND {_OPEN}"'
                    "  # noqa: S608 - of ours\n"
                    "    return"
                ),
                (
                    '    query = "SELECT 1 FROM invitations WHERE room = ? AND account = ? AND expires > ?"\n'
                    "    return"
                ),
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"invite": 6})},
    ),
    "private-rooms-for-anyone": Mutant(
        "a private room is joined without an invitation",
        4,
        (
            (
                "chat/consent/membership_rules.py",
                "        or not (facts.author_invited or Action.JOIN in LOWEST_ROLE[facts.kind])\n",
                "",
            ),
        ),
        _CALM | {"seconds": 10, "habits": Habits(more={"invite": 6})},
    ),
    "reactions-stay": Mutant(
        "a deletion leaves the message's reactions",
        5,
        (
            (
                "chat/store/sql/rooms/event_effects.py",
                '        " UNION ALL SELECT seq, kind FROM entries WHERE log = ?1 AND target = ?2",\n',
                (
                    '        " UNION ALL SELECT seq, kind FROM entries WHERE log = ?1 AND target = ?2"\n'
                    "        \" AND kind != 'reacted'\",\n"
                ),
            ),
        ),
        _CALM | {"seconds": 15, "habits": Habits(more={"react": 20, "delete": 6})},
    ),
    "file-lost": Mutant(
        "a file ends with the message that names it",
        1,
        (
            (
                "chat/capabilities/file_sharing/records.py",
                '    db.execute("UPDATE files SET expires = NULL WHERE file = ?", (file,))\n',
                '    db.execute("UPDATE files SET expires = 1 WHERE file = ?", (file,))\n',
            ),
        ),
        _CALM | {"seconds": 10, "habits": Habits(more={"file": 4})},
    ),
    "file-for-anyone": Mutant(
        "a file is read by people who are not in its room",
        4,
        (
            (
                "chat/capabilities/file_sharing/records.py",
                "FROM files f JOIN members m ON m.room = f.room AND m.account = ?",
                "FROM files f JOIN accounts m ON m.account = ?",
            ),
        ),
        _CALM | {"seconds": 15, "habits": Habits(more={"file": 2, "download": 10, "kick": 6})},
    ),
    "file-of-a-deleted-message": Mutant(
        "a deletion leaves the message's file",
        5,
        (
            (
                "chat/capabilities/file_sharing/part.py",
                "        end_file(db, body.file.file, at)\n",
                "        pass\n",
            ),
        ),
        _CALM | {"seconds": 20, "habits": Habits(more={"file": 20, "delete": 20, "download": 40})},
    ),
    "two-direct-rooms": Mutant(
        "two people get another direct room each time",
        1,
        (
            (
                "chat/store/sql/rooms/room_creation.py",
                "    if row is not None:\n        return RoomId(row[0])\n",
                (
                    "    if row is not None:\n"
                    '        query = "UPDATE rooms SET low = NULL, high = NULL WHERE room = ?"\n'
                    "        db.execute(query, (row[0],))\n"
                ),
            ),
        ),
        _CALM | {"seconds": 12, "habits": Habits(more={"direct": 6})},
    ),
    "archived-and-written": Mutant(
        "a room that the operator archived is written in",
        4,
        (
            (
                "chat/rooms/rights.py",
                (
                    "    if facts.archived and facts.author is not None"
                    " and not _is_still_allowed(event.body):\n"
                ),
                "    if False:\n",
            ),
        ),
        _CALM | {"seconds": 15},
    ),
    "operator-told-nothing": Mutant(
        "a command of the operator is acknowledged, and not stored",
        1,
        (
            (
                "chat/cli/room_commands.py",
                (
                    "        await store.log.append(server_event(room, SystemClock().now(), body), decide)\n"
                    "        return room\n"
                ),
                "        return room\n",
            ),
        ),
        _CALM | {"seconds": 12},
    ),
}
