"""Codabench as its own code reads a bundle and runs a submission (codalab/codabench, read in spring 2026)."""
