"""The timeline: one widget that draws only the rows in sight, however many messages there are.

``heights`` adds up rows, ``wrap`` cuts text, ``rows`` turns an entry into rows, ``store`` keeps the entries,
``scroll_anchor`` and ``selection`` say where the view and the cursor are, ``painter`` draws, ``widget`` owns
them. No message ever becomes a widget.
"""

from parlour_client.ui.chat.timeline.widget import Timeline

__all__ = ["Timeline"]
