"""The parts that a program is written with: `App`, topics, logs, and the hooks of capabilities."""
