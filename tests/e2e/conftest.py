"""Fixtures of the end-to-end tests: a server as a process, and two people with accounts on it."""

import signal
from collections.abc import Iterator

import pytest
from tests.e2e.processes import Person, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that runs."""
    server = Server(tmp_path_factory.mktemp("server"))
    server.command("init")
    # all commands come from one address, one after another without a person between them
    (server.data / "parlour.toml").write_text("[rates]\nhttp_per_minute = 100000\nhttp_burst = 10000\n")
    server.start()
    yield server
    server.kill(signal.SIGTERM)


@pytest.fixture(scope="module")
def ada(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Return a person with an account."""
    person = Person(tmp_path_factory.mktemp("ada") / "home", server)
    person.join("ada")
    return person


@pytest.fixture(scope="module")
def ben(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Return another."""
    person = Person(tmp_path_factory.mktemp("ben") / "home", server)
    person.join("ben")
    return person
