"""Figures of a run and of a comparison: one file each, pure functions from arrays to a PNG file."""
