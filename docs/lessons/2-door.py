# %% [markdown]
# # Lesson 2 · The wrong door
#
# **Claim.** A backbone fed with other numbers than it was trained on raises no error and sees next to nothing.
#
# A pretrained network expects its images in one way: 0 to 255, or −1 to 1, or BGR with a mean taken off. Many have
# that step inside, and are fed with raw bytes. Who divides by 255 in front of such a network gets no message;
# training goes on, and is merely bad. A team lost a month to that line. How much does it cost here?

# %%
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness.format import percent
from harness.lessons import open_cells, slide
from harness.score.stats import wilson_interval

cells = open_cells(Path("workspace"))
train, val = cells.load("train"), cells.load("val")

# %% [markdown]
# ## A backbone of your own
#
# Small enough to train in seconds, and built as the large ones are: a convolution with a bias, ReLU, pooling. Its
# filters are learnt without labels, from patches of raw bytes (A. Coates, A. Ng, H. Lee, AISTATS 2011). From then on
# they are frozen.

# %%
SIDE, STRIDE, FILTERS = 6, 3, 64


def patches(images):
    """Return all patches of half-size images, shape (n, rows, columns, 108), float32."""
    n, height, width, _ = images.shape
    half = images.reshape(n, height // 2, 2, width // 2, 2, 3).astype(np.float32).mean(axis=(2, 4))
    seen = sliding_window_view(half, (SIDE, SIDE), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    return seen.reshape(*seen.shape[:3], -1)


class Backbone:
    """A frozen convolution that expects levels from 0 to 255."""

    def __init__(self, images, rng):
        sample = patches(images).reshape(-1, 3 * SIDE**2)
        sample = sample[rng.choice(len(sample), 8000, replace=False)]
        self.mean = sample.mean(axis=0)
        values, axes = np.linalg.eigh(np.cov(sample - self.mean, rowvar=False))
        self.whiten = axes[:, -24:] / np.sqrt(values[-24:])
        found = MiniBatchKMeans(FILTERS, n_init=1, random_state=0).fit((sample - self.mean) @ self.whiten)
        self.filters = found.cluster_centers_.T
        self.bias = np.quantile((sample - self.mean) @ self.whiten @ self.filters, 0.7, axis=0)

    def units(self, X):
        """Return each unit before its ReLU, shape (n, rows, columns, filters)."""
        return ((patches(X) - self.mean) @ self.whiten) @ self.filters - self.bias

    def features(self, X):
        """Return what is left after ReLU and pooling, shape (n, 9 × filters)."""
        active = np.maximum(self.units(X), 0)
        thirds = [np.array_split(rows, 3, axis=2) for rows in np.array_split(active, 3, axis=1)]
        return np.concatenate([part.mean(axis=(1, 2)) for rows in thirds for part in rows], axis=1)


backbone = Backbone(train.images[:200], np.random.default_rng(0))

# %% [markdown]
# ## Four doors
#
# The same images, the same frozen backbone, the same head trained on top. Only what is done to the levels in front of
# it differs. The last row trains through the right door and predicts through the wrong one, as happens where
# `model.py` was not written by who trained.

# %%
DOORS = {
    "0 to 255, as it expects": lambda X: X.astype(np.float32),
    "BGR": lambda X: X[..., ::-1].astype(np.float32),
    "÷ 127.5 − 1": lambda X: X / np.float32(127.5) - 1,
    "÷ 255": lambda X: X / np.float32(255),
}
HEADS = {
    "head alone": lambda: RidgeClassifier(alpha=1.0),
    "standardised": lambda: make_pipeline(StandardScaler(), RidgeClassifier(alpha=100.0)),
}
found, switching, models, seen = {}, {}, {}, {}
for door, through in DOORS.items():
    X, seen[door] = backbone.features(through(train.images)), backbone.features(through(val.images))
    on = backbone.units(through(val.images[:60])) > 0
    switching[door] = float((on.any(axis=(0, 1, 2)) & ~on.all(axis=(0, 1, 2))).mean())
    for head, make in HEADS.items():
        models[door, head] = make().fit(X, train.labels)
        found[door, head] = int((models[door, head].predict(seen[door]) == val.labels).sum())
right, wrong = "0 to 255, as it expects", "÷ 255"
for head in HEADS:
    found["trained right, used ÷ 255", head] = int((models[right, head].predict(seen[wrong]) == val.labels).sum())

n, chance = len(val.labels), np.bincount(val.labels).max() / len(val.labels)
print(f"accuracy on {n} images, %; the largest class is {percent(chance, 1)}")
for (door, head), hits in found.items():
    low, high = wilson_interval(hits, n)
    print(f"{door:28} {head:14} {percent(hits / n, 1):>5} ({percent(low, 1)} to {percent(high, 1)})")

# %% [markdown]
# ## The figure: why
#
# A unit that is on for every patch of every image, or off for every one, no longer tells anything: ReLU has become a
# straight line. Count those that still switch.

# %%
figure, (left, right_side) = slide("Divided by 255, the units no longer switch", 2, sharey=True)
names = list(dict.fromkeys(door for door, _ in found))
for place, head in enumerate(HEADS):
    hits = np.array([found[door, head] for door in names])
    limits = np.array([wilson_interval(int(hit), n) for hit in hits])
    error = 100 * np.abs(limits.T - hits / n)
    at = np.arange(len(names)) + 0.4 * place - 0.2
    left.barh(at, 100 * hits / n, 0.38, xerr=error, error_kw={"capsize": 3}, label=head)
left.axvline(100 * chance, color="0.4", ls="--", lw=1)
left.set_yticks(range(len(names)), names)
left.invert_yaxis()
left.set_xlabel("accuracy, % (dashed: largest class)")
left.legend(loc="lower right")
right_side.barh(range(len(switching)), [100 * share for share in switching.values()], color="#009e73")
right_side.set(xlabel="filters that switch, %", xlim=(0, 100))
figure.savefig("2-door.png")

# %% [markdown]
# Standardising what comes out of the backbone (a BatchNorm in front of the head does that) hides part of the damage:
# the head gets its numbers in order, but of what the filters had learnt little is left. Which numbers of this table
# would you have seen in training, and which would have made you suspicious?
#
# The harness warns of it: `hemobench doctor ZIP` tries the usual doors on a zip and says through which one it would
# be better.
#
# ## Exercise
#
# Write `door`: what each kind of backbone wants to see. `images` are bytes, RGB, of shape (n, h, w, 3); return
# `float32`, and leave `images` as they are. The kinds, as the documentation of Keras has them:
#
# - `"inside"`: the first layer of the network rescales by itself (EfficientNet, ConvNeXt, MobileNetV3);
# - `"tf"`: from −1 to 1 (MobileNet, InceptionV3, ResNetV2);
# - `"torch"`: from 0 to 1, then less the mean 0.485, 0.456, 0.406 and divided by 0.229, 0.224, 0.225 of R, G and B
#   (DenseNet);
# - `"caffe"`: BGR, less the mean 103.939, 116.779, 123.68 of B, G and R; no division (VGG16, ResNet50).

# %%
import numpy as np

from harness.lessons import check


def door(images, kind):
    """Return the images as a backbone of this kind expects them."""
    raise NotImplementedError


check(2, door)
