"""How much of a model learns, and where the part that does not can be cut off."""

from __future__ import annotations

import keras

from baselines.models.pretrained import COLOURS, HEAD
from baselines.precision import computing_in
from baselines.recipe import Recipe
from harness.errors import TrainError


def kernels(model: keras.Model) -> list[int]:
    """Return the places in ``model.layers`` of the backbone's convolutions, counted from the image."""
    return [
        place
        for place, layer in enumerate(model.layers)
        if hasattr(layer, "kernel") and not layer.name.startswith(HEAD) and layer.name != COLOURS
    ]


def freeze(model: keras.Model, recipe: Recipe) -> None:
    """Set what learns: all of the head, and of the backbone what lies above the frozen convolutions.

    Everything below the first convolution that learns is frozen with it.  A frozen normalisation layer runs in
    inference mode, as Keras's layers do; `frozen_batchnorm` keeps the backbone's others in it too.

    Raises
    ------
    TrainError
        The model has fewer convolutions than are to be frozen, or so few that the share comes to none.
    """
    found = kernels(model)
    n_frozen = recipe.frozen_layers or round(recipe.frozen_share * len(found))
    if n_frozen > len(found) or (recipe.frozen_share and not n_frozen):
        asked = f"frozen_layers={n_frozen}" if recipe.frozen_layers else f"frozen_share={recipe.frozen_share}"
        raise TrainError(
            f"{asked} freezes {'more than all' if n_frozen else 'none'} of {model.name}'s {len(found)} convolutions.",
            f"Choose frozen_layers from 1 to {len(found)}, or a share of at least {1 / len(found):.2f}.",
        )
    body = [layer for layer in model.layers if not layer.name.startswith(HEAD)]
    border = found[n_frozen] if n_frozen < len(found) else len(body)
    for place, layer in enumerate(body):
        still = recipe.frozen_batchnorm and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= border and layer.name != COLOURS and not still


def split_at_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the part of a model below the first layer that learns, and the rest; both share its weights.

    The cut is the last one below that layer through which a single tensor passes: between two blocks of a residual
    or branching network, not inside one.
    """
    below = -1
    place = {id(layer): number for number, layer in enumerate(model.layers)}
    first = next(number for number, layer in enumerate(model.layers) if layer.trainable_weights)
    # Walk from the output to the image and note, for each layer, the last layer that reads it.
    read_by = dict.fromkeys(range(len(model.layers)), -1)
    outputs, waiting, seen = {}, [model.outputs[0]], set()
    while waiting:
        tensor = waiting.pop()
        layer, node, _ = tensor._keras_history
        number = place[id(layer)]
        outputs[number] = tensor
        if number in seen:
            continue
        seen.add(number)
        for read in layer._inbound_nodes[node].input_tensors:
            source = place[id(read._keras_history[0])]
            read_by[source] = max(read_by[source], number)
            waiting.append(read)
    reach = 0
    for number in range(first):
        if reach <= number:
            below = number
        reach = max(reach, read_by[number])
    boundary = outputs[max(below, 0)]
    with computing_in(model.dtype_policy.name):  # by which Keras scales the loss of half precision
        return keras.Model(model.input, boundary), keras.Model(boundary, model.outputs[0])
