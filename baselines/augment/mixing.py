"""MixUp and CutMix, which mix the images of a batch and their labels; Keras's own layers."""

from __future__ import annotations

import keras

from baselines.augment.catalogue import Mixing


def mixing_layer(name: Mixing | None) -> keras.layers.Layer | None:
    """Return the layer that mixes ``{"images": ..., "labels": one-hot}`` when called with ``training=True``.

    It computes in float32 whatever the policy of the model: half precision would round the labels.  It starts from a
    fixed random state; `baselines.augment.learner.reseed` sets another one, of the model that holds it.
    """
    if name is None:
        return None
    if name == "mixup":
        layer = keras.layers.MixUp(alpha=0.2, seed=0, dtype="float32")
    else:
        # A pair, since for a plain number Keras draws alpha anew, from 0 up to it; the paper has alpha = 1.
        layer = keras.layers.CutMix(factor=(1.0, 1.0), seed=0, dtype="float32")
    # Both draw from a beta distribution, by TensorFlow's StatelessRandomGammaV3, which XLA cannot compile; Keras would
    # compile a model with XLA on a GPU unless one of its layers says no.  (On JAX this would forbid any compiling.)
    layer.supports_jit = keras.backend.backend() != "tensorflow"
    return layer
