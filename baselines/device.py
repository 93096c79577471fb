"""What computes, on any of Keras's backends."""

from __future__ import annotations

import os
import platform

import keras


def count_gpus() -> int:
    """Return how many GPUs the backend sees."""
    if keras.backend.backend() == "torch":  # for which Keras has no list of devices
        import torch  # type: ignore[import-not-found, unused-ignore]

        return int(torch.cuda.device_count())
    try:
        return len(keras.distribution.list_devices("gpu"))
    except RuntimeError:  # JAX's way to say none
        return 0


def device() -> str:
    """Return what computes, in words."""
    n = count_gpus()
    return f"{n} GPU" if n else f"CPU, {os.cpu_count()} cores, {platform.machine()}"
