"""What the server's tests share: a real store, made by `init`, and what stands in for the rest."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.server.fakes import CHEAP, PASSWORD, MakeAccount, ReadableAudit, StoppedClock
from tests.server.shop_database import kit_database, new_kit_database  # noqa: F401 - fixtures

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name, skeleton
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors.challenges import SecondFactors
from parlour_server.capabilities.second_factors.security_keys import SecurityKeys
from parlour_server.capabilities.second_factors.settings import FactorSettings
from parlour_server.capabilities.second_factors.store import FactorStore
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.output import captured
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.records import InviteRecord, NewAccountRecord
from parlour_server.host.setup import migrate
from parlour_server.host.setup.initialise import initialise


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[list[dict[str, object]]]:
    """Collect what is logged, and take back what a command set up: logging is the process's own."""
    with captured() as events:
        yield events


@pytest.fixture
def clock() -> StoppedClock:
    """Return a clock that stands."""
    return StoppedClock()


@pytest.fixture
def audit() -> ReadableAudit:
    """Return an audit log that can be read."""
    return ReadableAudit()


@pytest.fixture
def bus() -> LocalBus:
    """Return a bus."""
    return LocalBus()


@pytest.fixture
def notices(bus: LocalBus) -> list[object]:
    """Return the notifications on the bus."""
    found: list[object] = []
    bus.subscribe(found.append)
    return found


@pytest.fixture
def told(store: ChatStore) -> list[LogEvent]:
    """Return the events that the log tells a running server of."""
    found: list[LogEvent] = []
    store.log.on_appended = lambda _, appended: found.extend((appended.entry, *appended.also))
    return found


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder as `init` makes it; tests copy it."""
    path = tmp_path_factory.mktemp("initialised") / "data"
    asyncio.run(initialise(CHAT, CHAT.folder(path), (), SystemClock()))
    return path


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the chat's database, once: only to be copied."""
    path = tmp_path_factory.mktemp("new") / "parlour.db"
    migrate.create(path, CHAT.schema)
    return path


@pytest.fixture
def database(new_database: Path, tmp_path: Path) -> Path:
    """Give the test a new SQLite database of the chat, without its first room."""
    return Path(shutil.copy(new_database, tmp_path / "parlour.db"))


@pytest.fixture
def folder(initialised: Path, tmp_path: Path) -> DataFolder:
    """Return a data folder of the test's own."""
    path = tmp_path / "data"
    shutil.copytree(initialised, path)
    path.chmod(0o700)
    return CHAT.folder(path)


@pytest.fixture
async def store(folder: DataFolder, clock: StoppedClock) -> AsyncIterator[ChatStore]:
    """Return an open store that `init` made."""
    opened = CHAT.make_store(SqliteEngine(folder.database), clock)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def factors(store: ChatStore, clock: StoppedClock, audit: ReadableAudit) -> SecondFactors:
    """Return the second factors of a server with this name."""
    keys = SecurityKeys("localhost")
    return SecondFactors(FactorStore(store, clock), keys, clock, clock, audit, FactorSettings())


@pytest.fixture
def passwords() -> Iterator[HashingPool]:
    """Return hashing that costs nothing."""
    found = HashingPool(threads=2, queue=50, hasher=CHEAP)
    yield found
    found.close()


@pytest.fixture
def make_account(store: ChatStore, clock: StoppedClock) -> MakeAccount:
    """Return a coroutine function that makes an account with the password ``PASSWORD``."""

    async def make(name: str = "anna", password_hash: str | None = None) -> UserName:
        user = parse_user_name(name)
        record = NewAccountRecord(user, skeleton(user), password_hash or CHEAP.hash(PASSWORD), clock.now())
        await store.accounts.create(record, None)
        return user

    return make


@pytest.fixture
async def invite(store: ChatStore, clock: StoppedClock) -> Secret:
    """Return the code of an invite for two accounts."""
    code = Secret.random()
    await store.accounts.add_invite(InviteRecord(code.digest(), 2, clock.now(), Millis(clock.now() + 60_000)))
    return code
