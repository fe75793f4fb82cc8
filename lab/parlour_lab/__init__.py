"""The laboratory: every attack that Parlour withstands, run against it with and without the defence."""
