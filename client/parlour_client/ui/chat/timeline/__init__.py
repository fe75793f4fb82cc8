"""The timeline: one widget that draws only the rows in sight, however many messages there are.

``heights`` adds up rows, ``wrap`` cuts text, ``rows`` turns an entry into rows, ``store`` keeps the entries,
``view`` is the widget. No message ever becomes a widget of its own.
"""

from parlour_client.ui.chat.timeline.widget import Timeline

__all__ = ["Timeline"]
