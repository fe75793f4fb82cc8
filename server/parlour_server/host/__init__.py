"""Where a server runs: its command line, data folder, settings file, process, and the parts put together."""
