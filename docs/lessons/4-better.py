# %% [markdown]
# # Lesson 4 · Is it better?
#
# **Claim.** Most differences between two runs are noise: of the images, and of the seed.
#
# "Ours has 71.2 %, theirs 69.7 %." On how many images? Trained how often? This lesson trains one recipe twenty times,
# and then asks which statements about two recipes survive.

# %%
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from harness.analysis.compare import mcnemar
from harness.analysis.seeds import pool_seeds
from harness.format import interval, p_value, percent, points, points_interval
from harness.lessons import features, open_cells, slide
from harness.score.card import share_of
from harness.score.stats import paired_interval

cells = open_cells(Path("workspace"))
train, val = cells.load("train"), cells.load("val")
X_train, X_val = features(train.images), features(val.images)
SEEDS = 10


def run(n_trees, seed):
    """Train once; return which images are right."""
    model = ExtraTreesClassifier(n_trees, random_state=seed).fit(X_train, train.labels)
    return model.predict(X_val) == val.labels


right = {
    "A: 20 trees": np.array([run(20, seed) for seed in range(SEEDS)]),
    "A again, other seeds": np.array([run(20, seed) for seed in range(100, 100 + SEEDS)]),
    "B: 25 trees": np.array([run(25, seed) for seed in range(200, 200 + SEEDS)]),
    "C: 200 trees": np.array([run(200, seed) for seed in range(300, 300 + SEEDS)]),
}
A, again, B, C = right.values()
n = len(val.labels)

# %% [markdown]
# ## One run against one run
#
# Two models on the same images are compared image by image: those that both have right, or both wrong, say nothing.
# McNemar's test looks at the rest.

# %%
for name, other in (("B", B), ("C", C)):
    gained, lost = int((other[0] & ~A[0]).sum()), int((A[0] & ~other[0]).sum())
    value, low, high = paired_interval(other[0], A[0])
    print(f"{name} less A, first seed of each: {points(value)} points ({points_interval(low, high)}), "
          f"only {name} right {gained}, only A right {lost}, {p_value(float(mcnemar(gained, lost)))}")  # fmt: skip

# %% [markdown]
# ## One recipe against itself
#
# Nothing but the seed differs between "A" and "A again". How far apart do single runs lie? How often is the better
# run of the two one of "A again"?


# %%
def single_runs(one, other):
    """Return the difference of every run of `one` to every run of `other`."""
    return (one.mean(axis=1)[:, None] - other.mean(axis=1)).ravel()


for name, other in (("A again", again), ("B", B), ("C", C)):
    gaps = single_runs(other, A)
    print(f"{name:8} less A: from {points(gaps.min())} to {points(gaps.max())} points; "
          f"a single run of A is ahead in {percent((gaps < 0).mean(), 0)} % of the pairs")  # fmt: skip

# %% [markdown]
# ## The recipe is the unit
#
# Who says "recipe C is better" speaks of all seeds and of all images of this kind. So pool: the mean over seeds, with
# an interval that knows of both. Ten seeds on the same images are not ten times as many images.

# %%
pooled = {}
for name, runs in right.items():
    pooled[name] = pool_seeds([share_of(int(one.sum()), n) for one in runs])
    print(f"{name:21} {percent(pooled[name].mean, 1)} ± {percent(pooled[name].sd, 1)} % over {SEEDS} seeds, "
          f"interval of the recipe {interval(pooled[name].low, pooled[name].high)}")  # fmt: skip

# %% [markdown]
# ## The best of ten
#
# What if only the best seed is reported? Choose it on one half of the images, and look at the other half.

# %%
half = np.arange(n) % 2 == 0
best = A[:, half].mean(axis=1).argmax()
print(f"best of {SEEDS} seeds on the first half: {percent(A[best, half].mean(), 1)} %, "
      f"all seeds there: {percent(A[:, half].mean(), 1)} %")  # fmt: skip
print(f"the same run on the second half:   {percent(A[best, ~half].mean(), 1)} %, "
      f"all seeds there: {percent(A[:, ~half].mean(), 1)} %")  # fmt: skip

# %% [markdown]
# ## The figure

# %%
figure, (left, right_side) = slide("One run says little about a recipe", 2)
COLOURS = ("#777777", "#0072b2", "#d55e00", "#009e73")
rng = np.random.default_rng(0)
for place, (name, runs) in enumerate(right.items()):
    found = 100 * runs.mean(axis=1)
    left.plot(place + rng.uniform(-0.15, 0.15, SEEDS), found, "o", alpha=0.7, ms=8, color=COLOURS[place])
    of = pooled[name]
    left.errorbar(place + 0.3, 100 * of.mean, [[100 * (of.mean - of.low)], [100 * (of.high - of.mean)]],
                  fmt="D", color="black", capsize=5)  # fmt: skip
left.set_xticks(range(len(right)), [name.replace(": ", ":\n").replace(", ", ",\n") for name in right])
left.set_ylabel("accuracy, % (black: the recipe, 95 %)")
for name, other in (("A again", again), ("B", B), ("C", C)):
    gaps = np.sort(100 * single_runs(other, A))
    right_side.step(gaps, np.arange(1, len(gaps) + 1) / len(gaps) * 100, lw=3, label=f"{name} less A")
right_side.axvline(0, color="0.5", lw=1)
right_side.set(xlabel="difference of two single runs, points", ylabel="pairs of runs below, %")
right_side.legend(loc="upper left")
figure.savefig("4-better.png")

# %% [markdown]
# `hemobench compare 1 2` does this for two entries, and the board corrects it for the number of pairs; entries that
# name the same `recipe` in their `entry.toml` are pooled over seeds.
#
# ## Exercise
#
# Write `verdict`: is recipe a better than recipe b? Each argument has shape (seeds, images), true where a run has an
# image right; the images are the same for both. Answer `"a"`, `"b"`, or `"unclear"` where it may be chance. Your
# function is tried on many pairs of recipes that are equally good, and on some that are not: of equal ones it may
# call about one in twenty different, and of clearly different ones it should find most.

# %%
import numpy as np

from harness.lessons import check


def verdict(a, b):
    """Return "a", "b" or "unclear"."""
    raise NotImplementedError


check(4, verdict)
