"""A counter that everyone shares: the smallest program on Parlour's kit, to begin from."""
