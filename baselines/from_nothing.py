"""The rows that start from nothing: the report's two CNNs, and compact residual networks."""

from __future__ import annotations

from dataclasses import replace as replaced

from msgspec.structs import replace

from baselines.baseline import Baseline, Preset, Reported
from baselines.models import resnet, scratch
from baselines.models.layers import Choices
from baselines.models.resnet import ResNet
from baselines.recipe import Plateau, Recipe

SCRATCH_FULL = Recipe(
    epochs=60,
    learning_rate=1e-3,
    augment="flips",
    class_weights=True,
    early_stopping=10,
    reduce_on_plateau=Plateau(patience=4),
)

# Filters and blocks chosen by public data alone: docs/champion.md.
RESNET_S = ResNet("resnet-s", 32, ((64, 1), (128, 1), (256, 1)), Choices(initializer="he_normal"))

RESNET = Recipe(
    epochs=40,
    batch_size=64,
    optimizer="adamw",
    weight_decay=0.01,
    learning_rate=2e-3,
    cosine=True,
    warmup=0.1,
    ema=0.995,
    label_smoothing=0.05,
    standardise=True,
)

SPEEDRUN = ResNet("speedrun", 24, ((48, 1), (96, 1), (160, 1)), Choices(initializer="he_normal"))
SPEED = replace(
    RESNET, epochs=8, batch_size=128, input_size=48, warmup=0.2, learning_rate=5e-3, ema=0.98, augment="flips"
)

FROM_NOTHING = (
    Baseline(
        name="scratch-v1",
        summary="the report's first CNN: 3 convolutions with max-pooling, flatten, dense",
        build=scratch.V1,
        parameters=1_732_808,
        quick=Preset(
            Recipe(epochs=6, learning_rate=1e-3, cosine=True, train_limit=4000),
            cuts="at most 4,000 images, 6 epochs",
        ),
        full=Preset(SCRATCH_FULL),
        reported=Reported(hidden_accuracy=25, recipe="3 conv + 3 max-pool, flatten, dense"),
        refused=scratch.REFUSED,
    ),
    Baseline(
        name="scratch-v1-basic",
        summary="the report's first CNN with basic augmentation",
        build=scratch.V1,
        parameters=1_732_808,
        quick=Preset(
            Recipe(epochs=6, learning_rate=1e-3, cosine=True, train_limit=4000, augment="basic"),
            cuts="at most 4,000 images, 6 epochs",
        ),
        full=Preset(replace(SCRATCH_FULL, augment="basic")),
        reported=Reported(hidden_accuracy=34, recipe="the same with basic augmentation"),
        refused=scratch.REFUSED,
    ),
    Baseline(
        name="scratch-v2",
        summary="the report's second CNN: 5 convolutions, global average, L1L2, dropout 0.3",
        build=scratch.V2,
        parameters=569_928,
        quick=Preset(
            Recipe(epochs=14, learning_rate=2e-3, cosine=True, input_size=64, train_limit=4000, augment="flips"),
            cuts="64×64 images, at most 4,000 of them, 14 epochs",
        ),
        full=Preset(SCRATCH_FULL),
        reported=Reported(
            val_accuracy=86, recipe="more conv + max-pool blocks, GAP, L1L2 1e-3, dropout 0.3, He uniform"
        ),
        refused=scratch.REFUSED,
    ),
    Baseline(
        name="resnet-s",
        summary="a compact residual network of dense 3×3 convolutions, from nothing",
        build=RESNET_S,
        parameters=1_212_648,
        quick=Preset(
            replace(RESNET, epochs=10, input_size=64, ema=0.99, augment="flips"), cuts="64×64 images, 10 epochs"
        ),
        full=Preset(replace(RESNET, epochs=40, augment="flips")),
        refused=resnet.REFUSED,
    ),
    Baseline(
        name="speedrun",
        summary="97 % of the clean validation images in as few seconds as possible, from nothing",
        build=SPEEDRUN,
        parameters=550_960,
        quick=Preset(SPEED, cuts="48×48 images, 8 epochs"),
        full=Preset(SPEED, cuts="48×48 images, 8 epochs: it is about speed"),
        refused=resnet.REFUSED,
    ),
    Baseline(
        name="champion",
        summary="that network, trained for a shift that nobody has seen",
        build=replaced(RESNET_S, name="champion"),
        parameters=1_212_648,
        quick=Preset(
            replace(RESNET, epochs=20, input_size=64, augment="robust", tta="flips"),
            cuts="64×64 images, 20 epochs",
        ),
        full=Preset(replace(RESNET, epochs=36, augment="robust", ema=0.998)),
        refused=resnet.REFUSED,
    ),
)
