"""Screens over the chat: questions, pages to read, settings. Esc always closes without an action."""
