"""The commands that every server has. Importing this package loads click and nothing heavy."""
