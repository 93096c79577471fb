"""Generic operations on one image, each of a strength drawn anew, and random chains of them; on Pillow, not Keras.

The ranges are ours.  They were chosen by eye on public images: up to where a person still names the cell in most of
them.  None is taken from a contest's corruptions, and no code of theirs is used.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from baselines.augment.catalogue import Family

Operation: TypeAlias = Callable[[Image.Image, np.random.Generator], Image.Image]

LEVELS = np.arange(256)


def affine(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turn by any angle, scale by 0.75 to 1.33, stretch and shear by up to 15 %, shift by up to 10 %; edges mirror."""
    side = min(image.size)
    angle, scale = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(-0.29, 0.29))
    stretch, shear = np.exp(rng.uniform(-0.15, 0.15)), rng.uniform(-0.15, 0.15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[stretch, shear], [0, 1 / stretch]]) / scale
    pad = side // 2
    centre = np.array(image.size) / 2
    offset = centre + pad - matrix @ centre + rng.uniform(-0.1, 0.1, 2) * side
    mirrored = Image.fromarray(np.pad(np.asarray(image), ((pad, pad), (pad, pad), (0, 0)), mode="symmetric"))
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    return mirrored.transform(image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)


def resampled(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Shrink to 0.2 to 0.8 of the side and enlarge again, each by a filter drawn by lot."""
    share = np.exp(rng.uniform(np.log(0.2), np.log(0.8)))
    small = (max(2, round(image.width * share)), max(2, round(image.height * share)))
    down = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.NEAREST)[rng.integers(3)]
    up = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(3)]
    return image.resize(small, down).resize(image.size, up)


def compressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Write as a JPEG of quality 4 to 50, lower ones more often, and read again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=round(np.exp(rng.uniform(np.log(4), np.log(50)))))
    return Image.open(file).convert("RGB")


def blurred(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Blur by a Gaussian, a box or a disc-like double box of 0.5 to 3.2 pixels of 96."""
    radius = float(np.exp(rng.uniform(np.log(0.5), np.log(3.2)))) * min(image.size) / 96
    kind = rng.integers(3)
    if kind == 0:
        return image.filter(ImageFilter.GaussianBlur(radius))
    softened = image.filter(ImageFilter.BoxBlur(radius))
    return softened if kind == 1 else softened.filter(ImageFilter.BoxBlur(radius / 2))


def moved(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Smear along a straight line in any direction, 3 to 14 pixels of 96 long."""
    length, angle = rng.uniform(3, 14) * min(image.size) / 96, rng.uniform(0, np.pi)
    n = max(2, int(np.ceil(length)) + 1)
    pixels, pad = np.asarray(image), int(np.ceil(length / 2)) + 1
    padded = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    height, width = pixels.shape[:2]
    total = np.zeros(pixels.shape, np.uint16)
    for place in np.linspace(-length / 2, length / 2, n):
        y, x = round(place * np.sin(angle)) + pad, round(place * np.cos(angle)) + pad
        total += padded[y : y + height, x : x + width]
    return Image.fromarray((total // n).astype(np.uint8))


def brightness(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Multiply by 0.35 to 1.7, or add -90 to 90, to all levels."""
    if rng.random() < 0.5:
        return _by_table(image, LEVELS * np.exp(rng.uniform(np.log(0.35), np.log(1.7))))
    return _by_table(image, LEVELS + rng.uniform(-90, 90))


def gamma(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Raise the levels, taken from 0 to 1, to a power of 0.4 to 2.5."""
    return _by_table(image, 255 * (LEVELS / 255) ** np.exp(rng.uniform(-0.92, 0.92)))


def contrast(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw the levels together to 0.25, or apart to 2.2, about the mean of the image."""
    middle = float(np.asarray(image).mean())
    return _by_table(image, middle + (LEVELS - middle) * np.exp(rng.uniform(np.log(0.25), np.log(2.2))))


def saturation(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Take colour away, down to grey, or add up to 1.5 times as much."""
    return ImageEnhance.Color(image).enhance(rng.uniform(0, 2.5))


def channel_gains(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Multiply each channel by 0.75 to 1.33 of its own."""
    return image.point(_table(np.outer(np.exp(rng.uniform(-0.29, 0.29, 3)), LEVELS)))


def blobs(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Lay 1 to 6 soft ellipses, filled or as rings, of a colour drawn by lot over it, more or less see-through."""
    side = min(image.size)
    mask, layer = Image.new("L", image.size), Image.new("RGB", image.size)
    on_mask, on_layer = ImageDraw.Draw(mask), ImageDraw.Draw(layer)
    for _ in range(rng.integers(1, 7)):
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        wide, high = rng.uniform(0.02, 0.17, 2) * side
        box = (x - wide, y - high, x + wide, y + high)
        alpha = int(rng.uniform(60, 230))
        # Light ones, dark ones, and any colour.
        low, high_level = ((190, 256), (0, 110), (0, 256))[rng.integers(3)]
        colour = tuple(int(level) for level in rng.integers(low, high_level, 3))
        on_layer.ellipse((x - 2 * wide, y - 2 * high, x + 2 * wide, y + 2 * high), fill=colour)
        if rng.random() < 0.3:
            on_mask.ellipse(box, outline=alpha, width=1 + int(rng.integers(3)))
        else:
            on_mask.ellipse(box, fill=alpha)
    return Image.composite(layer, image, mask.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5) * side / 96)))


def noise(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Add Gaussian noise of standard deviation 2 to 22 levels, to each channel alone or to all alike."""
    pixels = np.asarray(image)
    shape = pixels.shape if rng.random() < 0.7 else (*pixels.shape[:2], 1)
    drawn = rng.standard_normal(shape, dtype=np.float32) * np.float32(rng.uniform(2, 22))
    return Image.fromarray((pixels + drawn).clip(0, 255).astype(np.uint8))


OPERATIONS: dict[Family, tuple[Operation, ...]] = {
    "geometry": (affine,),
    "sharpness": (resampled, compressed, blurred, moved),
    "light": (brightness, gamma),
    "colour": (contrast, saturation, channel_gains),
    "objects": (blobs,),
    "noise": (noise,),
}


def chained(families: Sequence[Family], image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Put an image through operations of 0 to 4 different `families`, at most all of them, in an order drawn by lot."""
    depth = int(rng.integers(min(4, len(families)) + 1))
    for place in rng.permutation(len(families))[:depth]:
        operations = OPERATIONS[families[place]]
        image = operations[rng.integers(len(operations))](image, rng)
    return image


def chains(families: Sequence[Family], images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return each image of a batch, shape (n, height, width, 3), uint8, after a chain of its own."""
    return np.stack([np.asarray(chained(families, Image.fromarray(image), rng)) for image in images])


def _by_table(image: Image.Image, levels: NDArray) -> Image.Image:
    """Return the image with level i of every channel replaced by ``levels[i]``."""
    return image.point(_table(np.tile(levels, (3, 1))))


def _table(levels: NDArray) -> list[int]:
    return np.rint(levels).clip(0, 255).astype(int).ravel().tolist()
