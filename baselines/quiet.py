"""Keep the libraries under Keras from writing to the terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Load Keras in this block: what is written to stderr meanwhile goes to nowhere, and exceptions pass.

    TensorFlow greets before its log level is read, from C++, so no filter of Python's sees it.  Its own warnings of
    later are switched off, too: it counts how many models a process compiles, and takes a training's several networks
    for a mistake ("triggered tf.function retracing").
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
