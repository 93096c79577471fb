"""The exact test holds its level and gives Fisher's numbers; fingerprints survive what a copyist does to code."""

import itertools

import numpy as np
import pytest
from scipy.stats import fisher_exact

from harness.classroom.similar.code import fingerprints, overlap
from harness.classroom.similar.mistakes import agree

RNG = np.random.default_rng(11)


def test_with_one_wrong_label_and_no_peers_it_is_fishers_test():
    y_true = np.zeros(40, np.int64)
    for _ in range(20):
        one, other = (np.where(RNG.random(40) < 0.4, 1 - y_true, y_true) for _ in range(2))
        wrong, too = one != y_true, other != y_true
        table = [[(wrong & too).sum(), (wrong & ~too).sum()], [(~wrong & too).sum(), (~wrong & ~too).sum()]]
        assert agree(y_true, one, other, [], 2).p == pytest.approx(fisher_exact(table, "greater").pvalue)


def test_two_sorts_are_convolved_as_all_placings_say():
    y_true = np.zeros(7, np.int64)
    peer = np.array([1, 1, 1, 0, 0, 0, 0])
    one, other = np.array([1, 1, 0, 1, 0, 0, 0]), np.array([0, 1, 0, 1, 1, 0, 0])
    placings = [
        len(set(hard) & {0, 1}) + len(set(easy) & {3})
        for hard in itertools.combinations(range(3), 1)
        for easy in itertools.combinations(range(3, 7), 2)
    ]
    found = agree(y_true, one, other, [peer], 2)
    assert found.both == 2
    assert found.p == pytest.approx(np.mean(np.array(placings) >= 2))
    assert found.expected == pytest.approx(np.mean(placings))


def entries(n, n_images, copies=0):
    """Entries that miss an image with a chance of its own, and give it a wrong label of its own taste."""
    y_true = RNG.integers(0, 8, n_images)
    hard, taste = RNG.beta(0.3, 1, n_images), (y_true + RNG.integers(1, 8, n_images)) % 8
    said = [np.where(RNG.random(n_images) < hard, taste, y_true) for _ in range(n)]
    return y_true, said + [np.where(RNG.random(n_images) < 0.02, taste, said[0]) for _ in range(copies)]


def test_what_is_hard_for_all_is_no_agreement_and_a_copys_is():
    y_true, said = entries(20, 2000, copies=1)
    honest = agree(y_true, said[1], said[2], said[3:-1], 8)
    assert agree(y_true, said[1], said[2], [], 8).p < 1e-20, "by their accuracies alone they agree far too much"
    assert honest.p > 1e-6
    copied = agree(y_true, said[0], said[-1], said[1:-1], 8)
    assert copied.p < 1e-20 and copied.share > 0.9


@pytest.mark.parametrize("sure", [0.0, 0.02, 0.05])
def test_who_says_nearly_always_one_class_copies_nobody_who_does_too(sure):
    y_true = RNG.integers(0, 8, 500)
    one, other = (np.where(RNG.random(500) < sure, y_true, 3) for _ in range(2))
    found = agree(y_true, one, other, [], 8)
    assert found.share > 0.85 and found.p > 1e-3


def test_entries_without_mistakes_or_in_common_say_nothing():
    y_true = RNG.integers(0, 8, 50)
    found = agree(y_true, y_true, (y_true + 1) % 8, [], 8)
    assert (found.one, found.other, found.both, found.p, found.share) == (0, 50, 0, 1.0, 0.0)
    same = agree(y_true, (y_true + 1) % 8, (y_true + 1) % 8, [], 8)
    assert same.share == 1 and 0 <= same.p < 1e-40


CODE = """
import numpy as np
from PIL import Image

class Model:
    def __init__(self):
        self.net = load("weights.keras")  # ours

    def predict(self, X):
        views = [X, X[:, ::-1], np.rot90(X, 1, (1, 2))]
        total = np.zeros((len(X), 8))
        for at, view in enumerate(views):
            total += self.net.predict(view / 255.0) * (1.0 if at else 2.0)
        return total.argmax(axis=1).astype(np.int64)
"""


@pytest.mark.parametrize(
    "copy",
    [
        CODE.replace("views", "versions").replace("total", "sums").replace("view", "one").replace("at", "i"),
        CODE.replace("# ours", "# mine").replace("class Model:", 'class Model:\n    """Ours."""\n'),
        CODE.replace("    ", "\t").replace("255.0", "256").replace('"weights.keras"', "'w.h5'"),
        "def more():\n    return 1\n" + CODE + "\nprint('more')\n",
        CODE.replace("        total =", "\n        total ="),
    ],
)
def test_code_under_other_names_is_the_same(copy):
    assert overlap(fingerprints([CODE]), fingerprints([copy])).share > 0.8


def test_other_code_and_code_that_all_have_is_not():
    other = (
        "import os\nfor path in os.listdir('.'):\n    print(path.upper(), [len(part) for part in path.split('.')])\n"
    )
    assert overlap(fingerprints([CODE]), fingerprints([other * 3])).share < 0.2
    assert overlap(fingerprints([CODE]), fingerprints([CODE]), fingerprints([CODE])).both == 0
    assert fingerprints(["def f(:\n  'unended", "x = 1", ""]) == []
