"""The baselines: one row a model.  Importing this page imports no Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from baselines.models import scratch, vgg16
from baselines.recipe import Plateau, Recipe
from baselines.weights import Pretrained
from harness.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import keras

PresetName = Literal["quick", "full"]
# recipe, image_shape, n_classes, weights, seed -> model: raw RGB 0-255 in, probabilities out
Build: TypeAlias = "Callable[[Recipe, tuple[int, int, int], int, Path | None, int], keras.Model]"


@dataclass(frozen=True)
class Preset:
    """A recipe, what it leaves out (for people), and what to do instead where there are no pretrained weights."""

    recipe: Recipe
    cuts: str = ""
    without_weights: Preset | None = None


@dataclass(frozen=True)
class Reported:
    """What the report of November 2024 says of a model, in percent; None where it says nothing."""

    val_accuracy: float | None = None
    val_loss: float | None = None
    hidden_accuracy: float | None = None


@dataclass(frozen=True)
class Baseline:
    """One model.

    Attributes
    ----------
    parameters : int
        Of the model for 8 classes at 96×96, frozen ones included.
    quick, full : Preset
        `quick` ends within 6 minutes on 2 CPU cores, `full` is a GPU's work.
    licence : str
        Of the architecture's code; that of the weights stands with them.
    reported : Reported
    expected : str
        What was measured, on which contest.
    """

    name: str
    summary: str
    build: Build
    parameters: int
    quick: Preset
    full: Preset
    reported: Reported
    expected: str
    licence: str = "MIT"
    pretrained: Pretrained | None = None

    def preset(self, name: PresetName, *, has_weights: bool) -> Preset:
        """Return the preset to use, given whether there are pretrained weights to start from."""
        chosen = {"quick": self.quick, "full": self.full}[name]
        return chosen if has_weights or chosen.without_weights is None else chosen.without_weights


SCRATCH_FULL = Recipe(
    epochs=60,
    learning_rate=1e-3,
    augment="flips",
    class_weights=True,
    early_stopping=10,
    reduce_on_plateau=Plateau(patience=4),
)

BASELINES = (
    Baseline(
        name="scratch-v1",
        summary="the report's first CNN: 3 convolutions with max-pooling, flatten, dense",
        build=scratch.build_v1,
        parameters=1_732_808,
        quick=Preset(
            Recipe(epochs=6, learning_rate=1e-3, cosine=True, train_limit=4000),
            cuts="at most 4,000 pictures, 6 epochs",
        ),
        full=Preset(SCRATCH_FULL),
        reported=Reported(hidden_accuracy=25),
        expected="",
    ),
    Baseline(
        name="scratch-v2",
        summary="the report's second CNN: 5 convolutions, global average, L1L2, dropout 0.3",
        build=scratch.build_v2,
        parameters=569_928,
        quick=Preset(
            Recipe(epochs=14, learning_rate=2e-3, cosine=True, input_size=64, train_limit=4000, augment="flips"),
            cuts="64×64 pictures, at most 4,000 of them, 14 epochs",
        ),
        full=Preset(SCRATCH_FULL),
        reported=Reported(val_accuracy=86),
        expected="",
    ),
    Baseline(
        name="vgg16",
        summary="VGG16 fine-tuned as the report did, with the preprocessing it needs",
        build=vgg16.build,
        parameters=14_882_004,
        quick=Preset(
            Recipe(
                epochs=4,
                batch_size=64,
                learning_rate=5e-4,
                cosine=True,
                input_size=64,
                train_limit=4800,
                frozen_layers=10,
                features_once=True,
            ),
            cuts="64×64 pictures, at most 4,800 of them, 10 of 13 convolutions frozen, 4 epochs",
            without_weights=Preset(
                Recipe(
                    epochs=9,
                    learning_rate=3e-4,
                    cosine=True,
                    warmup=0.1,
                    input_size=32,
                    train_limit=2600,
                    augment="flips",
                    init_pictures=192,
                ),
                cuts="32×32 pictures, at most 2,600 of them, 9 epochs, from He initialisation",
            ),
        ),
        full=Preset(
            Recipe(
                epochs=40,
                learning_rate=1e-4,
                frozen_layers=3,
                augment="flips",
                class_weights=True,
                early_stopping=8,
                reduce_on_plateau=Plateau(patience=3),
            ),
            without_weights=Preset(
                Recipe(
                    epochs=80,
                    learning_rate=1e-4,
                    augment="flips",
                    init_pictures=192,
                    class_weights=True,
                    early_stopping=15,
                    reduce_on_plateau=Plateau(patience=5),
                )
            ),
        ),
        reported=Reported(val_accuracy=96.32, val_loss=0.1264, hidden_accuracy=67),
        expected="",
        licence="Apache-2.0",
        pretrained=Pretrained(
            name="vgg16",
            url="https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="6d6bbae143d832006294945121d1f1fc",
            megabytes=57,
            licence="CC BY 4.0, Visual Geometry Group, University of Oxford",
        ),
    ),
)


def by_name(rows: Iterable[Baseline]) -> dict[str, Baseline]:
    """Return the rows by name.

    Raises
    ------
    ValueError
        Two rows have one name.
    """
    found: dict[str, Baseline] = {}
    for row in rows:
        if row.name in found:
            raise ValueError(f"two baselines are called {row.name!r}")
        found[row.name] = row
    return found


def names() -> tuple[str, ...]:
    """Return the names of all baselines."""
    return tuple(by_name(BASELINES))


def find(name: str) -> Baseline:
    """Return the baseline called `name`.

    Raises
    ------
    UsageError
        There is none.
    """
    rows = by_name(BASELINES)
    if name not in rows:
        raise UsageError(f"No model is called {name!r}.", f"{did_you_mean(name, rows)} See: hemobench train --list")
    return rows[name]
