"""GridMask, which Keras does not have: squares on a turned grid hide a part of the image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

IMAGENET_MEAN = (123.675, 116.28, 103.53)


@keras.saving.register_keras_serializable(package="hemobench")
class GridMask(keras.layers.Layer):
    """Hide squares of side ``(1 - ratio) * d`` on a grid of pitch ``d``, turned and shifted, in each image anew.

    Parameters
    ----------
    ratio : float
        The paper's r, the share of a pitch that is kept along one side.  On average ``(1 - ratio) ** 2`` of an image
        is hidden: 16 % with the paper's 0.6.
    pitch : tuple of float
        Bounds of d as shares of the shorter side.  The paper draws 96 to 224 pixels for images of 224; of 96 pixels
        that is 41 to 96.
    rotation : float, degrees
        The grid is turned by up to this angle.
    probability : float
        An image is masked with it.
    fill : tuple of float
        What a hidden pixel becomes.  The paper writes 0 after normalisation, and so the mean colour; in raw images 0
        would be black, which no cell is.  Hence the mean of ImageNet, that the paper's normalisation takes to 0.

    Notes
    -----
    Unlike the paper, the probability does not rise with the epochs (0 to 0.8 in the first 240 of 300), and d and the
    shift are no whole numbers.

    References
    ----------
    Chen, Liu, Zhao, Jia: GridMask Data Augmentation, arXiv 2001.04086; values of its published training script
    (github.com/dvlab-research/GridMask).
    """

    def __init__(
        self,
        ratio: float = 0.6,
        pitch: tuple[float, float] = (96 / 224, 1.0),
        rotation: float = 360.0,
        probability: float = 0.8,
        fill: tuple[float, ...] = IMAGENET_MEAN,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ratio = ratio
        self.pitch = tuple(pitch)
        self.rotation = rotation
        self.probability = probability
        self.fill = tuple(fill)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return the images, some of them masked; all as they are unless `training`."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        hidden = ops.cast(self.hidden(images), images.dtype)
        fill = ops.convert_to_tensor(self.fill, dtype=images.dtype)
        return images * (1 - hidden) + fill * hidden

    def hidden(self, images: Any) -> Any:
        """Draw the mask: bool of shape (n, height, width, 1)."""
        n, height, width, _ = ops.shape(images)
        drawn = keras.random.uniform((5, n, 1, 1, 1), seed=self.generator)
        low, high = (share * min(height, width) for share in self.pitch)
        pitch = low + (high - low) * drawn[0]
        angle = drawn[1] * (self.rotation * 3.141592653589793 / 180)
        y = ops.reshape(ops.arange(height, dtype="float32") - (height - 1) / 2, (1, height, 1, 1))
        x = ops.reshape(ops.arange(width, dtype="float32") - (width - 1) / 2, (1, 1, width, 1))
        along = ops.cos(angle) * x + ops.sin(angle) * y
        across = ops.cos(angle) * y - ops.sin(angle) * x
        in_column = ops.mod(along / pitch + drawn[2], 1.0) >= self.ratio
        in_row = ops.mod(across / pitch + drawn[3], 1.0) >= self.ratio
        return ops.logical_and(ops.logical_and(in_column, in_row), drawn[4] < self.probability)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "ratio": self.ratio,
            "pitch": self.pitch,
            "rotation": self.rotation,
            "probability": self.probability,
            "fill": self.fill,
            "seed": self.seed,
        }
