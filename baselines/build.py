"""A job's network, with the weights that it starts from."""

from __future__ import annotations

import keras

from baselines.job import Job
from baselines.precision import computing_in
from harness.errors import TrainError


def build_model(job: Job) -> keras.Model:
    """Build the job's model, with its weights, in float32.

    Raises
    ------
    TrainError
        The weights are not for this model.
    """
    contest = job.frozen.contest
    try:
        return job.baseline.build(job.recipe, contest.image_shape, contest.n_classes, job.weights.path, job.seed)
    except (ValueError, OSError, KeyError) as error:
        if job.weights.path is None:
            raise
        reason = str(error).strip().splitlines()[0][:160]
        raise TrainError(
            f"{job.weights.path} holds no weights of {job.baseline.name} without its top: {reason}",
            "Give a file made by Keras for this model with include_top=False, or leave out --weights.",
        ) from error


def as_trained(job: Job, model: keras.Model) -> keras.Model:
    """Return the job's `model`, which is float32, as it trains: itself, or one of the same weights in 16 bits."""
    if job.precision.policy == "float32":
        return model
    with computing_in(job.precision.policy):
        twin = build_model(job)
    twin.set_weights(model.get_weights())
    return twin
