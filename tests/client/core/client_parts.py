"""The way to the parts of a client, for tests and measurements of what no view sees; there is no other."""

from parlour_client.core.client import Client
from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms
from parlour_client.core.parts import Parts


def parts(client: Client) -> Parts:
    """Return what a client is made of, for tests of what no view sees: the archive, the outbox, the keys."""
    return client._parts


def encrypted_rooms(client: Client) -> EncryptedRooms:
    """Return the part that encrypts; fail the test if the client was made without a delivery service."""
    rooms = parts(client).encrypted_rooms
    assert rooms is not None
    return rooms
