"""What a program is written with: `App`, its parts, topics and logs, and what a capability may touch."""
