"""The augmentations that a recipe may name, a closed set; importable without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["geometry", "sharpness", "light", "colour", "objects", "noise"]
Step = Literal["flips", "basic", "augmix", "randaugment", "gridmask", "robust"] | Family
Mixing = Literal["mixup", "cutmix"]


@dataclass(frozen=True)
class Augmentation:
    """One way to change what a model sees of the training set.

    Parameters
    ----------
    summary : str
        What it does, with every number, in words that fit a help text.
    reference : str
        Where the numbers come from, and where we leave the source.
    images : tuple of str
        Steps on single images, in order; `baselines.augment.images` says how each is made.
    mixing : {"mixup", "cutmix"}, optional
        What mixes the images of a batch, and their labels, inside the training step.
    """

    name: str
    summary: str
    reference: str
    images: tuple[Step, ...] = ()
    mixing: Mixing | None = None


AUGMIX = "Hendrycks et al. 2020, arXiv 1912.02781: severity 3 of 10, width 3, depth 1 to 3, alpha 1"
RANDAUGMENT = "Cubuk et al. 2019, arXiv 1909.13719: N = 2, M = 9 (ResNet-50 on ImageNet)"
GRIDMASK = "Chen et al. 2020, arXiv 2001.04086: r = 0.6, d of 96 to 224 on 224 pixels, any rotation, p = 0.8"
MIXUP = "Zhang et al. 2018, arXiv 1710.09412: alpha 0.2 (ImageNet: 0.1 to 0.4)"
CUTMIX = "Yun et al. 2019, arXiv 1905.04899: alpha 1"

ROBUST = "ours, ranges by eye on public images: baselines/augment/operations.py"

FAMILIES: dict[Family, str] = {
    "geometry": "turned, scaled, sheared, shifted",
    "sharpness": "resampled, written as JPEG, blurred or smeared",
    "light": "brightness or gamma changed",
    "colour": "contrast, saturation or channels changed",
    "objects": "soft blobs and rings laid over",
    "noise": "Gaussian noise added",
}

_ROWS = (
    Augmentation("none", "the image as it is", "-"),
    Augmentation(
        "flips",
        "left-right, up-down and diagonal, each by a coin: the 8 positions of a square",
        "a smear has no up and no left",
        images=("flips",),
    ),
    Augmentation(
        "basic",
        "flips left-right and up-down; rotation by up to 36 degrees; zoom, shift, brightness, contrast by up to 10 %",
        "no paper; rotation and zoom as in TensorFlow's tutorial 'Image classification', the rest ours",
        images=("basic",),
    ),
    Augmentation(
        "augmix",
        "three chains of one to three weak operations each, averaged with random weights, and then with the image",
        AUGMIX,
        images=("augmix",),
    ),
    Augmentation(
        "randaugment",
        "two operations out of fourteen, each of strength 9 of 10",
        RANDAUGMENT,
        images=("randaugment",),
    ),
    Augmentation(
        "gridmask", "squares on a turned grid blanked, 16 % of four images in five", GRIDMASK, images=("gridmask",)
    ),
    Augmentation(
        "mixup",
        "two images averaged, and their labels, most often with nine tenths or more of one",
        MIXUP,
        mixing="mixup",
    ),
    Augmentation("cutmix", "a box of another image pasted in, its label by its area", CUTMIX, mixing="cutmix"),
    Augmentation(
        "mixup+augmix", "AugMix, then two such images averaged", f"{AUGMIX}; {MIXUP}", ("augmix",), mixing="mixup"
    ),
    Augmentation(
        "strong",
        "flips, then RandAugment, then GridMask; then CutMix of two such images",
        f"{RANDAUGMENT}; {GRIDMASK}; {CUTMIX}; together they are ours",
        images=("flips", "randaugment", "gridmask"),
        mixing="cutmix",
    ),
    Augmentation(
        "robust",
        "a chain of up to four generic operations: affine, resampling or blur, light, colour, blobs, noise; then flips",
        ROBUST,
        images=("robust", "flips"),
    ),
    # Each of its families alone, to see what protects against what.
    *(
        Augmentation(f"only-{family}", f"{what}, on one image in two; then flips", ROBUST, images=(family, "flips"))
        for family, what in FAMILIES.items()
    ),
)

AUGMENTATIONS: dict[str, Augmentation] = {row.name: row for row in _ROWS}
