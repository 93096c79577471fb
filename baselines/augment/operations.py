"""Generic operations on one image, each of a strength drawn anew, and random chains of them.

The ranges are ours.  They were chosen by eye on public images: up to where a person still names the cell in most of
them.  None is taken from a contest's corruptions, and no code of theirs is used.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from baselines.augment.catalogue import Family

Pixels: TypeAlias = NDArray[np.uint8]  # (height, width, 3), RGB
Operation: TypeAlias = Callable[[Pixels, np.random.Generator], Pixels]

LEVELS = np.arange(256)


def affine(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Turn by any angle, scale by 0.75 to 1.33, stretch and shear by up to 15 %, shift by up to 10 %; edges mirror."""
    angle, scale = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(-0.29, 0.29))
    stretch, shear = np.exp(rng.uniform(-0.15, 0.15)), rng.uniform(-0.15, 0.15)
    matrix = rotation(angle) @ np.array([[stretch, shear], [0, 1 / stretch]]) / scale
    return warped(image, matrix, rng.uniform(-0.1, 0.1, 2) * min(image.shape[:2]))


def resampled(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Shrink to 0.2 to 0.8 of the side and enlarge again, each by a filter drawn by lot."""
    whole = Image.fromarray(image)
    share = np.exp(rng.uniform(np.log(0.2), np.log(0.8)))
    small = (max(2, round(whole.width * share)), max(2, round(whole.height * share)))
    down = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.NEAREST)[rng.integers(3)]
    up = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(3)]
    return np.asarray(whole.resize(small, down).resize(whole.size, up))


def compressed(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write as a JPEG of quality 4 to 50, lower ones more often, and read again."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=round(np.exp(rng.uniform(np.log(4), np.log(50)))))
    return np.asarray(Image.open(file, formats=("JPEG",)))


def blurred(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur by a Gaussian, a box or a disc-like double box of 0.5 to 3.2 pixels of 96."""
    radius = float(np.exp(rng.uniform(np.log(0.5), np.log(3.2)))) * min(image.shape[:2]) / 96
    sharp, kind = Image.fromarray(image), rng.integers(3)
    softened = sharp.filter(ImageFilter.GaussianBlur(radius) if kind == 0 else ImageFilter.BoxBlur(radius))
    return np.asarray(softened.filter(ImageFilter.BoxBlur(radius / 2)) if kind == 2 else softened)


def moved(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Smear along a straight line in any direction, 3 to 14 pixels of 96 long."""
    length, angle = rng.uniform(3, 14) * min(image.shape[:2]) / 96, rng.uniform(0, np.pi)
    n, pad = max(2, ceil(length) + 1), ceil(length / 2) + 1
    height, width = image.shape[:2]
    padded = mirrored(image, pad)
    total = np.zeros(image.shape, np.uint16)
    for place in np.linspace(-length / 2, length / 2, n):
        y, x = round(place * np.sin(angle)) + pad, round(place * np.cos(angle)) + pad
        total += padded[y : y + height, x : x + width]
    return (total // np.uint16(n)).astype(np.uint8)


def brightness(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Multiply by 0.35 to 1.7, or add -90 to 90, to all levels."""
    if rng.random() < 0.5:
        return by_table(image, LEVELS * np.exp(rng.uniform(np.log(0.35), np.log(1.7))))
    return by_table(image, LEVELS + rng.uniform(-90, 90))


def gamma(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Raise the levels, taken from 0 to 1, to a power of 0.4 to 2.5."""
    return by_table(image, 255 * (LEVELS / 255) ** np.exp(rng.uniform(-0.92, 0.92)))


def contrast(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw the levels together to 0.25, or apart to 2.2, about the mean of the image."""
    middle = image.mean()
    return by_table(image, middle + (LEVELS - middle) * np.exp(rng.uniform(np.log(0.25), np.log(2.2))))


def saturation(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Take colour away, down to grey, or add up to 1.5 times as much."""
    return np.asarray(ImageEnhance.Color(Image.fromarray(image)).enhance(rng.uniform(0, 2.5)))


def channel_gains(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Multiply each channel by 0.75 to 1.33 of its own."""
    gains = np.exp(rng.uniform(-0.29, 0.29, 3)).astype(np.float32)
    return np.minimum(image * gains + np.float32(0.5), 255).astype(np.uint8)


def blobs(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Lay 1 to 6 soft ellipses, filled or as rings, of a colour drawn by lot over it, more or less see-through."""
    height, width = image.shape[:2]
    side = min(height, width)
    mask, layer = Image.new("L", (width, height)), Image.new("RGB", (width, height))
    on_mask, on_layer = ImageDraw.Draw(mask), ImageDraw.Draw(layer)
    # Drawn at once: a hundred calls of the generator would take longer than all else here.
    for x, y, wide, high, alpha, ring, line, kind, *rgb in rng.random((rng.integers(1, 7), 11)).tolist():
        x, y, wide, high = x * width, y * height, (0.02 + 0.15 * wide) * side, (0.02 + 0.15 * high) * side
        box, around = (x - wide, y - high, x + wide, y + high), (x - 2 * wide, y - 2 * high, x + 2 * wide, y + 2 * high)
        # Light ones, dark ones, and any colour.
        low, end = ((190, 256), (0, 110), (0, 256))[int(3 * kind)]
        on_layer.ellipse(around, fill=tuple(int(low + (end - low) * level) for level in rgb))
        opacity = int(60 + 170 * alpha)
        if ring < 0.3:
            on_mask.ellipse(box, outline=opacity, width=1 + int(3 * line))
        else:
            on_mask.ellipse(box, fill=opacity)
    soft = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5) * side / 96))
    return np.asarray(Image.composite(layer, Image.fromarray(image), soft))


def noise(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise of standard deviation 2 to 22 levels, to each channel alone or to all alike."""
    shape = image.shape if rng.random() < 0.7 else (*image.shape[:2], 1)
    bank = normals(max(1 << 20, 4 * image.size))
    start, size = rng.integers(len(bank) - image.size), int(np.prod(shape))
    noisy = image + bank[start : start + size].reshape(shape) * np.float32(rng.uniform(2, 22))
    noisy += np.float32(0.5)
    return noisy.clip(0, 255, out=noisy).astype(np.uint8)


@cache
def normals(n: int) -> NDArray[np.float32]:
    """Return `n` normal values, the same ones always: a stretch of them, from a place drawn by lot, is quick noise."""
    return np.random.default_rng(0).standard_normal(n, dtype=np.float32)


OPERATIONS: dict[Family, tuple[Operation, ...]] = {
    "geometry": (affine,),
    "sharpness": (resampled, compressed, blurred, moved),
    "light": (brightness, gamma),
    "colour": (contrast, saturation, channel_gains),
    "objects": (blobs,),
    "noise": (noise,),
}


def chained(families: Sequence[Family], image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put an image through operations of 0 to 4 different `families`, at most all of them, in an order drawn by lot."""
    depth = int(rng.integers(min(4, len(families)) + 1))
    for place in rng.permutation(len(families))[:depth]:
        operations = OPERATIONS[families[place]]
        image = operations[rng.integers(len(operations))](image, rng)
    return image


def rotation(angle: float) -> NDArray[np.float64]:
    """Return the matrix that turns by `angle` radians."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def warped(image: Pixels, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> Pixels:
    """Return the image that has at place p, from its centre, what stands at ``matrix @ p + shift``; edges mirror.

    Parameters
    ----------
    matrix : ndarray of shape (2, 2), for places (x, y)
    shift : ndarray of shape (2,), pixels
    """
    height, width = image.shape[:2]
    half = np.array([width, height]) / 2
    beyond = np.abs(matrix) @ half + np.abs(shift) - half  # how far it reaches beyond the edges
    pad = max(0, ceil(beyond.max()) + 1)
    (a, b), (d, e) = matrix.tolist()
    c, f = (half + pad + shift - matrix @ half).tolist()
    padded = Image.fromarray(mirrored(image, pad))
    return np.asarray(
        padded.transform((width, height), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)
    )


def mirrored(image: Pixels, pad: int) -> Pixels:
    """Return the image with `pad` more pixels on each side, as `numpy.pad` mirrors them, in a quarter of its time."""
    near = min(pad, *image.shape[:2])
    if near == 0:
        return image
    wide = np.concatenate([image[:, :near][:, ::-1], image, image[:, -near:][:, ::-1]], axis=1)
    tall = np.concatenate([wide[:near][::-1], wide, wide[-near:][::-1]])
    return mirrored(tall, pad - near)


def by_table(image: Pixels, levels: NDArray) -> Pixels:
    """Return the image with level i of every channel replaced by ``levels[i]``, rounded and kept in 0..255."""
    return np.rint(levels).clip(0, 255).astype(np.uint8).take(image)
