"""The attacks, by what they aim at. Each imports Parlour as it lies on the path: whole or not."""
