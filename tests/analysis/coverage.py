"""How often a 95 % interval holds the truth, and how often equal entries are called different, by simulation.

``python -m tests.analysis.coverage`` prints the table with 10,000 draws of each; ``--draws 1000`` is faster, and
``--slides --draws 2000`` prints that of slides alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from harness.analysis.compare import (
    compare_all,
    compare_all_drawn,
    draw_scores,
    mcnemar,
    mcnemar_by_group,
    paired_bootstrap,
)
from harness.analysis.forecast import difference_of_confidences, fit_line, from_shifted, from_shifted_and_misses
from harness.analysis.preview import predict_score
from harness.analysis.ranks import rank_ranges
from harness.analysis.seeds import pool_seeds
from harness.score.card import share_of, share_right
from harness.score.estimate import Estimate
from harness.score.metrics import METRICS, confusion_matrix
from harness.score.stats import by_group, metric_interval, metric_stretch, paired_interval, wilson_interval

SIZES = np.array([78, 199, 102, 189, 79, 93, 217, 156])  # the classes of a public half of 1,113 real images
SMALL = SIZES // 5  # and those of a fifth of it, 219 images
SHARES = np.arange(0.05, 1.0, 0.05)  # the grid over which Wilson's wobble is averaged


def confusing(recall: float, rng: np.random.Generator, classes: int = 8) -> np.ndarray:
    """Return P(label | true class), shape (classes, classes), with recalls around `recall` and uneven mistakes."""
    recalls = np.clip(recall + rng.uniform(-0.15, 0.15, classes) * min(1, 4 * (1 - recall)), 0, 1)
    wrong = rng.dirichlet(np.full(classes - 1, 0.6), classes)
    table = np.zeros((classes, classes))
    for true in range(classes):
        table[true, np.arange(classes) != true] = (1 - recalls[true]) * wrong[true]
        table[true, true] = recalls[true]
    return table


def wilson(n: int, share: float, draws: int, rng: np.random.Generator) -> float:
    limits = np.array([wilson_interval(hits, n) for hits in range(n + 1)])
    low, high = limits[rng.binomial(n, share, draws)].T
    return float(((low <= share) & (share <= high)).mean())


def wilson_over_shares(n: int, draws: int, rng: np.random.Generator) -> float:
    return float(np.mean([wilson(n, share, max(1, draws // 10), rng) for share in SHARES]))


def constant(sizes: np.ndarray, off: np.ndarray, share: float) -> np.ndarray:
    """Return a table that predicts the largest class, but for a `share` that is predicted as the rows of `off` say."""
    said = np.zeros(off.shape)
    said[:, sizes.argmax()] = 1
    return (1 - share) * said + share * off


def few(sizes: np.ndarray, rng: np.random.Generator) -> float:
    """Return the share of images that makes 1 to 30 of them, small numbers as often as large ones."""
    return min(0.5, float(np.exp(rng.uniform(0, np.log(30)))) / sizes.sum())


Model = Callable[[np.ndarray, np.random.Generator], np.ndarray]
# P(label | true class) for classes of these sizes, from what knows nothing to what knows nearly everything.
MODELS: dict[str, Model] = {
    "constant": lambda sizes, rng: constant(sizes, np.eye(len(sizes)), 0),
    "constant, few others": lambda sizes, rng: constant(
        sizes, np.full((len(sizes), len(sizes)), 1 / len(sizes)), few(sizes, rng)
    ),
    "constant, few others right": lambda sizes, rng: constant(sizes, np.eye(len(sizes)), few(sizes, rng)),
    "chance": lambda sizes, rng: np.full((len(sizes), len(sizes)), 1 / len(sizes)),
    "recall 0.3": lambda sizes, rng: confusing(0.3, rng, len(sizes)),
    "recall 0.7": lambda sizes, rng: confusing(0.7, rng, len(sizes)),
    "recall 0.95": lambda sizes, rng: confusing(0.95, rng, len(sizes)),
    "all but few right": lambda sizes, rng: confusing(1 - few(sizes, rng), rng, len(sizes)),
}
CONTESTS = {
    "8 classes, n = 1,113": SIZES,
    "8 classes, n = 219": SMALL,
    "8 classes, n = 78": SIZES // 14,
    "8 equal classes, n = 2,000": np.full(8, 250),
    "3 classes, 14 : 4 : 2, n = 2,000": np.array([1400, 400, 200]),
    "3 classes, n = 78": np.array([54, 16, 8]),
    "2 classes, n = 200": np.array([100, 100]),
}


def of_classes(
    metric: str, model: Model, draws: int, rng: np.random.Generator, contests: Iterable[np.ndarray] = CONTESTS.values()
) -> float:
    """Return how often the interval of `metric` holds, over `contests` in turn and models drawn anew."""
    covered, sizes = 0, list(contests)
    for draw in range(draws):
        of = sizes[draw % len(sizes)]
        said = model(of, rng)
        truth = float(METRICS[metric](of[:, None] * said))
        low, high = metric_interval(rng.multinomial(of, said), metric)
        covered += low - 1e-9 <= truth <= high + 1e-9  # a constant entry's score is the truth, but for rounding
    return covered / draws


def pooled(seeds: int, n: int, spread: float, ease: float, draws: int, rng: np.random.Generator) -> float:
    """Seeds whose skill varies by `spread` logits, on images whose difficulty does by `ease`: how often they share
    mistakes.
    """
    many = 1.5 + np.hypot(spread, ease) * np.random.default_rng(1).normal(0, 1, 1_000_000)
    truth, covered = float(_logistic(many).mean()), 0
    for _ in range(draws):
        skill = 1.5 + spread * rng.normal(0, 1, seeds)
        hits = (rng.random((seeds, n)) < _logistic(skill[:, None] + ease * rng.normal(0, 1, n))).sum(axis=1)
        found = pool_seeds([share_of(int(hit), n) for hit in hits])
        covered += found.low <= truth <= found.high
    return covered / draws


def _pair(draws: int, n: int, only_one: float, only_other: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield which of two entries had each image right, shape (2, n)."""
    for _ in range(draws):
        drawn = rng.random(n)
        yield np.stack([drawn < 0.5 + only_one, (drawn < 0.5) | (drawn > 1 - only_other)])


def paired(n: int, only_one: float, only_other: float, draws: int, rng: np.random.Generator) -> float:
    covered = 0
    for one, other in _pair(draws, n, only_one, only_other, rng):
        _, low, high = paired_interval(one, other)
        covered += low <= only_one - only_other <= high
    return covered / draws


def paired_resampled(
    metric: str, recalls: tuple[float, float], draws: int, rng: np.random.Generator, sizes: np.ndarray = SIZES
) -> float:
    """Two entries that often make the same mistake: the second says what the first does on half of the images."""
    first, second = (confusing(recall, np.random.default_rng(seed)) for seed, recall in enumerate(recalls))
    joint = 0.5 * np.einsum("tp,pq->tpq", first, np.eye(8)) + 0.5 * np.einsum("tp,tq->tpq", first, second)
    score = METRICS[metric]
    truth = float(score(sizes[:, None] * joint.sum(axis=2)) - score(sizes[:, None] * joint.sum(axis=1)))
    y_true, covered = np.repeat(np.arange(8), sizes), 0
    for _ in range(draws):
        cells = rng.multinomial(sizes, joint.reshape(8, 64))
        said = np.repeat(np.tile(np.arange(64), 8), cells.ravel())
        found = paired_bootstrap(y_true, said // 8, said % 8, score, rng, n_classes=8, draws=1000)
        covered += found.low <= truth <= found.high
    return covered / draws


def on_slides(
    slides: int, share: float, likeness: float, draws: int, rng: np.random.Generator, plain: bool = False
) -> float:
    """Accuracy on slides of some 30 images, of which each has an accuracy of its own, drawn from a beta distribution.

    `likeness` is the intraclass correlation: 0 of independent images, 1 where a slide is all right or all wrong.  Of
    nearest-centroid on the slides of the embedded source it is about 0.04.
    """
    sizes = np.maximum(1, np.random.default_rng(7).poisson(30, slides))
    groups, covered = np.arange(slides).repeat(sizes), 0
    shape = (1 - likeness) / likeness
    for _ in range(draws):
        right = rng.random(len(groups)) < rng.beta(share * shape, (1 - share) * shape, slides)[groups]
        found = share_right(right, None if plain else groups)
        covered += found.low <= share <= found.high
    return covered / draws


def classes_on_slides(metric: str, slides: int, likeness: float, draws: int, rng: np.random.Generator) -> float:
    """The same of a metric of four classes, of which every slide has some images, and of a slide's own difficulty."""
    groups = np.arange(slides).repeat(32)
    y_true, shape, covered = np.tile(np.arange(4), 8 * slides), (1 - likeness) / likeness, 0
    recalls = np.array([0.9, 0.8, 0.7, 0.6])
    wrong = (1 - recalls)[:, None] / 3 * (1 - np.eye(4))
    truth = float(METRICS[metric](8 * slides * (np.diag(recalls) + wrong)))
    for _ in range(draws):
        chances = rng.beta(recalls * shape, (1 - recalls) * shape, (slides, 4))[groups, y_true]
        said = np.where(rng.random(len(groups)) < chances, y_true, (y_true + rng.integers(1, 4, len(groups))) % 4)
        stretch = metric_stretch(y_true, said, metric, 4, groups)
        low, high = metric_interval(confusion_matrix(y_true, said, 4), metric, stretch)
        covered += low <= truth <= high
    return covered / draws


def pair_on_slides(slides: int, taste: float, draws: int, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield the limits of the difference of two equal entries, and McNemar's p, where slides suit them differently."""
    groups = np.arange(slides).repeat(30)
    for _ in range(draws):
        suits = taste * rng.normal(0, 1, slides)[groups]
        ease = rng.normal(0, 1, len(groups))
        right = rng.random((2, len(groups))) < _logistic(1.2 + ease + np.array([suits, -suits]))
        _, low, high = paired_interval(right[0], right[1], groups)
        one, other = by_group(right, groups)
        yield float(low <= 0 <= high), float(mcnemar_by_group(one - other))


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _rows(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return public (rows, 2) and hidden (rows,) accuracies of entries on a line, as measured on 891 and 1,113."""
    skill = rng.normal(0.8, 0.9, rows)
    shifted = -0.9 + 0.7 * skill + rng.normal(0, 0.4, rows)
    hidden = 0.2 + 0.1 * skill + 0.9 * shifted + rng.normal(0, 0.3, rows)
    public = rng.binomial(891, _logistic(np.column_stack([skill, shifted]))) / 891
    return public, rng.binomial(1113, _logistic(hidden)) / 1113


def line(rows: int, draws: int, rng: np.random.Generator) -> float:
    covered = 0
    for _ in range(draws):
        public, hidden = _rows(rows + 1, rng)
        fitted = fit_line(public[:-1], hidden[:-1], n_public=891, n_hidden=1113)
        found = fitted.predict(public[-1])
        covered += found.holds(hidden[-1])
    return covered / draws


def shifted(share: float, draws: int, rng: np.random.Generator) -> float:
    covered = 0
    for hits, true in zip(rng.binomial(891, share, draws), rng.binomial(1113, share, draws) / 1113, strict=True):
        covered += from_shifted(int(hits) / 891, 891, 1113).holds(true)
    return covered / draws


def shifted_macro_f1(draws: int, rng: np.random.Generator) -> float:
    """The same of a metric of classes, which `predict_score` takes for a share of an effective number of images."""
    covered, score = 0, METRICS["macro_f1"]
    for _ in range(draws):
        said = confusing(rng.uniform(0.2, 0.95), rng)
        here, there = (rng.multinomial(sizes, said) for sizes in (SIZES * 4 // 5, SIZES))
        shown = Estimate(float(score(here)), *metric_interval(here, "macro_f1"), int(here.sum()))
        found = predict_score(np.empty((0, 3)), metric="macro_f1", val=1.0, shifted=shown, n_hidden=int(there.sum()))
        covered += found["shifted"].holds(float(score(there)))
    return covered / draws


def shifted_and_misses(rows: int, draws: int, rng: np.random.Generator) -> float:
    """The hidden shift is as hard as the public one on average, and up to some logits harder or easier for an entry."""
    covered = 0
    for _ in range(draws):
        skill = rng.normal(0, 0.8, rows + 1)
        public = rng.binomial(891, _logistic(skill)) / 891
        hidden = rng.binomial(1113, _logistic(skill + rng.normal(0, 0.3, rows + 1))) / 1113
        found = from_shifted_and_misses(public[-1], public[:-1], hidden[:-1], 891, 1113)
        covered += found.holds(hidden[-1])
    return covered / draws


def confidences(draws: int, rng: np.random.Generator) -> float:
    """An entry that is 5 points too sure at home and away, and less sure away."""
    covered = 0
    for _ in range(draws):
        home, away = rng.beta(8, 2, 891), rng.beta(5, 3, 1113)
        found = difference_of_confidences(home + 0.05, rng.random(891) < home, away + 0.05)
        covered += found.holds((rng.random(1113) < away).mean())
    return covered / draws


def board(entries: int, n: int, spread: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return who had which image right, (entries, n), and what each is worth; `spread` 0 makes all equal.

    Images differ in difficulty, so that entries agree more than chance would have it.
    """
    skill = 1 + spread * rng.normal(0, 1, entries)
    ease = rng.normal(0, 1.5, n)
    return rng.random((entries, n)) < _logistic(skill[:, None] + ease), skill


def false_different(entries: int, n: int, draws: int, rng: np.random.Generator) -> float:
    """Return the share of boards of equal entries on which any two are called different."""
    return sum(bool(compare_all(board(entries, n, 0, rng)[0]).better.any()) for _ in range(draws)) / draws


def false_different_drawn(entries: int, n: int, draws: int, rng: np.random.Generator) -> float:
    """The same by the bootstrap of macro-F1."""
    found = 0
    score = METRICS["macro_f1"]
    said = confusing(0.7, np.random.default_rng(1))
    for _ in range(draws):
        y_true = np.sort(rng.integers(0, 8, n))
        labels = (rng.random((entries, n, 1)) > said.cumsum(axis=1)[y_true]).sum(axis=2)
        confusion = np.array([np.bincount(y_true * 8 + row, minlength=64).reshape(8, 8) for row in labels])
        drawn = draw_scores(y_true, labels, score, rng, n_classes=8, draws=1000)
        found += bool(compare_all_drawn(score(confusion), drawn).better.any())
    return found / draws


def ranks_held(entries: int, n: int, draws: int, rng: np.random.Generator) -> float:
    """Return the share of boards on which every range holds the entry's true rank."""
    covered = 0
    for _ in range(draws):
        right, skill = board(entries, n, 0.15, rng)
        ranks = (skill[:, None] < skill).sum(axis=1) + 1
        ranges = rank_ranges(compare_all(right).better)
        covered += all(found.best <= rank <= found.worst for found, rank in zip(ranges, ranks, strict=True))
    return covered / draws


def false_pair(n: int, draws: int, rng: np.random.Generator) -> float:
    """Return how often the McNemar test alone calls two equal entries different at 5 %."""
    differ = rng.binomial(n, 0.2, draws)
    gained = rng.binomial(differ, 0.5)
    return float((mcnemar(gained, differ - gained) <= 0.05).mean())


# Slides, accuracy, and how alike the images of a slide are.
SLIDES = (
    (5, 0.8, 0.05),
    (10, 0.8, 0.05),
    (10, 0.8, 0.2),
    (20, 0.7, 0.1),
    (20, 0.9, 0.1),
    (40, 0.8, 0.1),
    (40, 0.95, 0.1),
)
Simulation = Callable[[int, np.random.Generator], float]
INTERVALS: tuple[tuple[str, Simulation], ...] = (
    ("Wilson, n = 78, mean over p = 0.05 to 0.95", lambda draws, rng: wilson_over_shares(78, draws, rng)),
    ("Wilson, n = 1,113, mean over p", lambda draws, rng: wilson_over_shares(1113, draws, rng)),
    ("Wilson, n = 1,113, p = 0.73", lambda draws, rng: wilson(1113, 0.73, draws, rng)),
    ("Wilson, n = 1,113, p = 0.98", lambda draws, rng: wilson(1113, 0.98, draws, rng)),
    ("Wilson, n = 78, p = 0.98", lambda draws, rng: wilson(78, 0.98, draws, rng)),
    *(
        (f"{metric}, {name}", partial(of_classes, metric, model))
        for metric in ("macro_f1", "balanced_accuracy")
        for name, model in MODELS.items()
    ),
    ("2 seeds, n = 1,113, they share mistakes", partial(pooled, 2, 1113, 0.2, 3)),
    ("5 seeds, n = 1,113, they share mistakes", partial(pooled, 5, 1113, 0.2, 3)),
    ("5 seeds, n = 219, they share mistakes", partial(pooled, 5, 219, 0.2, 3)),
    ("5 seeds, n = 1,113, they hardly share any", partial(pooled, 5, 1113, 0.2, 0.5)),
    ("5 seeds, n = 1,113, of different skill", partial(pooled, 5, 1113, 1, 1.5)),
    *(
        (f"{slides} slides, {100 * share:.0f} % right, ICC {likeness}", partial(on_slides, slides, share, likeness))
        for slides, share, likeness in SLIDES
    ),
    *(
        (f"{metric}, {slides} slides, ICC 0.1", partial(classes_on_slides, metric, slides, 0.1))
        for metric in ("macro_f1", "balanced_accuracy")
        for slides in (10, 40)
    ),
    *(
        (
            f"paired, {slides} slides that suit either",
            lambda draws, rng, slides=slides: np.mean([held for held, _ in pair_on_slides(slides, 0.5, draws, rng)]),
        )
        for slides in (10, 40)
    ),
    ("paired, n = 1,113, 10 % against 7 %", lambda draws, rng: paired(1113, 0.10, 0.07, draws, rng)),
    ("paired, n = 100, 10 % against 7 %", lambda draws, rng: paired(100, 0.10, 0.07, draws, rng)),
    ("paired bootstrap, accuracy", lambda draws, rng: paired_resampled("accuracy", (0.75, 0.65), draws, rng)),
    ("paired bootstrap, macro-F1", lambda draws, rng: paired_resampled("macro_f1", (0.75, 0.65), draws, rng)),
    ("paired bootstrap, balanced", lambda draws, rng: paired_resampled("balanced_accuracy", (0.98, 0.96), draws, rng)),
    (
        "paired bootstrap, macro-F1, n = 219",
        lambda draws, rng: paired_resampled("macro_f1", (0.95, 0.93), draws, rng, SMALL),
    ),
    ("forecast, line through 8 rows", lambda draws, rng: line(8, draws, rng)),
    ("forecast, line through 40 rows", lambda draws, rng: line(40, draws, rng)),
    ("forecast, shifted validation, p = 0.6", lambda draws, rng: shifted(0.6, draws, rng)),
    ("forecast, shifted validation, p = 0.97", lambda draws, rng: shifted(0.97, draws, rng)),
    ("forecast, shifted validation, macro_f1, all kinds", shifted_macro_f1),
    ("forecast, shifted and 5 earlier misses", lambda draws, rng: shifted_and_misses(5, draws, rng)),
    ("forecast, shifted and 40 earlier misses", lambda draws, rng: shifted_and_misses(40, draws, rng)),
    ("forecast, difference of confidences", confidences),
)
DECISIONS: tuple[tuple[str, Simulation], ...] = (
    ("two equal entries, McNemar alone", lambda draws, rng: false_pair(1113, draws, rng)),
    *(
        (
            f"two equal entries, McNemar by group, {slides} slides",
            lambda draws, rng, slides=slides: np.mean([p <= 0.05 for _, p in pair_on_slides(slides, 0.5, draws, rng)]),
        )
        for slides in (10, 40)
    ),
    ("20 equal entries, n = 1,113", lambda draws, rng: false_different(20, 1113, draws, rng)),
    ("20 equal entries, n = 200", lambda draws, rng: false_different(20, 200, draws, rng)),
    ("20 equal entries, macro-F1 (n = 1,113)", lambda draws, rng: false_different_drawn(20, 1113, draws // 4, rng)),
    ("20 unequal entries, a range misses", lambda draws, rng: 1 - ranks_held(20, 1113, draws, rng)),
)


def table_of_slides(draws: int) -> str:
    """Return a table for ``docs/board.md``: how often plain and cluster intervals hold."""
    lines = ["| slides | images | right | ICC | Wilson, % held | by group, % held |", "|--:|--:|--:|--:|--:|--:|"]
    for slides, share, likeness in SLIDES:
        n = int(np.maximum(1, np.random.default_rng(7).poisson(30, slides)).sum())
        plain, clustered = (
            on_slides(slides, share, likeness, draws, np.random.default_rng(2024), plain=plain)
            for plain in (True, False)
        )
        lines.append(
            f"| {slides} | {n:,} | {100 * share:.0f} % | {likeness} | {100 * plain:.1f} | {100 * clustered:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--slides", action="store_true", help="Only the table of slides of docs/board.md.")
    draws, slides = (found := parser.parse_args()).draws, found.slides
    if slides:
        print(table_of_slides(draws))
        return
    print(f"95 % intervals of metrics of classes by contest, % held; {draws:,} draws")
    for metric in ("macro_f1", "balanced_accuracy"):
        for name, sizes in CONTESTS.items():
            covered = (
                100 * of_classes(metric, model, draws, np.random.default_rng(7), [sizes]) for model in MODELS.values()
            )
            print(f"  {metric}, {name}: " + ", ".join(f"{one:.1f}" for one in covered), flush=True)
    for title, simulations in (("95 % intervals, % held", INTERVALS), ("false decisions, %", DECISIONS)):
        print(f"\n{title}; {draws:,} draws")
        for name, simulate in simulations:
            print(f"  {name:<46}{100 * simulate(draws, np.random.default_rng(2024)):6.2f}", flush=True)


if __name__ == "__main__":
    main()
