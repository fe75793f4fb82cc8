"""The state of groups that only this device may use: keys, pending commits, the numbers of its messages."""

import apsw


def forget(connection: apsw.Connection) -> None:
    """Delete all of it, in the transaction that gives this home a new device: that one is in no group.

    The ids of groups stay; their epochs were the old device's, whose Welcomes the new one can't open. Texts
    stay: what the old device encrypted may be in a log, and the new one sends the rest under its own numbers.
    """
    connection.execute(
        "UPDATE mls_groups SET status = 'gone', epoch = -1, state = NULL, contest = NULL, request = NULL,"
        " ended = '[]'"
    )
    connection.execute("DELETE FROM mls_staged")
    connection.execute("UPDATE mls_rooms SET group_id = NULL, contested = 0")
    connection.execute("UPDATE mls_links SET number = 0, epoch_number = 0, older = 0")
    connection.execute("DELETE FROM mls_voids")
    connection.execute("UPDATE mls_sealed SET number = NULL, epoch = -1")
    connection.execute("UPDATE mls_ciphertexts SET number = NULL")
    connection.execute("UPDATE mls_places SET number = NULL WHERE number IS NOT NULL")
