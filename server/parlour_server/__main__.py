"""`python -m parlour_server` is the command `parlour-server`."""

from parlour_server.chat.cli import main

if __name__ == "__main__":
    main()
