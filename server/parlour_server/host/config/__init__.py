"""Where the values of the settings come from, and the commented file that `init` writes."""
