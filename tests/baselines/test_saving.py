"""What a training saves follows from recipe, seed and versions, so that its zip has one hash in every checkout."""

import os
import subprocess
import sys

import keras
import msgspec
import numpy as np

from baselines.run_folder import RunFolder
from baselines.saving import save_model
from baselines.train import train
from harness.pack import pack
from tests.baselines.conftest import TINY
from tests.conftest import ROOT

RECIPE = msgspec.structs.replace(TINY, epochs=1)
ELSEWHERE = """
import os, sys
from pathlib import Path
import numpy as np
submission, images, out = map(Path, sys.argv[1:])
sys.path.insert(0, str(submission))
here = os.getcwd()
os.chdir(submission)

import model  # as the sandbox does, which sets no level of logging

given = np.load(images)
entry = model.Model()
y_prob, y = entry.predict_proba(given["images"]), entry.predict(given["images"])
assert y_prob.shape == (24, 3) and y.dtype == "int64" and y.shape == (24,)
print((y == given["labels"]).mean())
many = np.random.default_rng(0).integers(0, 256, (130, 32, 32, 3), np.uint8)
for n in (130, 97, 65, *(1, 31) * 3, *range(2, 9)):  # passes of the sandbox and of the doctor, of all sizes
    entry.predict(many[:n])
print("entry done", file=sys.stderr, flush=True)

os.chdir(here)
from baselines.quiet import quiet
with quiet():
    from baselines.features import predict
import keras
from baselines.run_folder import RunFolder
from baselines.train import train
from harness.pack import pack
from harness.progress import silent
from tests.baselines.conftest import job_of
from tests.baselines.test_saving import RECIPE
layers = keras.layers
for _ in range(8):  # a training compiles this many: the learner, the frozen part, what is submitted, what is inspected
    network = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(8)]
    predict(keras.Sequential(network), many, silent, "x")
folder = RunFolder(Path("runs", "elsewhere"))
train(job_of(recipe=RECIPE), folder, tell=lambda line: None)
print("training done", file=sys.stderr, flush=True)
pack(folder.submission, out)
"""


def test_in_another_process_the_entry_gives_its_accuracy_and_the_training_its_zip_and_no_warning(tiny_job, tmp_path):
    keras.layers.Conv2D(4, 3)  # so that the next layer of this process is conv2d_1 to Keras
    folder, job = RunFolder(tmp_path / "here"), tiny_job(recipe=RECIPE)
    run = train(job, folder, tell=lambda line: None)
    here = pack(folder.submission, tmp_path / "here.zip").path
    val = job.frozen.load("val")
    np.savez(tmp_path / "val.npz", images=val.images, labels=val.labels)
    (tmp_path / "another folder").mkdir()
    elsewhere = tmp_path / "elsewhere.zip"
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, folder.submission, tmp_path / "val.npz", elsewhere],
        cwd=tmp_path / "another folder",
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == run.val_accuracy.value
    assert here.read_bytes() == elsewhere.read_bytes()
    assert "entry done" in done.stderr and "training done" in done.stderr
    assert "retracing" not in done.stderr, "TensorFlow counts it for a mistake"


def test_what_is_saved_predicts_the_same_and_nothing_but_the_file_is_left(tmp_path):
    image, layer = keras.Input((3,)), keras.layers.Dense(3, activation=keras.layers.LeakyReLU())
    model = keras.Model(image, layer(layer(image)))
    path = tmp_path / "model.keras"
    save_model(model, path)
    assert [one.name for one in tmp_path.iterdir()] == ["model.keras"]
    loaded = keras.saving.load_model(path)
    X = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_array_equal(loaded.predict_on_batch(X), model.predict_on_batch(X))
