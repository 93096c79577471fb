"""Time ``hemobench score`` of one zip and of twenty against bare scripts that load the same models, in turn.

On the contest ``blood-cells``, an empty board and zips that it makes: a centroid in
NumPy, an untrained MobileNet, and twenty small untrained Keras networks.  In each round the bare scripts and the verb
run once, all from a cold start, so that a machine that slows down slows both.  Nothing is answered from what was kept.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness import api
from harness.pack import pack
from tests.benchmarks.data import ratio
from tests.benchmarks.page import Measured, in_turn
from tests.benchmarks.verbs import frozen_workspace

MANY = 20
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


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def lay_out(home: Path, workspace: Path, n: int) -> list[str]:
    """Make the entries as zips and as folders, and return the files of images."""
    frozen = api.open_contest(workspace)
    paths = []
    for split in ("val", "val_shifted", "hidden"):
        images = frozen.hidden_images() if split == "hidden" else frozen.load(split).images
        paths.append(str(home / f"{split}.npy"))
        np.save(paths[-1], images)
    folders = home / "folders"
    folders.mkdir()
    subprocess.run([sys.executable, "-c", NETWORKS, str(folders), str(n)], stderr=subprocess.DEVNULL, check=True)
    shutil.copytree("submissions/nearest-centroid", home / "centroid")
    api.pack(home / "centroid", home / "centroid.zip", workspace=workspace)
    with zipfile.ZipFile(home / "centroid.zip") as archive:
        archive.extractall(folders / "centroid")
    for folder in folders.iterdir():
        pack(folder, home / f"{folder.name}.zip")
    return paths


def score(small: bool) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(prefix="hemobench-bench-") as folder:
        home, n = Path(folder), 2 if small else MANY
        workspace = frozen_workspace(small)
        paths = lay_out(home, workspace, n)
        entries = {
            "one Keras zip (mobilenet)": ["mobilenet"],
            "one NumPy zip (nearest-centroid)": ["centroid"],
            f"{MANY} small Keras zips": [f"small-{number:02d}" for number in range(n)],
        }
        for item, names in entries.items():
            verb = [sys.executable, "-m", "harness.cli", "score", "--fresh", "--json", "--workspace", str(workspace)]
            verb += [str(home / f"{name}.zip") for name in names]

            def bare() -> None:
                for name in names:  # noqa: B023
                    run([sys.executable, "-c", BARE, *paths], home / "folders" / name)

            def scored() -> None:
                run(verb, Path.cwd())  # noqa: B023

            if len(names) == 1:
                scored()  # files into the cache
            rounds = in_turn(1 if small or len(names) > 1 else 5, scored, bare)
            yield ratio(item, rounds, "zips one after the other" if len(names) > 1 else "cold")
