"""Where the view stands, and which message is selected, without a screen."""

from tests.client.ui.ui_fake import ALICE, BOB, LOBBY, FakeClient

from parlour_client.ui.chat.timeline.positions import ScrollAnchor, Selection
from parlour_client.ui.chat.timeline.store import Store

HEIGHT = 10


def stored(client: FakeClient, count: int = 40) -> Store:
    """Return the lobby with so many more messages."""
    for number in range(count):
        client.say(LOBBY, BOB, f"message {number}")
    store = Store(ALICE, client.logs[LOBBY])
    store.estimate(40)
    return store


def test_it_follows_until_the_person_scrolls_up_and_again_at_the_end(client: FakeClient) -> None:
    """What is at the top stays there when more comes in below."""
    store, anchor = stored(client), ScrollAnchor()
    end = anchor.top(store, HEIGHT)
    assert end == store.total - HEIGHT
    anchor.scrolled_to(store, end - 5, HEIGHT)
    assert not anchor.follows
    entry = anchor.entry
    store.put(client.say(LOBBY, BOB, "one more"))
    top = anchor.top(store, HEIGHT)
    assert store.entries[store.find(top)[0]] is entry
    anchor.scrolled_to(store, store.total, HEIGHT)
    assert anchor.follows


def test_older_messages_above_move_nothing(client: FakeClient) -> None:
    """The row of the top changes, the entry there does not."""
    whole = stored(client)
    store, anchor = Store(ALICE, whole.entries[20:]), ScrollAnchor()
    store.estimate(40)
    anchor.hold(store.entries[3], 0)
    before = anchor.top(store, HEIGHT)
    store.prepend(whole.entries[:20])
    after = anchor.top(store, HEIGHT)
    assert after > before
    assert store.entries[store.find(after)[0]] == store.entries[23]


def test_a_message_is_brought_into_view_by_as_little_as_possible(client: FakeClient) -> None:
    """Up to the top edge, or down to the bottom edge; not at all where it is in view."""
    store, anchor = stored(client), ScrollAnchor()
    anchor.hold(store.entries[10])
    top = anchor.top(store, HEIGHT)
    anchor.bring_into_view(store, 11, top, HEIGHT)
    assert anchor.entry is store.entries[10]
    anchor.bring_into_view(store, 5, top, HEIGHT)
    assert anchor.entry is store.entries[5]
    anchor.bring_into_view(store, 30, top, HEIGHT)
    assert store.top(30) + store.height(30) == anchor.top(store, HEIGHT) + HEIGHT


def test_selecting_passes_over_what_is_no_message(client: FakeClient) -> None:
    """From the newest upwards, and to none below it."""
    store, selection = stored(client, 2), Selection()
    newest = selection.next(store, -1, len(store) - 1)
    assert newest == len(store) - 1
    assert selection.next(store, 1, len(store) - 1) is None
    first = next(at for at, entry in enumerate(store.entries) if entry.text)
    selection.key = store.entries[first].seq
    assert selection.index(store) == first
    assert selection.next(store, -1, 0) is None  # above it stands only that the room was created
