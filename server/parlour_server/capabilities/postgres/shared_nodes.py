"""The servers that share a database, and who is connected where: two tables, with the database's clock.

A server that does not renew its lease in time is gone for the others, and so are its people. Changes are
found by their time, with some overlap, because transactions commit in another order than they begin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.capabilities.postgres.shared_now import SHARED_NOW
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import ANYWHERE, Connection, WriteConnection
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import NodeId

_OVERLAP: Final = 5_000
"""Milliseconds; a transaction that takes longer is found with the next snapshot."""
_FORGET: Final = 120_000
"""Milliseconds after which the row of someone who is not connected any more is deleted."""
_END_OTHERS: Final = (
    "DELETE FROM nodes WHERE node IN"  # noqa: S608 - of ours
    f" (SELECT node FROM nodes WHERE until <= {SHARED_NOW} FOR UPDATE SKIP LOCKED) RETURNING node"
)
_RENEW: Final = f"UPDATE nodes SET until = {SHARED_NOW} + ? WHERE node = ? AND until > {SHARED_NOW}"  # noqa: S608 - of ours
_BEGIN: Final = (
    "INSERT INTO nodes (node, address, started, until)"  # noqa: S608 - of ours
    f" VALUES (?1, ?2, {SHARED_NOW}, {SHARED_NOW} + ?3)"
)
_PUT: Final = (
    "INSERT INTO node_accounts (account, node, connections, status, changed)"  # noqa: S608 - of ours
    f" SELECT account, ?1, connections, status, {SHARED_NOW}"
    " FROM unnest(?2::text[], ?3::int[], ?4::text[]) AS each (account, connections, status)"
    " ON CONFLICT (account, node) DO UPDATE SET connections = excluded.connections,"
    " status = excluded.status, changed = excluded.changed"
)
_CHANGED: Final = (
    "SELECT node, account, connections, status FROM node_accounts WHERE changed > ? AND node != ?"
)

_CONNECTIONS: Final = (
    "SELECT account, sum(connections) FROM node_accounts JOIN nodes USING (node)"  # noqa: S608 - of ours
    f" WHERE connections > 0 AND until > {SHARED_NOW} GROUP BY account"
)

_RUNNING: Final = f"SELECT address FROM nodes WHERE until > {SHARED_NOW}"  # noqa: S608 - of ours


@dataclass(frozen=True, slots=True)
class AccountAtNode:
    """How many connections someone has at a server, and the status that its program gave them."""

    node: NodeId
    user: UserName
    connections: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesSeen:
    """The other servers, as a server sees them when it renews its lease."""

    now: Millis
    """By the database's clock."""
    nodes: frozenset[NodeId]
    """The servers with a lease, this one too."""
    accounts: tuple[AccountAtNode, ...]
    """At other servers: those that changed, or all."""
    is_complete: bool


class SharedNodes:
    """The tables of servers."""

    def __init__(self, writer: Writer) -> None:
        """Use the store's writer."""
        self._writer = writer

    async def renew(
        self,
        node: NodeId,
        address: str,
        *,
        seconds: float,
        everyone: Mapping[UserName, tuple[int, str]],
        changed: Mapping[UserName, tuple[int, str]],
        since: Millis | None,
    ) -> NodesSeen:
        """Renew the lease of this server, and return what the others wrote since then (None: everything).

        ``changed`` are the people whose number of connections, or status, changed here; ``everyone`` is
        written if the lease had ended, and everything is returned then.
        """

        def write(db: WriteConnection) -> NodesSeen:
            # Its own row first, because it may have to wait for it; those of others are skipped if locked.
            millis = int(seconds * 1000)
            is_known = db.execute(_RENEW, (millis, node)).rowcount == 1
            if not is_known:
                _end(db, node)
                db.execute(_BEGIN, (node, address, millis))
            gone = [row[0] for row in db.execute(_END_OTHERS).fetchall()]
            if gone:
                db.execute("DELETE FROM node_accounts WHERE node = ANY(?)", (gone,))
            _put(db, node, changed if is_known else everyone)
            (now,) = db.execute(f"SELECT {SHARED_NOW}").fetchone()
            db.execute(
                "DELETE FROM node_accounts WHERE node = ? AND connections = 0 AND changed <= ?",
                (node, now - _FORGET),
            )
            after = since - _OVERLAP if since is not None and is_known else 0
            rows = db.execute(_CHANGED, (after, node)).fetchall()
            nodes = frozenset(NodeId(row[0]) for row in db.execute("SELECT node FROM nodes").fetchall())
            accounts = tuple(AccountAtNode(NodeId(row[0]), user_name(row[1]), *row[2:]) for row in rows)
            return NodesSeen(now=Millis(now), nodes=nodes, accounts=accounts, is_complete=after == 0)

        return await self._writer.submit(write, within=ANYWHERE)

    async def leave(self, node: NodeId) -> None:
        """Give up the lease: this server stops."""
        await self._writer.submit(lambda db: _end(db, node), within=ANYWHERE)


def connections(db: Connection) -> Mapping[str, int]:
    """Return how many connections each account has at all servers, of those that have any."""
    return {str(account): int(count) for account, count in db.execute(_CONNECTIONS).fetchall()}


def running(db: Connection) -> list[str]:
    """Return the addresses of the servers that use the database."""
    return [address for (address,) in db.execute(_RUNNING).fetchall()]


def _end(db: WriteConnection, node: NodeId) -> None:
    db.execute("DELETE FROM nodes WHERE node = ?", (node,))
    db.execute("DELETE FROM node_accounts WHERE node = ?", (node,))


def _put(db: WriteConnection, node: NodeId, accounts: Mapping[UserName, tuple[int, str]]) -> None:
    if accounts:
        names = [plain(user) for user in accounts]
        counts: list[Any] = [connections for connections, _ in accounts.values()]
        db.execute(_PUT, (node, names, counts, [status for _, status in accounts.values()]))
