"""Goal: replace the metric by one that always says 1.

The class that scores would have to live in the entry's own process.
"""

import sys

from kit import Chance, facts, trial

HELD = "the process of the entry, which scores nothing: that happens in another, after this one is dead"


class Attack(Chance):
    def __init__(self):
        with trial("patch every metric"):
            sys.path.append(facts.project)
            from harness.score import card, metrics

            for name in metrics.METRICS:
                metrics.METRICS[name] = lambda confusion: 1.0
            card.score_split = lambda *given: None


class Honest(Chance):
    """Patches a function of its own."""

    def __init__(self):
        Honest.predict = lambda self, X: [1] * len(X)
