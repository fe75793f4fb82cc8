"""The selected message. Moving skips rows other than messages and folded ones."""

from parlour_client.ui.chat.timeline.entries import Key, key_of
from parlour_client.ui.chat.timeline.rows import is_message
from parlour_client.ui.chat.timeline.store import Store


class Selection:
    """The selection of a timeline."""

    def __init__(self) -> None:
        self.key: Key | None = None
        """The selected entry; None: none is."""

    def index(self, store: Store) -> int | None:
        """Return the position of the selected entry."""
        if self.key is None:
            return None
        found = (at for at in range(len(store) - 1, -1, -1) if key_of(store.entries[at]) == self.key)
        return next(found, None)

    def next(self, store: Store, step: int, last_seen: int) -> int | None:
        """Return the next message above (-1) or below (+1); None if there is none.

        Without a selection a person starts at ``last_seen``, the lowest entry in the view.
        """
        index = self.index(store)
        at = index + step if index is not None else last_seen + (step > 0)
        while 0 <= at < len(store):
            if is_message(store.entries[at]) and not store.is_hidden(at):
                return at
            at += step
        return None
