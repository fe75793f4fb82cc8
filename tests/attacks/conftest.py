"""One server process for all attacks of a file that leave it alive, and one with wide limits for floods.

A file has its own, so that what one file uses up (accounts of an address, tickets) is not missing in another.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import ALLOWED_ORIGIN, OTHER_ORIGIN

# Message limits are the defaults; deadlines never end, and one address may ask the API a lot.
_SETTINGS = f"""
[listen]
origins = ["{ALLOWED_ORIGIN}", "{OTHER_ORIGIN}"]
[connections]
tls_seconds = 120
request_seconds = 120
body_seconds = 120
per_address = 40
[rates]
http_per_minute = 100000
http_burst = 10000
[logins]
tickets_per_session = 10000
"""
_WIDE = """
[connections]
unsent_bytes = 65536
[rates]
messages_per_minute = 100000
message_burst = 10000
message_bytes_per_minute = 1000000000
message_bytes_burst = 100000000
requests_per_minute = 100000
request_burst = 10000
reads_per_minute = 1000000
read_burst = 100000
read_bytes_per_minute = 10000000000
read_bytes_burst = 10000000000
bytes_per_minute = 1000000000
bytes_burst = 100000000
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a running server that every attack must leave running."""
    made = RunningServer(tmp_path_factory.mktemp("server"))
    made.begin(_SETTINGS)
    yield made
    assert made.process is not None
    assert made.process.poll() is None, "an attack ended the server"
    made.stop()
    assert "Traceback" not in made.log.read_text()


@pytest.fixture(scope="module")
def session(server: RunningServer) -> str:
    """Return the session of someone with an account."""
    return server.session("mallory", invite=server.code())


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a running server of the test's own, which it may kill."""
    made = RunningServer(tmp_path_factory.mktemp("own"))
    made.begin()
    yield made
    made.kill()


@pytest.fixture
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server of the test's own that lets much through and cuts slow readers off early."""
    made = RunningServer(tmp_path_factory.mktemp("wide"))
    made.begin(_WIDE)
    yield made
    made.stop()
