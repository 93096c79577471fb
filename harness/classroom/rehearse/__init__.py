"""The whole round of a class with drawn teams and planted entries, before a student is there."""
