"""The key log: one tree of all statements of account keys."""

import asyncio
from collections.abc import Sequence

from tests.server.chat.store.encryption_world import Delivery
from tests.server.chat.store.world import FakeClock, World

from parlour_protocol.identity import Head
from parlour_protocol.kit.merkle import NO_ENTRIES, Tree
from parlour_server.chat.store.chat_store import ChatStore


def head_of(entries: Sequence[bytes]) -> Head:
    """Return the head of a log of these entries."""
    tree = Tree()
    for entry in entries:
        tree = tree.after(entry)
    return Head.of(tree)


async def test_an_empty_log_has_the_head_of_no_entries(delivery: Delivery) -> None:
    """Every log begins with it."""
    assert await delivery.store.keylog.head() == Head(0, NO_ENTRIES)
    assert await delivery.store.keylog.page(after=0, limit=10) == ([], Head(0, NO_ENTRIES))


async def test_the_head_commits_to_every_entry(delivery: Delivery) -> None:
    """Computed again from the entries, it is the head that the store says."""
    for number in range(3):
        await delivery.person(f"person{number}")
    entries, head = await delivery.store.keylog.page(after=0, limit=100)
    assert head == head_of(entries) == await delivery.store.keylog.head()
    assert head.size == len(entries) == 6


async def test_a_policy_is_appended_when_it_changes(delivery: Delivery, clock: FakeClock) -> None:
    """D24: in the same log; the same one again, or an empty first one, adds nothing."""
    log = delivery.store.keylog
    assert not await log.publish_policy(clock.now(), b"", is_empty=True)
    await delivery.person("ana")
    added = [
        await log.publish_policy(clock.now(), data, is_empty=not data)
        for data in (b"one", b"one", b"two", b"", b"")
    ]
    assert added == [True, False, True, True, False]
    entries, head = await log.page(after=0, limit=100)
    assert head == head_of(entries)
    assert head.size == 5


async def test_entries_by_two_servers_are_one_log(
    delivery: Delivery, administration: ChatStore, clock: FakeClock
) -> None:
    """Both append at once, and neither hangs its entry on a head that the other has replaced."""
    servers = (delivery, Delivery(World(administration, clock)))
    servers[1]._numbers = servers[0]._numbers  # no session, and no key, twice
    await asyncio.gather(*(servers[number % 2].person(f"person{number}") for number in range(6)))
    entries, head = await delivery.store.keylog.page(after=0, limit=100)
    assert head_of(entries) == head == await administration.keylog.head()
    assert head.size == 12


async def test_the_log_is_read_page_by_page(delivery: Delivery) -> None:
    """Each page has the head of the whole log; after the last one there is nothing."""
    for number in range(3):
        await delivery.person(f"person{number}")
    everything, head = await delivery.store.keylog.page(after=0, limit=100)
    found = []
    for after in (0, 2, 4):
        page, of_page = await delivery.store.keylog.page(after=after, limit=2)
        assert (len(page), of_page) == (2, head)
        found += page
    assert found == everything
    assert await delivery.store.keylog.page(after=6, limit=2) == ([], head)


async def test_two_servers_write_one_log(delivery: Delivery, administration: ChatStore) -> None:
    """No entry is lost, none has the number of another."""
    people = await delivery.world.people(6)
    stores = [delivery.store, administration] * 3
    requests = [await delivery.by(user) for user in people]
    await asyncio.gather(
        *(
            store.devices.publish_account_key(by, delivery.key(), delivery.entry(), replaces=None)
            for store, by in zip(stores, requests, strict=True)
        )
    )
    entries, head = await administration.keylog.page(after=0, limit=100)
    assert head == head_of(entries)
    assert len(set(entries)) == 6
