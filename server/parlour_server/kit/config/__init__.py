"""The settings: their definition, their sources, and the commented file that `init` writes."""
