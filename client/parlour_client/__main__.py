"""`python -m parlour_client` is `parlour`."""

from parlour_client.cli import main

if __name__ == "__main__":
    main()
