"""Files whose time is over: named by nobody, their message deleted, their upload broken off."""

import os

import pytest
from tests.server.api.homes import LAPTOP, Village
from tests.server.api.uploads import on_disk, say, upload, uploaded
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.frames.bodies import Deleted
from parlour_protocol.ids import Seq, new_file_id, new_request_id
from parlour_server.audit import AuditEvent
from parlour_server.bus.interface import EventCommitted
from parlour_server.bus.local import LocalBus
from parlour_server.delivery.shelf import Shelf
from parlour_server.delivery.sweeping import Sweeper
from parlour_server.rooms.rights import decide
from parlour_server.setup.datafolder import DataFolder
from parlour_server.store.interface import Store
from parlour_server.store.types import AppendEvent


@pytest.fixture
def sweeper(
    store: Store, folder: DataFolder, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit
) -> Sweeper:
    """Return what removes files."""
    return Sweeper(store.files, Shelf(folder.files), bus, clock, audit)


async def test_a_file_that_nobody_named_is_removed_after_an_hour(
    village: Village, folder: DataFolder, clock: StoppedClock, sweeper: Sweeper, store: Store
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
    assert (await store.files.used(ada.user))[0] == len(b"named") + len(b"sealed")


async def test_a_deleted_message_takes_its_file_with_it(
    village: Village, folder: DataFolder, bus: LocalBus, clock: StoppedClock, sweeper: Sweeper, store: Store
) -> None:
    """Deleting is for good: the sweeper is woken by it, and the bytes are gone."""
    ada = await village.person("ada")
    room = await village.room(ada, encrypted=False)
    stored = (await upload(ada, room)).json()
    await say(village, ada, room, stored)
    event = AppendEvent(room, ada.user, LAPTOP, new_request_id(), clock.now(), Deleted(target=Seq(2)))
    appended = await store.log.append(event, decide)
    assert not sweeper._wanted.is_set()
    bus.publish(EventCommitted(appended.event))
    assert sweeper._wanted.is_set()
    await sweeper.sweep()
    assert on_disk(folder) == []
    assert (await ada.ask("GET", f"/v1/files/{stored['file']}")).status_code == 404


async def test_an_upload_that_a_crash_broke_off_is_cleared_away(
    village: Village,
    folder: DataFolder,
    clock: StoppedClock,
    sweeper: Sweeper,
    store: Store,
    audit: ReadableAudit,
) -> None:
    """Between its record and its name: both go, an hour later; what is under way stays."""
    ada = await village.person("ada")
    room = await village.room(ada)
    file = await uploaded(ada, room, b"x")
    part = folder.files / f"{file}.part"
    (folder.files / file).rename(part)
    fresh = folder.files / f"{new_file_id()}.part"
    fresh.write_bytes(b"y")
    now = clock.now() / 1000
    os.utime(part, (now - 3601, now - 3601))
    os.utime(fresh, (now - 10, now - 10))
    await sweeper.sweep()
    assert on_disk(folder) == [fresh]
    assert await store.files.used(ada.user) == (0, 0)
    assert AuditEvent.FILES_REMOVED in audit.kinds()
