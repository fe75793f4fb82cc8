"""How the kit's tables changed since the first release."""
