"""What computes, on any of Keras's backends."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

import keras

from baselines.precision import Machine

CPUINFO = Path("/proc/cpuinfo")


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


@cache
def machine() -> Machine:
    """Return what decides in which precision this machine is fastest."""
    backend, has_gpu = keras.backend.backend(), count_gpus() > 0
    capability = compute_capability(backend) if has_gpu else None
    return Machine(backend, cpu_flags(CPUINFO), uses_onednn(backend), has_gpu, capability)


def cpu_flags(cpuinfo: Path) -> frozenset[str]:
    """Return what the first processor can do, as Linux on x86-64 writes it into `cpuinfo`.

    Nothing elsewhere: macOS and Windows have no such file, and no processor on which they run and TensorFlow uses AMX;
    ARM's has other units under other words, and what they give has not been measured.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def uses_onednn(backend: str) -> bool:
    """Tell whether a backend hands convolutions in bfloat16 to oneDNN.

    TensorFlow does on x86-64 unless its own variable says no; PyTorch does where it was built with it; JAX compiles by
    XLA, which turns them into float32 ones on a processor.
    """
    if backend == "tensorflow":
        return os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1").lower() not in ("0", "false")
    if backend == "torch":
        import torch

        return bool(torch.backends.mkldnn.is_available())
    return False


def compute_capability(backend: str) -> tuple[int, int] | None:
    """Return NVIDIA's number for the generation of the first GPU, (8, 0) for an A100; None of another maker's."""
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
        return found.get("compute_capability")
    if backend == "torch":
        import torch

        return None if torch.version.hip else torch.cuda.get_device_capability()
    import jax  # type: ignore[import-not-found, unused-ignore]

    words = str(getattr(jax.devices("gpu")[0], "compute_capability", "")).split(".")
    return (int(words[0]), int(words[1])) if len(words) == 2 and all(word.isdigit() for word in words) else None
