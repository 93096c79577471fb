"""How pictures can be handed to a model: the scales and channel orders that networks are trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of ImageNet's pictures, RGB; the values that Keras's `imagenet_utils.preprocess_input` and torchvision subtract.
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, 0-255
TORCH_MEAN, TORCH_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, 0-1


@dataclass(frozen=True)
class Input:
    """One way to hand over pictures.

    Attributes
    ----------
    name : str
        For people, after "when inputs are".
    trained : str
        What it means when this way is the right one, after "your model".
    code : str
        The same as a line of Python that makes `X`, float32 of 0-255, into it; it may use ``np``.
    remedy : str
        What to do by hand.
    """

    name: str
    trained: str
    code: str
    remedy: str

    def show(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return pictures of shape (n, height, width, 3) as this way has them, by the very line that is written."""
        scope = {"np": np, "X": images.astype(np.float32)}
        exec(self.code, scope)
        shown: NDArray[np.float32] = np.ascontiguousarray(scope["X"], dtype=np.float32)
        return shown


DO = "In predict, before the network: "
INPUTS = (
    Input("float32, 0–255", "computes in uint8, where 200 + 100 is 44", "X = X", DO + "X = X.astype('float32')"),
    Input("divided by 255", "was trained on 0–1", "X = X / 255", DO + "X = X.astype('float32') / 255"),
    Input(
        "scaled to −1..1",
        "was trained on −1..1",
        "X = X / 127.5 - 1",
        DO + "X = X.astype('float32') / 127.5 - 1",
    ),
    Input(
        "BGR",
        "was trained on BGR, as OpenCV reads pictures",
        "X = X[..., ::-1]",
        DO + "X = X[..., ::-1]",
    ),
    Input(
        "standardised picture by picture",
        "was trained on pictures with mean 0 and standard deviation 1",
        "X = (X - X.mean((1, 2, 3), keepdims=True)) / np.maximum(X.std((1, 2, 3), keepdims=True), 1e-6)",
        DO + "X = (X - X.mean((1, 2, 3), keepdims=True)) / X.std((1, 2, 3), keepdims=True), in float32",
    ),
    Input(
        "BGR less ImageNet's mean",
        "was trained behind Keras's preprocess_input of VGG16 or ResNet50",
        f"X = X[..., ::-1] - np.float32({CAFFE_MEAN})",
        DO + "X = keras.applications.vgg16.preprocess_input(X.astype('float32'))",
    ),
    Input(
        "standardised by ImageNet's mean and deviation",
        "was trained on pictures standardised as torchvision does",
        f"X = (X / 255 - np.float32({TORCH_MEAN})) / np.float32({TORCH_SD})",
        DO + f"X = (X / 255 - {TORCH_MEAN}) / {TORCH_SD}",
    ),
    Input(
        "multiplied by 255",
        "divides by 255 twice, in model.py and again inside the network",
        "X = X * 255",
        "Take the division by 255 out of model.py: the network holds one already.",
    ),
    Input(
        "brought from −1..1 back to 0–255",
        "scales to −1..1 twice, in model.py and again inside the network",
        "X = (X + 1) * 127.5",
        "Take the scaling out of model.py: the network holds one already.",
    ),
)


def find_input(name: str) -> Input:
    """Return the way called `name`.

    Examples
    --------
    >>> find_input("divided by 255").show(np.full((1, 1, 1, 3), 255, np.uint8)).tolist()
    [[[[1.0, 1.0, 1.0]]]]
    """
    return next(way for way in INPUTS if way.name == name)
