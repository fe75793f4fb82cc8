"""The Parlour client: core (no Textual), ui (Textual), plain (line mode), cli."""
