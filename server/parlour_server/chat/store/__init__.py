"""The store of the chat: its tables, its records, and all SQL about rooms."""
