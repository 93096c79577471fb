"""A contest of a few pictures, and a baseline that trains on it in seconds."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from baselines.entries import Preset, find
from baselines.recipe import Recipe
from baselines.train import Job, plan
from baselines.weights import NONE, Weights
from harness.freeze.frozen import LabelledImages


class TinyContest:
    """What a training reads of a frozen contest: three classes, told apart by their colour."""

    lock_hash = "5" * 64
    contest = SimpleNamespace(name="tiny", image_shape=(32, 32, 3), n_classes=3)

    def load(self, split: str) -> LabelledImages:
        rng = np.random.default_rng({"train": 1, "val": 2}[split])
        labels = np.arange({"train": 64, "val": 24}[split]) % 3
        images = rng.integers(0, 60, (len(labels), 32, 32, 3), dtype=np.uint8)
        images[np.arange(len(labels)), ..., labels] += 150
        return LabelledImages(images, labels)


TINY = Recipe(epochs=3, batch_size=16, learning_rate=3e-3, augment="flips", class_weights=True)


@pytest.fixture
def tiny_job():
    """Return a function that makes a job of a baseline, by default scratch-v2 with the tiny recipe."""

    def make(model: str = "scratch-v2", recipe: Recipe = TINY, weights: Weights | None = None, seed: int = 3) -> Job:
        row = replace(find(model), quick=Preset(recipe, cuts="nearly everything"))
        return plan(row, TinyContest(), "quick", weights or Weights(NONE), seed)  # type: ignore[arg-type]

    return make
