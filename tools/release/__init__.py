"""Builds a release and checks all of it that can be checked without a network."""
