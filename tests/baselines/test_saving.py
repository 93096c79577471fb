"""What a training saves follows from recipe, seed and versions, so that its zip has one hash in every checkout."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import msgspec
import numpy as np

from baselines.run_folder import RunFolder
from baselines.saving import save_model
from baselines.train import train
from harness.pack import pack
from tests.baselines.conftest import TINY

ROOT = Path(__file__).parent.parent.parent
RECIPE = msgspec.structs.replace(TINY, epochs=1)
ELSEWHERE = """
import sys
from pathlib import Path
from baselines.run_folder import RunFolder
from baselines.train import train
from harness.pack import pack
from tests.baselines.conftest import job_of
from tests.baselines.test_saving import RECIPE
folder = RunFolder(Path("runs", "elsewhere"))
train(job_of(recipe=RECIPE), folder)
pack(folder.submission, Path(sys.argv[1]))
"""


def test_the_same_training_in_another_process_at_another_time_gives_the_same_zip(tiny_job, tmp_path):
    keras.layers.Conv2D(4, 3)  # so that the next layer of this process is conv2d_1 to Keras
    folder = RunFolder(tmp_path / "here")
    train(tiny_job(recipe=RECIPE), folder, tell=lambda line: None)
    here = pack(folder.submission, tmp_path / "here.zip").path
    (tmp_path / "another folder").mkdir()
    elsewhere = tmp_path / "elsewhere.zip"
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, elsewhere],
        cwd=tmp_path / "another folder",
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    assert here.read_bytes() == elsewhere.read_bytes()


def test_what_is_saved_predicts_the_same_and_nothing_but_the_file_is_left(tmp_path):
    image, layer = keras.Input((3,)), keras.layers.Dense(3, activation=keras.layers.LeakyReLU())
    model = keras.Model(image, layer(layer(image)))
    path = tmp_path / "model.keras"
    save_model(model, path)
    assert [one.name for one in tmp_path.iterdir()] == ["model.keras"]
    loaded = keras.saving.load_model(path)
    X = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_array_equal(loaded.predict_on_batch(X), model.predict_on_batch(X))
