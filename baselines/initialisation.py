"""A start from nothing for deep networks without normalisation layers."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray


def normalise_channels(model: keras.Model, images: NDArray) -> None:
    """Scale and shift each convolution so that its channels have mean 0 and variance 1 on `images`.

    Random initial values keep the variance of a signal right on average only; over the 13 convolutions of VGG16 the
    channels drift apart, and a short training spends itself on that.

    Parameters
    ----------
    model : keras.Model
        A chain of layers.
    images : ndarray of shape (n, height, width, 3)
        A batch of training pictures, as the model takes them.

    References
    ----------
    P. Krähenbühl et al., "Data-dependent Initializations of Convolutional Neural Networks", ICLR 2016, the within-layer
    step; D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, does the same for whole layers.
    """
    signal = keras.ops.convert_to_tensor(images.astype(np.float32))
    for layer in model.layers[1:]:
        if isinstance(layer, keras.layers.Conv2D) and layer.trainable:
            linear = keras.ops.conv(signal, layer.kernel, strides=layer.strides, padding=layer.padding) + layer.bias
            mean, variance = keras.ops.moments(linear, axes=(0, 1, 2))
            scale = 1 / keras.ops.sqrt(variance + keras.config.epsilon())
            layer.kernel.assign(layer.kernel * scale)
            layer.bias.assign((layer.bias - mean) * scale)
        signal = layer(signal, training=False)
