"""In what precision layers compute; their weights are float32 in any case."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Make the layers that are built in the block compute in `policy`, as ``float32`` or ``mixed_bfloat16``."""
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(kept)
