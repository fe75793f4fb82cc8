"""The store: interfaces (`interface.py`), records (`types.py`) and one folder for each implementation."""
