"""The person's readable history in a sealed copy that only the recovery words open."""
