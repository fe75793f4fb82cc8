"""The history of the tables of programs that have none of their own."""
