"""Device certificates, parsed and verified once each: a large group has hundreds for each message."""

from functools import lru_cache

from parlour_client.core.e2ee.identity.signing import verify
from parlour_protocol.identity import Certificate


@lru_cache(4096)
def read_certificate(data: bytes) -> Certificate:
    """Parse a certificate and verify its signature. Raises StatementError."""
    return Certificate.read(data, verify)
