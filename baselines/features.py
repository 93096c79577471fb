"""What the frozen part of a model says of each image: computed once, kept on disk, used again.

The file is named by the weights and layers it came from and by the images, so another run, another trial of a
search, or the same run taken up again finds it, and nothing else ever does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from baselines.run_folder import save_atomic
from harness.progress import Track

PREDICT_BATCH = 64  # images; what a CPU's caches and a small GPU's memory hold of VGG16
KEPT_BYTES = 4 << 30  # of all features in a folder; the files used longest ago go first


def predict(model: keras.Model, images: NDArray, track: Track, what: str) -> NDArray[np.float32]:
    """Return the model's output for all images, batch by batch, in float32."""
    starts = range(0, len(images), PREDICT_BATCH)
    outputs = (
        keras.ops.convert_to_numpy(
            keras.ops.cast(model.predict_on_batch(images[start : start + PREDICT_BATCH]), "float32")
        )
        for start in track(starts, what, len(starts))
    )
    return np.concatenate(list(outputs))


def features(frozen: keras.Model, images: NDArray, folder: Path, track: Track, what: str) -> NDArray[np.float32]:
    """Return ``predict(frozen, images)``, from `folder` where it has been computed before.

    Parameters
    ----------
    frozen : keras.Model
        A part that no longer learns.
    images : ndarray of shape (n, height, width, channels), uint8 or float32

    Returns
    -------
    ndarray of shape (n, ...), float32
        Mapped from the file where there is one, and read-only then.
    """
    path = folder / f"{features_key(frozen, images)}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):  # not there, or not whole: computed anew
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        os.utime(path)
        return values
    values = predict(frozen, images, track, what)
    # In a folder of this process: another run may compute the same at the same time.
    with tempfile.TemporaryDirectory(dir=made(folder), prefix=".part-") as building:
        save_atomic(Path(building) / path.name, lambda temporary: np.save(temporary, values, allow_pickle=False))
        (Path(building) / path.name).replace(path)
    _make_room(folder, but=path)
    return values


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def features_key(frozen: keras.Model, images: NDArray) -> str:
    """Return 20 hex digits that differ when a layer, a weight or a pixel does."""
    digest = hashlib.sha256(keras.backend.backend().encode())
    for layer in frozen.layers:
        # Without the name, which Keras numbers anew for each model of a process.
        config = {key: value for key, value in layer.get_config().items() if key not in ("name", "trainable")}
        digest.update(f"{type(layer).__name__}{sorted(config.items(), key=lambda item: item[0])}".encode())
        for weight in layer.get_weights():
            digest.update(np.ascontiguousarray(weight).data)
    digest.update(f"{images.shape}{images.dtype}".encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()[:20]


def _make_room(folder: Path, but: Path) -> None:
    files = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = but.stat().st_size
    for path in files:
        if path == but:
            continue
        total += path.stat().st_size
        if total > KEPT_BYTES:
            path.unlink(missing_ok=True)
