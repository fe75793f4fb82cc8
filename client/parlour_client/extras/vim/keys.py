"""The keys of the layer."""

from typing import Final

from parlour_client.kit.language import N_

KEYS: Final = {
    "chat.write": "i,a",
    "chat.search": "f3,slash",
    "chat.next_unread": "ctrl+n,n",
    "timeline.inspect": "I",
    "timeline.history": "H",
    "timeline.links": "O",
}
"""Those of the chat that it changes."""
OWN_KEYS: Final = {
    "top": ("g", N_("Twice: the oldest loaded message")),
    "down": ("j", N_("Down")),
    "up": ("k", N_("Up")),
    "half_down": ("ctrl+d", N_("Half a page down")),
    "half_up": ("ctrl+u", N_("Half a page up")),
    "left": ("h", N_("The pane to the left")),
    "right": ("l", N_("The pane to the right")),
    "next_room": ("J", N_("The next room")),
    "previous_room": ("K", N_("The previous room")),
    "open": ("o", N_("Write on a new line")),
    "command": ("colon", N_("Write a command")),
}
