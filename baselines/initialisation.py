"""A start from nothing for deep networks: each layer's output brought to mean 0 and variance 1 on real images."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from baselines.models.pretrained import HEAD


def normalise(model: keras.Model, images: NDArray) -> None:
    """Scale what the layers of a fresh model give to mean 0 and variance 1 for each channel, on `images`.

    Where there is batch normalisation, its moving statistics are set to those of the images: until some hundred
    steps have moved them, they say 0 and 1, and a validation measures that.  Where there is none, each convolution is
    scaled: random initial values keep the variance of a signal right on average only; over the 13 convolutions of
    VGG16 the channels drift apart, and a short training spends itself on that.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 3)
        A batch of training images, as the model takes them.

    References
    ----------
    P. Krähenbühl et al., "Data-dependent Initializations of Convolutional Neural Networks", ICLR 2016, the within-layer
    step; D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, does the same for whole layers.
    """
    body = [layer for layer in model.layers[1:] if not layer.name.startswith(HEAD)]
    normal = [layer for layer in body if isinstance(layer, keras.layers.BatchNormalization)]
    if normal:
        set_statistics(model, normal, images)
    else:
        normalise_channels(body, images)


def set_statistics(model: keras.Model, normal: list[keras.layers.BatchNormalization], images: NDArray) -> None:
    """Set the moving statistics of the layers `normal` to those of `images`, by one pass in training mode."""
    kept = [(layer, layer.trainable, layer.momentum) for layer in normal]
    for layer in normal:
        layer.trainable, layer.momentum = True, 0.0
    model(images, training=True)
    for layer, trainable, momentum in kept:
        layer.trainable, layer.momentum = trainable, momentum


def normalise_channels(chain: list[keras.Layer], images: NDArray) -> None:
    """Scale and shift each convolution of a chain of layers so that its channels have mean 0 and variance 1."""
    signal = keras.ops.convert_to_tensor(images.astype(np.float32))
    for layer in chain:
        if isinstance(layer, keras.layers.Conv2D) and layer.trainable:
            linear = keras.ops.conv(signal, layer.kernel, strides=layer.strides, padding=layer.padding) + layer.bias
            mean, variance = keras.ops.moments(linear, axes=(0, 1, 2))
            scale = 1 / keras.ops.sqrt(variance + keras.config.epsilon())
            layer.kernel.assign(layer.kernel * scale)
            layer.bias.assign((layer.bias - mean) * scale)
        signal = layer(signal, training=False)
