"""Messages that expire: what a server hides behind that, and what a wrong clock would delete."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import MissingEvents, Reason, complete
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import LabServer
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.requests import History
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name

_ROOM = RoomId("Zm9vYmFyYmF6cXV4cXV1eA")
_DAY = 86_400_000


@attack(
    "The server leaves out messages of yesterday, and says that they have expired",
    expects="They are reported as missing: the room keeps messages for seven days, or for ever.",
    stage=Stage.UNIT,
)
def young_called_expired(folder: Path, seen: Evidence) -> bool:
    del folder
    now = int(time.time() * 1000)
    ada, laptop = parse_user_name("ada"), parse_device_name("laptop")
    body = Message(text=MessageText.parse("hello"))
    page = [LogEvent(_ROOM, Seq(seq), Millis(now - _DAY), ada, laptop, body) for seq in (3, 6)]
    reported = 0
    for days in (7, None):
        seen.sent(f"events 3 and 6 of yesterday; all before 6 has expired; messages are kept {days} days")
        found = complete(
            History(id=new_request_id(), room=_ROOM, after=Seq(2)),
            page,
            kept_from=Seq(6),
            expiry=Expiry(days, Millis(now)),
        )
        (row,) = (one for one in found if isinstance(one, MissingEvents))
        seen.received(row.note.detail)
        reported += row.reason is Reason.WITHHELD
    return reported == 2


@attack(
    "The server's clock jumps a hundred days ahead, where messages are kept for thirty",
    expects="Nothing is removed before the clock has run on for a day.",
    stage=Stage.FOLDER,
    settings="[messages]\nkeep_days = 30\n",
)
def clock_jumps(server: LabServer, seen: Evidence) -> bool:
    # The clock can't be set here: instead the server looked at it a hundred days ago, when all was written.
    then = int(time.time() * 1000) - 100 * _DAY
    body = encode_body(Message(text=MessageText.parse("hello")))
    database = server.data / "parlour.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("DELETE FROM retention")
        db.execute(
            "INSERT INTO retention (id, kept_days, trusted, looked, held) VALUES (1, 30, ?, ?, 0)",
            (then, then),
        )
        db.execute("UPDATE entries SET at = ?", (then - 1,))
        db.execute("UPDATE logs SET head = head + 1")
        db.execute(
            "INSERT INTO entries (log, seq, at, author, device, kind, body)"
            " SELECT log, head, ?, 'ada', 'laptop', 'message', ? FROM logs",
            (then, body),
        )
    seen.sent("a message of the day before the jump; parlour-server disk prune")
    status, said = server.operate("disk", "prune")
    seen.received(said)
    with closing(sqlite3.connect(database)) as db:
        ((kept,),) = db.execute("SELECT count(*) FROM entries WHERE kind = 'message'")
    seen.observed(f"messages in the database: {kept}")
    return status == 0 and kept == 1
