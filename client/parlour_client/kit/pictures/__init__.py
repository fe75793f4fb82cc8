"""Previews of pictures from strangers: decoded by another process, which may do nothing else."""
