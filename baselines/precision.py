"""In what precision a network trains; its weights, and all that a saved model computes, are float32 in any case.

Half precision pays where a unit for it multiplies matrices: on a processor with AMX, and on the tensor cores of a GPU.
Elsewhere it is slower than float32, so ``auto`` asks the machine.  Measured in images a second on two cores with AMX,
``mixed_bfloat16`` against float32: VGG16 trains 17 against 5, a small dense network 325 against 267; MobileNet, whose
depthwise convolutions are no such products, 42 against 53.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

Policy = Literal["float32", "mixed_float16", "mixed_bfloat16"]
Asked = Literal["auto", Policy]
LABELS_HELD = 0.005  # share of labels that may differ between 16 bits and the float32 that is submitted


@dataclass(frozen=True)
class Precision:
    """The policy, in Keras's word, and why it is that one."""

    policy: Policy
    why: str


@dataclass(frozen=True)
class Machine:
    """What decides which precision is fastest.

    Attributes
    ----------
    backend : str
        Keras's word for it.
    cpu_flags : collection of str
        What the processor can do, in Linux's words.
    onednn : bool
        Whether the backend hands convolutions to oneDNN, which alone uses AMX.
    has_gpu : bool
    capability : tuple of two int, or None
        Of the GPU, NVIDIA's number of its generation; None where there is none or it is somebody else's.
    """

    backend: str
    cpu_flags: Collection[str] = ()
    onednn: bool = False
    has_gpu: bool = False
    capability: tuple[int, int] | None = None


def fastest(machine: Machine, *, depthwise: bool) -> Precision:
    """Return the precision in which a network trains fastest on a machine.

    Parameters
    ----------
    depthwise : bool
        Whether the network's convolutions are depthwise; else they are dense.

    Examples
    --------
    >>> fastest(Machine("tensorflow", {"avx2", "amx_bf16"}, onednn=True), depthwise=False).policy
    'mixed_bfloat16'
    >>> fastest(Machine("tensorflow", {"avx2"}, onednn=True), depthwise=False)
    Precision(policy='float32', why='the processor has no amx_bf16')
    """
    if machine.has_gpu:
        if machine.capability is None:
            return Precision("float32", "what this GPU does in 16 bits is not known")
        if machine.capability >= (8, 0):
            return Precision("mixed_bfloat16", "the GPU's tensor cores take bfloat16")
        if machine.capability >= (7, 0):
            return Precision("mixed_float16", "the GPU's tensor cores take float16")
        return Precision("float32", "the GPU has no tensor cores")
    if not machine.cpu_flags:
        return Precision("float32", "this system does not tell what the processor can do")
    if "amx_bf16" not in machine.cpu_flags:
        return Precision("float32", "the processor has no amx_bf16")
    if not machine.onednn:
        return Precision("float32", f"{machine.backend} does not use the processor's amx_bf16")
    if depthwise:
        return Precision("float32", "depthwise convolutions are slower with amx_bf16")
    return Precision("mixed_bfloat16", "the processor has amx_bf16")


@contextlib.contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Make the layers that are built in the block compute in `policy`, as ``float32`` or ``mixed_bfloat16``."""
    import keras

    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(kept)
