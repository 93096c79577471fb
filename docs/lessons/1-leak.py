# %% [markdown]
# # Lesson 1 · The leak
#
# **Claim.** Copies of an image on both sides of a split lift validation accuracy, and nothing else.
#
# One cell, photographed twice, stands twice in a data set. A random split puts one into training and the other into
# validation. How much better does a model then look, and for which kind of model? Guess before you run the next
# cells: if 40 % of the images have a near copy, by how many points is validation too high?

# %%
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from harness import api
from harness.format import percent, points
from harness.lessons import features, open_cells, slide

WORKSPACE = Path("workspace")
cells = open_cells(WORKSPACE)  # draws and freezes 1,500 images the first time
old, new = cells.load("train"), cells.load("val")
print(f"{len(old.labels)} images to train and validate with, {len(new.labels)} new ones that no model here ever sees")

# %% [markdown]
# ## Copies, as they happen
#
# Moved by up to three pixels, a little lighter or darker, with other noise: nobody would say that these are two
# cells.


# %%
def copy_of(image, rng):
    moved = np.roll(image, rng.integers(-3, 4, size=2), axis=(0, 1)).astype(float)
    return np.clip(moved * rng.uniform(0.95, 1.05) + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


rng = np.random.default_rng(0)
copies = np.array([copy_of(image, rng) for image in old.images])
figure, axes = slide("Which is the copy?", 6, height=2.6)
for at, image in zip(axes, [one[row] for row in (0, 1, 2) for one in (old.images, copies)], strict=True):
    at.imshow(image)
    at.axis("off")

# %% [markdown]
# ## The experiment
#
# Two models: one that remembers every image (the nearest neighbour), one that only draws straight lines (a ridge
# classifier). Each is validated twice on a random quarter: once of images, once of groups. The truth is its accuracy
# on the new images.

# %%
SHARES = (0, 0.2, 0.4, 0.6, 0.8)
MODELS = {
    "nearest neighbour": lambda: KNeighborsClassifier(1),
    "ridge classifier": lambda: RidgeClassifier(alpha=1.0),
}
REPEATS = 8


def by_image(groups, rng):
    return rng.random(len(groups)) < 0.25


def by_group(groups, rng):
    return (rng.random(groups.max() + 1) < 0.25)[groups]


X_old, X_copies, X_new = (features(images) for images in (old.images, copies, new.images))
found = {}  # model, way of splitting, share -> accuracies in validation and on new images, one a repeat
for share in SHARES:
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        copied = rng.choice(len(X_old), int(share * len(X_old)), replace=False)
        X = np.concatenate([X_old, X_copies[copied]])
        groups = np.concatenate([np.arange(len(X_old)), copied])  # an image and its copy have the same group
        labels = old.labels[groups]
        for way, split in (("by image", by_image), ("by group", by_group)):
            val = split(groups, rng)
            for name, make in MODELS.items():
                model = make().fit(X[~val], labels[~val])
                scores = model.score(X[val], labels[val]), model.score(X_new, new.labels)
                found.setdefault((name, way, share), []).append(scores)

print(f"{'copied':>8} {'model':18} {'split':9} {'validation %':>12} {'new images %':>12} {'too high by':>12}")
for (name, way, share), scores in found.items():
    val, truth = np.mean(scores, axis=0)
    print(f"{share:8.0%} {name:18} {way:9} {percent(val, 1):>12} {percent(truth, 1):>12} {points(val - truth):>12}")

# %% [markdown]
# ## The figure

# %%
figure, axes = slide("Copies across a split lift validation, not the model", 2, sharey=True)
for at, name in zip(axes, MODELS, strict=True):
    for way, colour in (("by image", "#d55e00"), ("by group", "#0072b2")):
        lifts = 100 * np.array([np.diff(found[name, way, share])[:, 0] * -1 for share in SHARES])
        middle = lifts.mean(axis=1)
        error = 1.96 * lifts.std(axis=1, ddof=1) / np.sqrt(REPEATS)
        at.errorbar(100 * np.array(SHARES), middle, error, marker="o", capsize=3, color=colour, label=f"split {way}")
    at.axhline(0, color="0.6", lw=1)
    at.set(title=name, xlabel="images that have a near copy, %")
axes[0].set_ylabel("validation less truth, points")
axes[0].legend(loc="upper left")
figure.savefig("1-leak.png")

# %% [markdown]
# The bars are 95 % intervals of the mean over the repeats; the new images are a sample, too, so that all lines may
# lie a few points too high or too low. Look at three things: which model gains most from having seen the answer, what
# splitting by group does to it, and, in the table, which of the two models a random split would have you hand in.
#
# ## Finding them
#
# You will not have planted the copies yourself. The harness finds them by their pixels, as `hemobench verify --leaks
# --train train.npz --test val.npz` does. It may find more pairs than were planted: some cells were alike from the
# beginning.

# %%
images = np.concatenate([old.images[:150], copies[:60]])  # a part, since looking at pixels takes time
groups = np.concatenate([np.arange(150), np.arange(60)])
labels, val = old.labels[groups], by_image(groups, np.random.default_rng(1))
for name, rows in (("train", ~val), ("val", val)):
    np.savez(f"{name}.npz", images=images[rows], labels=labels[rows])
audit = api.audit_leaks(WORKSPACE, None, [("train", Path("train.npz")), ("val", Path("val.npz"))])
across = len(set(groups[val]) & set(groups[~val]))
print(f"{across} of the copies lie across the split, and {len(audit.pairs)} pairs were found")
for one in audit.checks:
    print("LEAK" if one.leak else "ok  ", one.text)

# %% [markdown]
# ## Exercise
#
# Write `split`: which images go into validation, so that no copy is on both sides. `groups` holds the group of each
# image, any whole numbers in any order; about `share` of the *images*, to ten points, are to be in validation, which
# `by_group` above may miss; `rng` draws. Run the cell until it passes. Saved, it is also checked by `hemobench lesson
# check 1`.

# %%
import numpy as np

from harness.lessons import check


def split(groups, share, rng):
    """Return an array of truth values, one an image: whether it is in validation."""
    raise NotImplementedError


check(1, split)
