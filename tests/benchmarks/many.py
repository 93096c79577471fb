"""Time ``hemobench score`` of one zip and of twenty against bare scripts that load the same models, in turn.

    python -m tests.benchmarks.many            # all: about ten minutes on two idle cores
    python -m tests.benchmarks.many numpy      # or keras, or many, alone

On a workspace of its own, with the contest ``blood-cells`` frozen, an empty board and zips that it makes: a centroid in
NumPy, an untrained MobileNet, and twenty small untrained Keras networks.  In each round the bare scripts and the verb
run once, all from a cold start, so that a machine that slows down slows both; printed are seconds and ratios, median
and range.  Nothing is answered from what was kept.  A benchmark, never a test.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from harness import api
from harness.pack import pack

ROUNDS, MANY = 5, 20
AIMS = {"numpy": 2.0, "keras": 1.05, "many": 0.6}
BARE = """
import sys
import numpy as np
sys.path.insert(0, "")
from model import Model
model = Model()
for path in sys.argv[1:]:
    labels = np.asarray(model.predict(np.load(path)))
"""
NETWORKS = """
import shutil, sys
from pathlib import Path
import keras
from baselines.run_folder import TEMPLATE
from baselines.saving import save_model

def put(name, network):
    folder = Path(sys.argv[1], name)
    folder.mkdir()
    shutil.copyfile(TEMPLATE, folder / "model.py")
    save_model(network, folder / "model.keras")

layers = keras.layers
for seed in range(int(sys.argv[2])):
    keras.utils.set_random_seed(seed)
    convolutions = [layers.Conv2D(width, 3, strides=2, activation="relu") for width in (16, 32, 64)]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(8, activation="softmax")]
    start = [keras.Input((96, 96, 3)), layers.Rescaling(1 / 255)]
    put(f"small-{seed:02d}", keras.Sequential([*start, *convolutions, *head]))
images = keras.Input((96, 96, 3))
backbone = keras.applications.MobileNet(input_shape=(96, 96, 3), include_top=False, weights=None, pooling="avg")
features = backbone(layers.Rescaling(1 / 127.5, -1)(images))
put("mobilenet", keras.Model(images, layers.Dense(8, activation="softmax")(features)))
"""


def seconds(command: list[str], folder: Path) -> float:
    """Return how long a command took."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def lay_out(home: Path) -> tuple[Path, list[str]]:
    """Freeze the contest, make the entries as zips and as folders, and return the workspace and the files of images."""
    workspace = home / "workspace"
    frozen = api.freeze(workspace)
    paths = []
    for split in ("val", "val_shifted", "hidden"):
        images = frozen.hidden_images() if split == "hidden" else frozen.load(split).images
        paths.append(str(home / f"{split}.npy"))
        np.save(paths[-1], images)
    folders = home / "folders"
    folders.mkdir()
    subprocess.run([sys.executable, "-c", NETWORKS, str(folders), str(MANY)], stderr=subprocess.DEVNULL, check=True)
    shutil.copytree("submissions/nearest-centroid", home / "centroid")
    api.pack(home / "centroid", home / "centroid.zip", workspace=workspace)
    with zipfile.ZipFile(home / "centroid.zip") as archive:
        archive.extractall(folders / "centroid")
    for folder in folders.iterdir():
        pack(folder, home / f"{folder.name}.zip")
    return workspace, paths


def main(chosen: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="hemobench-many-") as folder:
        home = Path(folder)
        workspace, paths = lay_out(home)
        entries = {"numpy": ["centroid"], "keras": ["mobilenet"], "many": [f"small-{n:02d}" for n in range(MANY)]}
        for kind in chosen or list(AIMS):
            names = entries[kind]
            score = [sys.executable, "-m", "harness.cli", "score", "--fresh", "--json", "--workspace", str(workspace)]
            score += [str(home / f"{name}.zip") for name in names]
            here, pairs = Path.cwd(), []
            seconds(score, here)  # files into the cache
            for _ in range(ROUNDS):
                bare = sum(seconds([sys.executable, "-c", BARE, *paths], home / "folders" / name) for name in names)
                pairs.append((bare, seconds(score, here)))
                print(f"  {kind}: bare {bare:.2f} s, score {pairs[-1][1]:.2f} s", flush=True)
            ratios = sorted(scored / bare for bare, scored in pairs)
            bare_s, score_s = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(
                f"{kind}, zips: {len(names)}, bare {bare_s:.2f} s, score {score_s:.2f} s, ratio "
                f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f}), "
                f"aim {AIMS[kind]}; medians of {ROUNDS}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
