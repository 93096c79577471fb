# %% [markdown]
# # Lesson 3 · The gap between validation and test
#
# **Claim.** Where the test is shifted, validation promises too much; images shifted in another way warn.
#
# A team had 96 % in validation and 67 % on the hidden test. Nothing leaked: the hidden images were made darker,
# blurred, stained, and validation was not. Could the team have known, without one hidden label?

# %%
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from harness.analysis.forecast import Forecast, errors, fit_line, from_shifted
from harness.analysis.shakeup import rank_correlation
from harness.format import percent
from harness.freeze.corruptions import PUBLIC
from harness.lessons import features, open_cells, slide
from harness.score.stats import wilson_interval

cells = open_cells(Path("workspace"))
train, val, shifted = (cells.load(split) for split in ("train", "val", "val_shifted"))
# You are the organiser here, and may look at the hidden labels; an entrant has the three splits above.
hidden, y_hidden = cells.hidden_images(), cells.hidden_labels()[0]
print({"train": len(train.labels), "val": len(val.labels), "val_shifted": len(val.labels), "hidden": len(y_hidden)})

# %% [markdown]
# ## A board of eighteen
#
# Three kinds of features, three classifiers, and each of them with images as they are, or with each image
# standardised: less its own mean, divided by its own spread. The labels of `val_shifted` are public; its corruptions
# are of other families than the hidden ones.


# %%
def standardised(images):
    levels = images.astype(np.float32)
    calm = (levels - levels.mean(axis=(1, 2), keepdims=True)) / (levels.std(axis=(1, 2), keepdims=True) + 1)
    return np.clip(128 + 50 * calm, 0, 255).astype(np.uint8)


PREPARED = {"as they are": lambda images: images, "standardised": standardised}
PARTS = {"grid": slice(0, 192), "levels": slice(192, None), "both": slice(None)}
CLASSIFIERS = {
    "ridge": lambda: RidgeClassifier(alpha=1.0),
    "5 neighbours": lambda: KNeighborsClassifier(5),
    "naive Bayes": lambda: GaussianNB(var_smoothing=1e-2),
}

models, scores = {}, {}  # accuracies on val, val_shifted and hidden
for how, prepare in PREPARED.items():
    parts = [(features(prepare(X)), y) for X, y in ((train.images, train.labels), (val.images, val.labels),
             (shifted.images, shifted.labels), (hidden, y_hidden))]  # fmt: skip
    for kind, columns in PARTS.items():
        for name, make in CLASSIFIERS.items():
            model = make().fit(parts[0][0][:, columns], parts[0][1])
            scores[how, kind, name] = [float((model.predict(X[:, columns]) == y).mean()) for X, y in parts[1:]]
            models[how, kind, name] = model

print(f"{'images':14}{'features':10}{'classifier':14}{'val %':>7}{'shifted %':>11}{'hidden %':>10}")
for key, three in sorted(scores.items(), key=lambda item: -item[1][2]):
    print(f"{key[0]:14}{key[1]:10}{key[2]:14}" + "".join(f"{percent(one, 1):>9}" for one in three))

# %% [markdown]
# ## The staircase
#
# How fast does a model fall? Corrupt the validation images yourself, step by step; the hidden test is somewhere down
# that staircase.

# %%
STEPS = range(6)
FAMILIES = [one for one in PUBLIC if one.name in ("gaussian_noise", "hue", "gamma_down", "gamma_up")]
few, rng = val.images[:120], np.random.default_rng(0)
stairs = {how: [] for how in PREPARED}
for severity in STEPS:
    sets = [few] if not severity else [
        np.array([family.apply(image, severity, rng) for image in few]) for family in FAMILIES
    ]  # fmt: skip
    for how, prepare in PREPARED.items():
        found = [(models[how, "both", "ridge"].predict(features(prepare(X))) == val.labels[:120]).mean() for X in sets]
        stairs[how].append(float(np.mean(found)))
for how, steps in stairs.items():
    print(f"{how:14}", " ".join(f"{percent(step, 1):>6}" for step in steps))

# %% [markdown]
# ## Three forecasts of the hidden score
#
# 1. What validation says, with its 95 % interval. 2. What shifted validation says. 3. A line through the entries that
# are on the board already: from their two public scores to their hidden one.

# %%
n_val, n_hidden = len(val.labels), len(y_hidden)
board = np.array(list(scores.values()))
for split, column in (("val", 0), ("val_shifted", 1)):
    tau, _ = rank_correlation(board[:, column], board[:, 2])
    print(f"Kendall's tau between the ranks on {split} and the hidden ones: {tau:.2f}")
forecasts = {"validation": [], "shifted validation": [], "line through the board": []}
for row, (clean, moved, _) in enumerate(board):
    others = np.delete(board, row, axis=0)
    line = fit_line(others[:, :2], others[:, 2], n_public=n_val, n_hidden=n_hidden)
    forecasts["validation"].append(Forecast(clean, *wilson_interval(round(clean * n_val), n_val)))
    forecasts["shifted validation"].append(from_shifted(moved, n_val, n_hidden))
    forecasts["line through the board"].append(line and line.predict([clean, moved]))
for way, made in forecasts.items():
    fared = errors(made, board[:, 2])
    print(
        f"{way:24} off by {percent(fared.mean_absolute, 1):>4} points, interval holds {percent(fared.covered, 0):>3} %"
    )

# %% [markdown]
# ## The figure

# %%
figure, (left, right) = slide("Clean validation does not see the shift coming", 2)
for how, steps in stairs.items():
    left.plot(STEPS, [100 * step for step in steps], drawstyle="steps-mid", lw=3, label=f"images {how}")
left.set(xlabel="severity of the corruption", ylabel="accuracy, %", title="the staircase", ylim=(0, None))
left.legend(loc="lower left")
for (way, made), marker in zip(forecasts.items(), "osd", strict=True):
    right.plot([100 * one.value for one in made], 100 * board[:, 2], marker, ms=9, alpha=0.8, label=way)
ends = [100 * board.min(), 100 * board.max()]
right.plot(ends, ends, color="0.5", lw=1)
right.set(xlabel="forecast, %", ylabel="measured on hidden images, %", title="eighteen entries")
right.legend(loc="upper left", fontsize=11)
figure.savefig("3-gap.png")

# %% [markdown]
# `hemobench submit` makes such a forecast for each entry before anybody looks at its public score, and `hemobench
# show` keeps it beside what came.
#
# ## Exercise
#
# Write `predict_hidden`: where the hidden accuracy of a new entry will lie, with 95 % certainty. `earlier` has a row
# for each entry on the board: its accuracy on val, on val_shifted, and on the hidden test. Return the ends of the
# interval. It is tried on many boards: it must hold the truth nearly as often as it says, and be of some use.

# %%
import numpy as np

from harness.lessons import check


def predict_hidden(val, val_shifted, earlier):
    """Return the lower and upper end of the interval, both from 0 to 1."""
    raise NotImplementedError


check(3, predict_hidden)
