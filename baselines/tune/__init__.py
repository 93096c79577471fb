"""The search for a better recipe: what may be chosen, the trials, and what they say."""
