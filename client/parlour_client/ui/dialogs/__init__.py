"""Screens over the chat: questions, pages to read, settings. Esc always leaves with nothing done."""
