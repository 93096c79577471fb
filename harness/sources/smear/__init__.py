"""The drawing of synthetic blood smears: exact arithmetic, no drawing library."""
