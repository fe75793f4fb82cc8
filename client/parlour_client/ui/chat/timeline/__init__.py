"""The timeline: one widget that draws only visible rows, however many messages there are.

``heights`` sums rows, ``wrap`` wraps text, ``rows`` turns an entry into rows, ``store`` keeps the entries,
``positions`` has those of view and cursor, ``painter`` draws, ``widget`` owns
them. No message ever becomes a widget.
"""

from parlour_client.ui.chat.timeline.widget import Timeline

__all__ = ["Timeline"]
