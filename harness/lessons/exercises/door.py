"""Lesson 2: images as each kind of backbone expects them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.lessons.checking import must

Door = Callable[[NDArray[np.uint8], str], NDArray[np.float32]]
MEAN, SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# `preprocess_input` of Keras, by its modes; what has the step inside is fed with bytes.
EXPECTED: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "inside": lambda X: X,
    "tf": lambda X: X / 127.5 - 1,
    "torch": lambda X: (X / 255 - MEAN) / SPREAD,
    "caffe": lambda X: X[..., ::-1] - [103.939, 116.779, 123.68],
}


def check(door: Door) -> None:
    """Pass where every kind gets what it expects, as float32, and the images are left alone."""
    images = np.random.default_rng(2).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    for kind, expected in EXPECTED.items():
        given = images.copy()
        X = door(given, kind)
        must(np.array_equal(given, images), f"{kind}: the images that were handed in have changed.", "Work on a copy.")
        must(
            isinstance(X, np.ndarray) and X.dtype == np.float32 and X.shape == images.shape,
            f"{kind}: expected float32 of shape {images.shape}, got {getattr(X, 'dtype', type(X).__name__)} of shape "
            f"{np.shape(X)}.",
            "Convert before you compute: bytes wrap around at 256.",
        )
        wanted = expected(images.astype(np.float64))
        if np.allclose(X, wanted, atol=1e-3):
            continue
        ends = f"from {X.min():.2f} to {X.max():.2f}, where {wanted.min():.2f} to {wanted.max():.2f} is expected"
        must(
            kind != "inside" or X.max() > 2,
            f"{kind}: this network divides by itself. It now sees levels {ends}: every image is black to it.",
            "Hand the bytes on as they are, as float32.",
        )
        must(
            not np.allclose(X[..., ::-1], wanted, atol=1e-3),
            f"{kind}: red and blue have changed places.",
            "caffe wants BGR, all others RGB; each mean belongs to its channel.",
        )
        must(
            kind != "torch" or X.max() < 10,
            f"{kind}: levels are {ends}. The mean and spread are those of levels from 0 to 1.",
            "Divide by 255 first.",
        )
        must(False, f"{kind}: levels are {ends}.", "Compare with the list above, step by step.")
