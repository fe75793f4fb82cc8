"""The server, all of it: tables that people sit at, and watch.

Each table is a log of steps. The rules decide inside the transaction that appends one, so of two moves at
once one is stored and the other refused; a step sent again is stored once.
"""

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_server.app.app import App
from parlour_server.app.log.log import Appended, Entry, Facts, LogRecord
from parlour_server.app.program_log import ProgramLog
from parlour_server.core.connections.peer import Peer
from parlour_server.core.errors import RefusedError
from parlour_server.core.program import Pending

from game.frames import (
    TABLES_PAGE,
    WIRE,
    Changed,
    Follow,
    Listed,
    ListTables,
    Play,
    Played,
    Steps,
    Table,
    Tables,
)
from game.rules import Act, IllegalActError, Match, Open, Step, after

app: App[None] = App(
    WIRE,
    messages_per_minute=120,
    command="python -m game.server",
)


def table_named(log: str) -> Table:
    """Return the table whose log has this name."""
    host, _, number = log.rpartition(" ")
    return Table(parse_user_name(host), int(number))


def _player(author: UserName | None) -> UserName:
    assert author is not None  # noqa: S101 - the server makes no steps of its own
    return author


def step_of(entry: Entry[Act]) -> Step:
    """Return an entry as clients see it."""
    return Step(entry.seq, entry.at, _player(entry.author), entry.body)


def listed(record: LogRecord[Match]) -> Listed:
    """Return a table as it is in the list."""
    match = record.state
    assert match is not None  # noqa: S101 - each step leaves one
    return Listed(
        table_named(record.log),
        record.head,
        red=match.red,
        yellow=match.yellow,
        moves=len(match.moves),
        turn=match.turn,
        end=match.end,
        winner=match.winner,
    )


tables: ProgramLog[Act, Match] = app.log(
    "table",
    body=Act,
    state=Match,
    push=lambda entry: Played(table_named(entry.log), step_of(entry)),
    summary=lambda record: Changed(listed(record)),
)


@app.on(ListTables, role="member")
async def list_tables(peer: Peer[None], ask: ListTables) -> Tables:
    """Send a page of the list, and what changes from now on."""
    name = None if ask.after is None else ask.after.name
    records, more = await tables.follow_list(peer, after=name, limit=TABLES_PAGE)
    return Tables(tuple(listed(record) for record in records), more)


@app.on(Follow, role="member")
async def follow(peer: Peer[None], ask: Follow) -> Steps:
    """Send the steps that the client doesn't have, and new ones from now on; older matches are left out."""
    name = ask.table.name
    record = await tables.find(name)
    if record is None or record.state is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "There is no such table.")
    peer.only(tables.list_topic)
    known = ask.after if ask.after <= record.head else 0  # from before a backup that was restored
    entries, _ = await tables.follow(peer, name, after=Seq(max(known, record.state.begin - 1)))
    return Steps(tuple(step_of(entry) for entry in entries))


@app.on(Play, role="member")
def play(peer: Peer[None], ask: Play) -> Pending[Appended[Entry[Act]]]:
    """Append a step, if the rules allow it."""
    if isinstance(ask.act, Open) and ask.table.host != peer.user:
        raise RefusedError(ErrorCode.FORBIDDEN, "Only its host begins a match at a table.")

    def decide(facts: Facts[Match]) -> Match:
        try:
            return after(facts.state, Step(Seq(facts.head + 1), facts.at, peer.user, ask.act))
        except IllegalActError as error:
            raise RefusedError(ErrorCode.NOT_NOW, str(error)) from error

    return tables.append(peer, ask, ask.table.name, ask.act, decide)


if __name__ == "__main__":
    app.main()
