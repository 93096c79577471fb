"""What TensorFlow counts for a mistake reaches no terminal: not from a submission's model.py, not from a training."""

import shutil
import subprocess
import sys

from tests.conftest import ROOT

SEEN = """
import os, sys
import numpy as np
images = np.random.default_rng(0).integers(0, 256, (130, 16, 16, 3), np.uint8)

import model  # as the sandbox does, which sets no level of logging
import keras

def network():
    layers = keras.layers
    return keras.Sequential([
        keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(8, "softmax")
    ])

network().save("model.keras")
entry = model.Model()
for n in (130, 97, 65, *(1, 31) * 3, *range(2, 9)):  # passes of the sandbox and of the doctor, of all sizes
    entry.predict(images[:n])
print("entry done", file=sys.stderr, flush=True)

from baselines.quiet import quiet
with quiet():
    from baselines.features import predict
from harness.progress import silent
for _ in range(8):  # a training compiles this many: the learner, the frozen part, what is submitted, what is inspected
    predict(network(), images, silent, "x")
print("training done", file=sys.stderr, flush=True)
"""


def test_the_warning_of_retracing_reaches_no_terminal(tmp_path):
    shutil.copy(ROOT / "baselines" / "template" / "model.py", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{SEEN}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    assert "retracing" not in done.stderr
    assert "entry done" in done.stderr and "training done" in done.stderr
