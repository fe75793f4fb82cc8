"""The person who invited us to the server, and their account key: from the link, never from the server.

They are stored before the server is asked for an account, and the key is pinned as verified with the first
session, before the key log is read. So neither an answer that the server withholds nor the first key it shows
can replace the key in the link. Functions over a connection, durable ones.
"""

import json
from typing import Final

import apsw

from parlour_client.core.archive import alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.kit.language import _
from parlour_protocol.invite_link import Inviter
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName

_METHOD: Final = "invite link"


def keep(connection: apsw.Connection, server: str, inviter: Inviter) -> None:
    """Store what a link to ``server`` says until there is a session."""
    own_keys.put(connection, Name.INVITER, json.dumps([server, str(inviter)]).encode())


def pin(connection: apsw.Connection, server: str, now: Millis) -> None:
    """Pin the inviter's key as verified, if this is the server of the link.

    A key that was pinned before stays; if it is different, or the key log shows a different one, the person
    must decide.
    """
    kept = own_keys.get(connection, Name.INVITER)
    if kept is None:
        return
    own_keys.drop(connection, Name.INVITER)
    where, text = json.loads(kept)
    if where == server:
        inviter = Inviter.parse(text)
        _take(connection, inviter.user, bytes(inviter.key), now)


def _take(connection: apsw.Connection, user: UserName, key: bytes, now: Millis) -> None:
    known, logged = key_pins.find(connection, user), key_log_copy.account(connection, user)
    if known is not None and known.account_key != key:
        differs(connection, user, now)
        return
    key_pins.verify(connection, user, key, now, _METHOD)
    if logged is not None and logged.key != key:
        differs(connection, user, now)


def differs(connection: apsw.Connection, user: UserName, now: Millis) -> None:
    """Raise an alarm that a person's key differs from the one known before the server ever showed one."""
    key_pins.changed(connection, user)
    detail = _(
        "The server shows a different key for {user} than the invite link you joined with. "
        "Someone may be intercepting, or {user} has a new key since the link was made. Nothing "
        "is sent to {user} until you decide: compare the safety number with {user}, but not over "
        "this server."
    ).format(user=user)
    alarms.sound(connection, alarms.Kind.INVITER_KEY, user, now, detail)
