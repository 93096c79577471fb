"""The baselines: one row a model.  Importing this page imports no Keras."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from baselines.baseline import REPORT, Baseline, Preset, Reported
from baselines.from_nothing import FROM_NOTHING
from baselines.models.pretrained import Backbone
from baselines.recipe import Plateau, Recipe
from baselines.weights import Pretrained
from harness.errors import UsageError, did_you_mean

# The report fine-tuned its backbones, with the learning rate reduced on plateau; how long, it does not say.
TUNED_FULL = Recipe(
    epochs=40,
    head_epochs=5,
    head_learning_rate=1e-3,
    learning_rate=1e-4,
    frozen_share=0.3,
    augment="flips",
    class_weights=True,
    early_stopping=8,
    reduce_on_plateau=Plateau(patience=3),
)
NOTHING_FULL = Recipe(
    epochs=80,
    learning_rate=1e-3,
    augment="flips",
    class_weights=True,
    early_stopping=15,
    reduce_on_plateau=Plateau(patience=5),
)


def tuned(size: int | None, images: int, without: Preset) -> Preset:
    """Return the quick preset of a backbone with weights: on features of the frozen part, computed once.

    First the head alone, then the upper half of the convolutions too.
    """
    return Preset(
        Recipe(
            epochs=5,
            head_epochs=2,
            learning_rate=1e-3,
            cosine=True,
            input_size=size,
            train_limit=images,
            frozen_share=0.5,
            features_once=True,
        ),
        cuts=(f"{size}×{size} images, at most {images:,} of them" if size else f"at most {images:,} images")
        + ", the lower half of the convolutions frozen, 5 epochs, 2 of them of the head",
        without_weights=without,
    )


def from_nothing(size: int, images: int, epochs: int) -> Preset:
    """Return the quick preset of a backbone whose weights are not to be had: whole, small, and short."""
    return Preset(
        Recipe(
            epochs=epochs,
            learning_rate=1e-3,
            cosine=True,
            warmup=0.1,
            input_size=size,
            train_limit=images,
            augment="flips",
        ),
        cuts=f"{size}×{size} images, at most {images:,} of them, {epochs} epochs, from random initialisation",
    )


def keras_weights(name: str, path: str, md5: str, megabytes: int) -> Pretrained:
    """Return the weights that Keras itself offers of an architecture, trained on ImageNet, without the top."""
    return Pretrained(name, f"https://storage.googleapis.com/{path}", md5, megabytes, "Apache-2.0, as Keras")


INCEPTIONV3 = Backbone("inceptionv3", "InceptionV3", "tf", smallest=75)
INCEPTIONV3_WEIGHTS = keras_weights(
    "inceptionv3",
    "tensorflow/keras-applications/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "bcbd6486424b2319ff4ef7d526e38f63",
    84,
)
VGG16 = Backbone("vgg16", "VGG16", "caffe", normalised=False)

ROWS = (
    *FROM_NOTHING,
    Baseline(
        name="inceptionv3-frozen",
        summary="InceptionV3, all of it frozen: only the head learns",
        build=INCEPTIONV3,
        parameters=22_369_448,
        quick=Preset(
            Recipe(epochs=12, learning_rate=1e-3, cosine=True, train_limit=2400, frozen_share=1.0, features_once=True),
            cuts="at most 2,400 images, 12 epochs",
            without_weights=Preset(
                Recipe(
                    epochs=12,
                    learning_rate=1e-3,
                    cosine=True,
                    train_limit=2400,
                    frozen_share=1.0,
                    features_once=True,
                    init_images=128,
                ),
                cuts="at most 2,400 images, 12 epochs, on features of a random network",
            ),
        ),
        full=Preset(
            Recipe(epochs=40, learning_rate=1e-3, frozen_share=1.0, features_once=True, early_stopping=8),
            without_weights=Preset(
                Recipe(
                    epochs=40,
                    learning_rate=1e-3,
                    frozen_share=1.0,
                    features_once=True,
                    early_stopping=8,
                    init_images=128,
                ),
                cuts="on features of a random network",
            ),
        ),
        reported=Reported(val_accuracy=43.23, recipe="frozen"),
        licence="Apache-2.0",
        pretrained=INCEPTIONV3_WEIGHTS,
        smallest=INCEPTIONV3.smallest,
        random_backbone=True,
    ),
    Baseline(
        name="inceptionv3",
        summary="InceptionV3: the head first, then the last layers unfrozen",
        build=INCEPTIONV3,
        parameters=22_369_448,
        quick=tuned(75, 2400, from_nothing(75, 2400, 4)),
        full=Preset(msgspec.structs.replace(TUNED_FULL, frozen_share=0.8), without_weights=Preset(NOTHING_FULL)),
        reported=Reported(val_accuracy=93.48, val_loss=0.2167, hidden_accuracy=49, recipe="last layers unfrozen"),
        licence="Apache-2.0",
        pretrained=INCEPTIONV3_WEIGHTS,
        smallest=INCEPTIONV3.smallest,
    ),
    Baseline(
        name="mobilenet",
        summary="MobileNet, fine-tuned",
        build=Backbone("mobilenet", "MobileNet", "tf"),
        parameters=3_529_288,
        depthwise=True,
        quick=tuned(None, 6000, from_nothing(64, 3200, 4)),
        full=Preset(TUNED_FULL, without_weights=Preset(NOTHING_FULL)),
        reported=Reported(recipe="strong augmentation", augment="strong", note="about 30 % in training"),
        licence="Apache-2.0",
        pretrained=keras_weights(
            "mobilenet", "tensorflow/keras-applications/mobilenet/mobilenet_1_0_224_tf_no_top.h5", "", 17
        ),
    ),
    Baseline(
        name="efficientnetb0",
        summary="EfficientNetB0, fine-tuned; it divides by 255 itself",
        build=Backbone("efficientnetb0", "EfficientNetB0", "inside"),
        parameters=4_416_555,
        depthwise=True,
        quick=tuned(64, 2400, from_nothing(64, 2400, 4)),
        full=Preset(TUNED_FULL, without_weights=Preset(NOTHING_FULL)),
        reported=Reported(val_accuracy=45.40, val_loss=1.9181),
        licence="Apache-2.0",
        pretrained=keras_weights(
            "efficientnetb0", "keras-applications/efficientnetb0_notop.h5", "50bc09e76180e00e4465e1a485ddc09d", 16
        ),
    ),
    Baseline(
        name="efficientnetb2",
        summary="EfficientNetB2, fine-tuned; it divides by 255 itself",
        build=Backbone("efficientnetb2", "EfficientNetB2", "inside"),
        parameters=8_168_833,
        depthwise=True,
        quick=tuned(64, 2000, from_nothing(64, 2000, 3)),
        full=Preset(TUNED_FULL, without_weights=Preset(NOTHING_FULL)),
        reported=Reported(val_accuracy=42.31, val_loss=1.7978),
        licence="Apache-2.0",
        pretrained=keras_weights(
            "efficientnetb2", "keras-applications/efficientnetb2_notop.h5", "111f8e2ac8aa800a7a99e3239f7bfb39", 31
        ),
    ),
    Baseline(
        name="resnet50v2",
        summary="ResNet50V2, fine-tuned",
        build=Backbone("resnet50v2", "ResNet50V2", "tf"),
        parameters=24_131_464,
        quick=tuned(64, 2000, from_nothing(64, 2000, 3)),
        full=Preset(TUNED_FULL, without_weights=Preset(NOTHING_FULL)),
        reported=Reported(val_accuracy=96.15, val_loss=0.1526, hidden_accuracy=57, recipe="fine-tuned"),
        licence="Apache-2.0",
        pretrained=keras_weights(
            "resnet50v2",
            "tensorflow/keras-applications/resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "fac2f116257151a9d068a22e544a4917",
            91,
        ),
    ),
    Baseline(
        name="densenet121",
        summary="DenseNet121, fine-tuned",
        build=Backbone("densenet121", "DenseNet121", "torch"),
        parameters=7_337_928,
        quick=tuned(64, 1600, from_nothing(64, 1600, 3)),
        full=Preset(TUNED_FULL, without_weights=Preset(NOTHING_FULL)),
        reported=Reported(recipe="fine-tuned", note="“the same” as ResNet50V2"),
        licence="Apache-2.0",
        pretrained=keras_weights(
            "densenet121",
            "tensorflow/keras-applications/densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "30ee3e1110167f948a6b9946edeeb738",
            28,
        ),
    ),
    Baseline(
        name="vgg16",
        summary="VGG16 fine-tuned as the report did, with the preprocessing it needs",
        build=VGG16,
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
            cuts="64×64 images, at most 4,800 of them, 10 of 13 convolutions frozen, 4 epochs",
            without_weights=Preset(
                Recipe(
                    epochs=9,
                    learning_rate=3e-4,
                    cosine=True,
                    warmup=0.1,
                    input_size=32,
                    train_limit=2600,
                    augment="flips",
                    init_images=192,
                ),
                cuts="32×32 images, at most 2,600 of them, 9 epochs, from He initialisation",
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
                    init_images=192,
                    class_weights=True,
                    early_stopping=15,
                    reduce_on_plateau=Plateau(patience=5),
                )
            ),
        ),
        reported=Reported(
            val_accuracy=96.32,
            val_loss=0.1264,
            hidden_accuracy=67,
            recipe="first 3 layers frozen, normalisation after GAP, dropout 0.35 and 0.20, rate reduced on plateau",
        ),
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


def with_variants(rows: Iterable[Baseline]) -> tuple[Baseline, ...]:
    """Return the rows, and then those of the models that the report had, as the team had them.

    The scratch models divide by 255 in any case: as the team had them, they are what they are.
    """
    rows = tuple(rows)
    theirs = (row for row in rows if row.reported != Reported() and "preprocessing" not in row.refused)
    return (*rows, *(row.as_reported() for row in theirs))


BASELINES = with_variants(ROWS)


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
    same = rows.get(name.removesuffix(REPORT))
    if name not in rows and same is not None and same.name != name:
        why = same.refused.get("preprocessing", "the report did not have it")
        raise UsageError(f"{same.name} has no {REPORT[1:]} variant: {why}.", f"Type: {same.name}")
    if name not in rows:
        raise UsageError(f"No model is called {name!r}.", f"{did_you_mean(name, rows)} See: hemobench train --list")
    return rows[name]
