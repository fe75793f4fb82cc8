"""The settings: what they are, where they are read from, and the file that explains them."""
