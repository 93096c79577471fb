"""Hostile entries, one idea a file, run through the real command; each beside an honest one that does nearly the same.

``entries/GROUP/IDEA.py`` holds two classes, `Attack` and `Honest`.  Its docstring begins with the goal; literals at its
top say what surrounds it, see `ideas.Idea`.  Attackers get more than a real one would: `kit.py` and the facts of the
machine, paths and numbers of everything worth reaching.  What they reach is decided from outside, see `arena.py`.

Out of scope: what a clock, a shared cache or the load of the machine tells about others.
"""
