"""The store: interfaces (`interface`), records (`types`) and one folder for each implementation."""
