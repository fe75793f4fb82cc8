"""The way to the parts of a client, for tests and measurements of what no view sees; there is no other."""

from parlour_client.core.client import Client
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.engine import Engine


def parts(client: Client) -> Engine:
    """Return what a client is made of, for tests of what no view sees: the archive, the outbox, the keys."""
    return client._running


def encrypted_rooms(client: Client) -> E2ee:
    """Return the part that encrypts."""
    return parts(client).e2ee
