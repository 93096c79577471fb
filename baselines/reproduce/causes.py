"""Why a row loses what it loses between validation and hidden test: one sentence a cause, each from measurements."""

from __future__ import annotations

from baselines.figures.style import spoken
from baselines.reproduce.row import Gap, Row
from baselines.weights import NONE
from harness.analysis.corruptions import UNTOUCHED, Tally
from harness.format import points
from harness.score.stats import wilson_interval

PART = "The largest part that can be told apart here"
LEARNT = 0.7  # accuracy on what it learnt from, below which a training has ended too early to say much of a model
FEWEST = 30  # images below which a family's accuracy says too little to be named


def share(hits: float, n: int) -> str:
    """Write a share with its interval and n.

    Examples
    --------
    >>> share(90, 100)
    '90.0 % (82.6–94.5, n = 100)'
    """
    low, high = wilson_interval(round(hits), n)
    return f"{100 * hits / n:.1f} % ({100 * low:.1f}–{100 * high:.1f}, n = {n:,})"


def spread(gap: Gap) -> str:
    """Write a paired difference in points, with its interval."""
    return f"{points(gap.value)} ({points(gap.low)} to {points(gap.high)})"


def explain(row: Row, other: Row | None, removed: int, *, has_other: bool = True) -> list[str]:
    """Return the sentences that say what a row's gap is made of; the first names the largest part.

    Parameters
    ----------
    other : Row or None
        The same model as the team had it, or as it should be: the opposite of `row`; None where it was not measured.
    has_other : bool
        Whether there is such a model.
    removed : int
        Images that cleaning took out of the public part.
    """
    hidden, gap = row.hidden, row.gap
    costs = {
        "the shift of the hidden test": shift_cost(row),
        "what sets the team's way apart": preprocessing_cost(row),
        "the statistics of batch normalisation": batchnorm_cost(row),
    }
    worst = max(costs, key=lambda cause: costs[cause] or 0.0)
    largest = costs[worst] or 0.0
    head = (
        f"Validation {share(row.val.value * row.val.n, row.val.n)}, hidden {share(hidden.value * hidden.n, hidden.n)}: "
        f"a gap of {points(gap).lstrip('+')} points."
    )
    if gap > 0 and largest > 0:
        part = "All of it" if largest >= gap else "Most of it" if largest >= gap / 2 else PART
        head += f" {part} is {worst}: {100 * largest:.0f} points."
    found = [head, *shift(row), *preprocessing(row, other, has_other), *batchnorm(row), leak(row, removed)]
    if row.recipe.augment not in ("none", "flips") and row.augmented is not None:
        first, last, learnt = (f"{100 * share:.0f} %" for share in (*row.augmented, row.train.value))
        found.append(
            f"Training accuracy: under {row.recipe.augment} augmentation it reads {first} in the first epoch and {last}"
            f" in the last, of images made hard on purpose; what it learnt is the {learnt} above."
        )
    if row.train.value < LEARNT:
        found.append("Its training ended before it had learnt the images it saw, so the row says little of the model.")
    if row.weights == NONE and row.recipe.freezes:
        found.append("Its backbone is random here: the row says what a head learns from features drawn by lot.")
    return found


def rate(tally: Tally) -> float:
    return tally.hits / tally.n


def shift_cost(row: Row) -> float | None:
    """Accuracy on hidden images that were left alone, less that on all; None where chance could make it."""
    untouched = row.families.get(UNTOUCHED)
    if untouched is None or untouched.n < FEWEST:
        return None
    low, _ = wilson_interval(untouched.hits, untouched.n)
    return rate(untouched) - row.hidden.value if low > row.hidden.high else None


def shift(row: Row) -> list[str]:
    found = []
    untouched = row.families.get(UNTOUCHED)
    if untouched and untouched.n:
        found.append(f"Shift: on hidden images left as they are it reaches {share(untouched.hits, untouched.n)}")
        chains = {n: tally for n, tally in row.chains.items() if n and tally.n}
        steps = ", ".join(f"{100 * rate(tally):.0f} % on chains of {n}" for n, tally in sorted(chains.items()))
        found[-1] += f", {steps}." if steps else "."
    families = {name: tally for name, tally in row.families.items() if name != UNTOUCHED and tally.n >= FEWEST}
    if len(families) > 2:
        by_rate = sorted(families, key=lambda name: rate(families[name]))
        low, high = by_rate[:2], by_rate[-1]
        told = " and ".join(
            f"{name.replace('_', ' ')} ({share(families[name].hits, families[name].n)})" for name in low
        )
        found.append(
            f"Hardest in a chain: {told}; mildest: {spoken(high)} ({share(families[high].hits, families[high].n)})."
        )
    return found


def preprocessing_cost(row: Row) -> float | None:
    """How much more the team's row loses to the right one on the hidden test than in validation: its part of the gap.

    None for a row that is right, or where the loss on the hidden test may be chance.
    """
    hidden, val = row.against_right.get("hidden"), row.against_right.get("val")
    return hidden.value - val.value if hidden is not None and val is not None and hidden.is_clear else None


def preprocessing(row: Row, other: Row | None, has_other: bool) -> list[str]:
    if other is None and has_other:
        return ["Preprocessing: the same model with the other preprocessing was not measured."]
    if other is None:
        return ["Preprocessing: this model divides by 255 itself, so the team's division was right for it."]
    team = row if row.as_team else other
    gaps = team.against_right
    right = other if row.as_team else row
    also = ""
    if team.recipe.augment != right.recipe.augment:
        also = (
            f" (the team's row also has {team.recipe.augment} augmentation and {team.recipe.train_limit or 'all'} "
            f"images, the right one {right.recipe.augment} and {right.recipe.train_limit or 'all'})"
        )
    verdict = {split: "clear" if gap.is_clear else "the interval holds 0" for split, gap in gaps.items()}
    # Seen from the right row, so that plus is always what the right preprocessing gains.
    sentence = (
        f"Preprocessing: the model's own instead of the team's division by 255{also} gains {spread(gaps['val'])} "
        f"points in validation ({verdict['val']}) and {spread(gaps['hidden'])} on the hidden test "
        f"({verdict['hidden']})."
    )
    if row.weights == NONE:
        sentence += (
            " Without pretrained weights there is nothing to be at odds with: what differs is the scale to begin on."
        )
    return [sentence]


def batchnorm_cost(row: Row) -> float | None:
    """What the statistics of the shifted images themselves gain; None where the two intervals overlap."""
    if row.adapted is None or row.adapted.trained.high >= row.adapted.shifted.low:
        return None
    return row.adapted.shifted.value - row.adapted.trained.value


def batchnorm(row: Row) -> list[str]:
    if row.adapted is None:
        return ["Batch normalisation: none in its backbone, so no statistics of clean images to be wrong by."]
    trained, shifted = row.adapted.trained, row.adapted.shifted
    still = row.recipe.frozen_share == 1 or row.recipe.frozen_batchnorm
    frozen = "it started with, frozen," if still else "of training"
    overlap = trained.high >= shifted.low and shifted.high >= trained.low
    return [
        f"Batch normalisation: with the statistics {frozen} it labels "
        f"{share(trained.value * trained.n, trained.n)} of a sample of the shifted validation set right, with those of "
        f"the shifted images themselves {share(shifted.value * shifted.n, shifted.n)}: "
        f"{points(shifted.value - trained.value)} points, intervals that {'overlap' if overlap else 'do not overlap'}."
    ]


def leak(row: Row, removed: int) -> str:
    learnt = f"{share(row.train.value * row.train.n, row.train.n)} of a sample of what it learnt from is right"
    more = points(row.train.value - row.val.value)
    return (
        f"Leak: cleaning took {removed:,} copies and strays out and no near duplicate straddles a split, so none of "
        f"the gap is images seen in training; {learnt}, {more} points against validation."
    )
