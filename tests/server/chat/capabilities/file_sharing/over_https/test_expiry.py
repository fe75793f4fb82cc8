"""Files whose time is over: named by no one, their message deleted, their upload broken off."""

import os

import pytest
from tests.server.chat.capabilities.file_sharing.files import files
from tests.server.chat.capabilities.file_sharing.over_https.uploads import (
    DATA,
    on_disk,
    say,
    upload,
    uploaded,
)
from tests.server.chat.delivery.https.api_harness import LAPTOP, Village
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.frames.bodies import Deleted, RoomDeleted
from parlour_protocol.ids import new_file_id
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.expiry import FileEvent, FileExpiry
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import OutcomeUnknownError, UnavailableError


@pytest.fixture
def sweeper(store: ChatStore, folder: DataFolder, clock: StoppedClock, audit: ReadableAudit) -> FileExpiry:
    """Return what removes files."""
    return FileExpiry(files(store), BlobStore(files_of(folder)), clock, audit)


async def test_a_file_that_no_one_named_is_removed_after_an_hour(
    village: Village, folder: DataFolder, clock: StoppedClock, sweeper: FileExpiry, store: ChatStore
) -> None:
    """Its bytes and its record; one that was named stays, and so does one of an encrypted room."""
    ada = await village.person("ada")
    room = await village.room(ada, encrypted=False)
    secret = await village.room(ada, name="attic")
    named = (await upload(ada, room, b"named")).json()
    await say(village, ada, room, named)
    sealed = await uploaded(ada, secret, b"sealed")
    lost = (await upload(ada, room, b"lost")).json()
    assert lost["expires"] == clock.now() + 3_600_000
    await sweeper.sweep()
    assert len(on_disk(folder)) == 3
    clock.pass_seconds(3600)
    assert (await ada.ask("GET", f"/v1/files/{lost['file']}")).status_code == 404
    await sweeper.sweep()
    assert {path.name for path in on_disk(folder)} == {named["file"], sealed}
    assert (await files(store).used(ada.user))[0] == len(b"named") + len(b"sealed")


async def test_a_deleted_message_takes_its_file_with_it(
    village: Village,
    folder: DataFolder,
    clock: StoppedClock,
    sweeper: FileExpiry,
    store: ChatStore,
) -> None:
    """The next sweep removes the bytes."""
    ada = await village.person("ada")
    room = await village.room(ada, encrypted=False)
    stored = (await upload(ada, room)).json()
    await say(village, ada, room, stored)
    event = AppendEvent(room, ada.user, LAPTOP, new_request_id(), clock.now(), Deleted(target=Seq(2)), None)
    await store.log.append(event, decide)
    await sweeper.sweep()
    assert on_disk(folder) == []
    assert (await ada.ask("GET", f"/v1/files/{stored['file']}")).status_code == 404


async def test_a_deleted_room_takes_its_files_with_it(
    village: Village,
    folder: DataFolder,
    clock: StoppedClock,
    sweeper: FileExpiry,
    store: ChatStore,
) -> None:
    """As with a message: its members can't read them any more."""
    ada = await village.person("ada")
    room = await village.room(ada, encrypted=False)
    await upload(ada, room)
    event = AppendEvent(room, ada.user, LAPTOP, new_request_id(), clock.now(), RoomDeleted(), None)
    await store.log.append(event, decide)
    await sweeper.sweep()
    assert on_disk(folder) == []


async def test_an_upload_that_a_crash_broke_off_is_cleared_away(
    village: Village, folder: DataFolder, sweeper: FileExpiry, store: ChatStore, audit: ReadableAudit
) -> None:
    """Between its record and its place: both go at once; what is under way stays, however old it seems."""
    ada = await village.person("ada")
    room = await village.room(ada)
    file = await uploaded(ada, room, b"x")
    incoming = files_of(folder) / "incoming"
    (files_of(folder) / file).rename(incoming / file)
    under_way = new_file_id()
    async with BlobStore(files_of(folder)).receiving(under_way):
        os.utime(incoming / under_way, (1, 1))
        await sweeper.sweep()
        assert on_disk(folder) == [incoming / under_way]
        assert await files(store).used(ada.user) == (0, 0)
        assert FileEvent.FILES_REMOVED in audit.kinds()
    assert on_disk(folder) == []


async def test_an_upload_whose_record_could_not_be_deleted_is_cleared_away(
    village: Village,
    folder: DataFolder,
    sweeper: FileExpiry,
    store: ChatStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database stored it and was gone before it said so: the record would count for ever in this room."""
    ada = await village.person("ada")
    room = await village.room(ada)
    put = files(store).put

    async def put_and_fail(_store: FileStore, by: BySession, record: FileRecord) -> None:
        await put(by, record)
        raise OutcomeUnknownError

    async def fail(_store: FileStore, _files: object) -> None:
        raise UnavailableError

    with monkeypatch.context() as gone:
        gone.setattr(FileStore, "put", put_and_fail)
        gone.setattr(FileStore, "forget", fail)
        assert (await upload(ada, room)).status_code == 503
    assert (await files(store).used(ada.user))[0] == len(DATA)
    await sweeper.sweep()
    assert await files(store).used(ada.user) == (0, 0)
    assert on_disk(folder) == []


async def test_a_sweep_that_a_crash_broke_off_is_finished_by_the_next(
    village: Village, folder: DataFolder, sweeper: FileExpiry, store: ChatStore
) -> None:
    """It had taken the upload over and not yet forgotten its record."""
    ada = await village.person("ada")
    file = await uploaded(ada, await village.room(ada), b"x")
    (files_of(folder) / file).rename(files_of(folder) / "incoming" / file)
    assert await BlobStore(files_of(folder)).unfinished() == [file]
    await sweeper.sweep()
    assert on_disk(folder) == []
    assert await files(store).used(ada.user) == (0, 0)


async def test_a_sweep_beside_an_upload_that_is_being_finished(
    village: Village,
    folder: DataFolder,
    sweeper: FileExpiry,
    store: ChatStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its record is written and its file has no place yet: the sweep leaves both, whatever the clock says."""
    ada = await village.person("ada")
    room = await village.room(ada)
    put = files(store).put

    async def put_and_sweep(_store: FileStore, by: BySession, record: FileRecord) -> None:
        await put(by, record)
        for path in (files_of(folder) / "incoming").iterdir():
            os.utime(path, (1, 1))
        await sweeper.sweep()

    monkeypatch.setattr(FileStore, "put", put_and_sweep)
    file = await uploaded(ada, room)
    assert [path.name for path in on_disk(folder)] == [file]
    assert (await ada.ask("GET", f"/v1/files/{file}")).content == DATA
    assert await files(store).used(ada.user) == (len(DATA), len(DATA))


async def test_what_an_older_version_left_unfinished_is_cleared_away(
    folder: DataFolder, sweeper: FileExpiry
) -> None:
    """Uploads lay beside the files, as `ID.part`."""
    files_of(folder).mkdir(mode=0o700)
    (files_of(folder) / f"{new_file_id()}.part").write_bytes(b"half")
    BlobStore(files_of(folder)).open()
    await sweeper.sweep()
    assert on_disk(folder) == []


async def test_a_sweep_never_lists_the_files(
    village: Village, folder: DataFolder, sweeper: FileExpiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each deletion wakes it: what it costs must not grow with what others have uploaded."""
    ada = await village.person("ada")
    await uploaded(ada, await village.room(ada), b"x")
    listed: list[str] = []
    for name in ("scandir", "listdir"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda path=".", real=real: (listed.append(os.fspath(path)), real(path))[1]
        )
    await sweeper.sweep()
    assert listed == [os.fspath(files_of(folder) / "incoming")]
