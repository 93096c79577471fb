"""A network together with what mixes its training batches, trained in one compiled step."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


class Learner(keras.Model):
    """Train `network` on mixed images against mixed, smoothed, weighted labels.

    The labels come in beside the images, since they are mixed with them inside the step::

        learner.compile(optimizer)
        loss, accuracy = learner.train_on_batch([images, labels])  # labels one-hot, or integers

    Parameters
    ----------
    network : keras.Model
        From images to probabilities; it is shared, and what is saved and submitted.
    mixing : keras.layers.Layer, optional
        Of `mixing_layer`.
    class_weights : ndarray of shape (n_classes,), float32
        The loss of an image is multiplied by its label's weight, mixed as the label is.
    label_smoothing : float in [0, 1)
        A label becomes ``(1 - s) * label + s / n_classes``.  It does not touch the weights.
    """

    def __init__(
        self,
        network: keras.Model,
        mixing: keras.layers.Layer | None,
        class_weights: NDArray[np.float32],
        label_smoothing: float = 0.0,
    ) -> None:
        # The network's policy, by which Keras scales the loss of half precision; but the network casts its images
        # itself, and labels must stay float32: in half precision they would no longer sum to 1.
        super().__init__(name="learner", dtype=network.dtype_policy, autocast=False)
        self.network = network
        self.mixing = mixing
        self.class_weights = np.asarray(class_weights, np.float32)
        self.label_smoothing = label_smoothing
        self.accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
        self.built = True  # by its network; the mixing has no weights

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return probabilities for images; for ``[images, labels]`` also one-hot labels, mixed in training."""
        if not isinstance(inputs, (list, tuple)):
            return self.network(inputs, training=training)
        images, labels = inputs
        if len(labels.shape) == 1:
            labels = ops.one_hot(labels, len(self.class_weights), dtype="float32")
        if training and self.mixing is not None:
            mixed = self.mixing({"images": images, "labels": labels}, training=True)
            images, labels = mixed["images"], mixed["labels"]
        return self.network(images, training=training), labels

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the mean weighted cross-entropy of the batch plus what the network's regularisers add."""
        y_prob, labels = y_pred
        weights = ops.matmul(labels, self.class_weights)
        smooth = labels * (1 - self.label_smoothing) + self.label_smoothing / len(self.class_weights)
        # Keras's own, so that p is clipped, or the logits behind a softmax are taken, as `compile` with a name would.
        entropy = ops.categorical_crossentropy(smooth, ops.cast(y_prob, "float32"))
        return ops.mean(weights * entropy) + sum(ops.sum(loss) for loss in self.losses)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Return the loss, and the accuracy, by the class that has the largest part of a mixed label."""
        y_prob, labels = y_pred
        self.accuracy.update_state(labels, y_prob)
        return self.get_metrics_result()


def reseed(layer: keras.layers.Layer, rng: np.random.Generator) -> None:
    """Set the random state of a layer, or a model, and of all within it; a weights file does not hold it."""
    for variable in layer.variables:
        if variable.path.endswith("seed_generator_state"):
            # 31 bits, since the state is signed on some backends.
            variable.assign(rng.integers(0, 2**31, size=2).astype(variable.dtype))
