"""The Parlour server: accepts, authenticates, orders, stores and fans out."""
