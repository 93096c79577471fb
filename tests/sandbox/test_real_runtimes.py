"""Real frameworks in their runtimes, whose packages are fetched: one board, each kind of isolation, hostile entries.

``HEMOBENCH_TEST_RUNTIMES`` may name a workspace that has them; what is missing is added there.  PyTorch is not added by
itself, since its wheels may be several GB.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.pack import pack
from harness.runtimes.add import add_runtime
from harness.runtimes.runtime import Runtimes
from harness.sandbox.layout import python_of
from tests.conftest import ROOT, CommandLine

pytestmark = pytest.mark.slow

SKLEARN = """
import joblib
import sklearn

class Model:
    def __init__(self):
        self.model = joblib.load("model.joblib")

    def predict(self, X):
        return self.model.predict(X[:, ::12, ::12].reshape(len(X), -1))
"""
FIT = """
import sys
import joblib
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

with np.load(sys.argv[1]) as train:
    images, labels = train["images"], train["labels"]
joblib.dump(KNeighborsClassifier(3).fit(images[:, ::12, ::12].reshape(len(labels), -1), labels), sys.argv[2])
"""
HOSTILE = """
import importlib
import os
import socket
import sys
from pathlib import Path

import {module}
import numpy

done = []
for name in ("harness", "msgspec", "tensorflow"):
    try:
        importlib.import_module(name)
        done.append("imported " + name)
    except ImportError:
        pass
for place in (Path({module}.__file__), Path(numpy.__file__).parent / "planted.py", Path(sys.prefix) / "planted.pth"):
    try:
        place.open("ab").write(b" ")
        done.append(f"wrote {{place}}")
    except OSError:
        pass
for place in {places!r}:
    if os.path.exists(place):
        done.append(f"sees {{place}}")
try:
    socket.create_connection(("1.1.1.1", 80), timeout=1)
    done.append("reached the network")
except OSError:
    pass
print(*done, sep=chr(10))

class Model:
    def predict(self, X):
        return numpy.zeros(len(X), int)
"""
MODULES = {"onnx": "onnxruntime", "sklearn": "sklearn", "torch": "torch"}


@pytest.fixture(scope="module")
def there(tmp_path_factory) -> Path:
    """A workspace with the runtimes."""
    named = os.environ.get("HEMOBENCH_TEST_RUNTIMES")
    workspace = Path(named) if named else tmp_path_factory.mktemp("real")
    for name in ("onnx", "sklearn"):
        if name not in Runtimes(workspace / "runtimes").names():
            add_runtime(workspace, name)
    return workspace / "runtimes"


@pytest.fixture
def at_work(hemobench, there) -> CommandLine:
    (hemobench.workspace / "runtimes").symlink_to(there)
    return hemobench


def entries(at_work: CommandLine, there: Path, folder: Path) -> dict[str, str]:
    """Return what to submit, by the runtime that it runs in."""
    made = folder / "neighbours"
    made.mkdir(parents=True)
    (made / "model.py").write_text(SKLEARN)
    (made / "entry.toml").write_text('runtime = "sklearn"\n')
    (train,) = at_work.workspace.glob("contests/small/current/public/train.npz")
    python = python_of(Runtimes(there).find("sklearn").venv)
    subprocess.run([python, "-c", FIT, str(train), str(made / "model.joblib")], check=True)
    found = {"keras": "nearest-centroid", "onnx": "template-onnx", "sklearn": str(made)}
    return found | ({"torch": "template-torch"} if "torch" in Runtimes(there).names() else {})


def test_entries_of_each_framework_stand_on_one_board(at_work, there, tmp_path, isolation):
    submitted = entries(at_work, there, tmp_path)
    for runtime, entry in submitted.items():
        card = json.loads(at_work("submit", entry, "-m", runtime, "--isolation", isolation, "--json").stdout)
        assert (card["outcome"], card["runtime"], card["isolation"]) == ("scored", runtime, isolation)
        assert card["runtime_lock"] == Runtimes(there).find(runtime).lock
        assert card["scores"]["val"]["metrics"]["accuracy"]["value"] > 0.2, "the largest class is less"
        assert card["environment"].get(MODULES.get(runtime, "numpy"))
        assert card["repeat"]["n_changed"] == 0
    rows = json.loads(at_work("leaderboard", "--json").stdout)
    assert len(rows) == len(submitted)
    for number in range(1, len(rows) + 1):
        assert json.loads(at_work("ledger", "replay", str(number), "--isolation", isolation, "--json").stdout)["equal"]


@pytest.mark.parametrize("name", MODULES)
def test_a_hostile_entry_finds_no_way_out_of_its_runtime(at_work, there, tmp_path, isolation, name):
    if isolation == "none":
        pytest.skip("nothing is kept from an entry that is run without isolation")
    if name not in Runtimes(there).names():
        pytest.skip(f"no runtime {name} is here")
    folder = tmp_path / "hostile"
    folder.mkdir()
    places = [str(at_work.workspace), str(there), str(ROOT / "harness")]
    (folder / "model.py").write_text(HOSTILE.format(module=MODULES[name], places=places))
    (folder / "entry.toml").write_text(f'runtime = "{name}"\n')
    packed = pack(folder, tmp_path / "hostile.zip")
    card = json.loads(at_work("score", packed.path, "--isolation", isolation, "--json").stdout)
    assert (card["outcome"], card["log"].strip(), card["missing_restrictions"]) == ("scored", "", [])


def test_a_package_of_another_runtime_is_refused_with_what_to_type(at_work, tmp_path):
    folder = tmp_path / "graph"
    shutil.copytree(ROOT / "submissions" / "template-onnx", folder, ignore=lambda *_: {"fit.py", "entry.toml"})
    packed = pack(folder, tmp_path / "graph.zip")
    card = json.loads(at_work("score", packed.path, "--json", code=1).stdout)
    assert (card["outcome"], card["code"]) == ("import_failed", "module_missing") and "onnx" in card["hint"]


def test_the_graph_gives_the_labels_of_the_numbers_that_it_was_made_of(at_work, there, tmp_path):
    at_work("submit", "template-onnx", "-m", "x")
    (graph,) = at_work.workspace.glob("runs/small/template-onnx-*/submission/model.onnx")
    (val,) = at_work.workspace.glob("contests/small/current/public/val.npz")
    compare = (
        "import sys, numpy as np, onnx, onnxruntime as rt\n"
        "from onnx import numpy_helper\n"
        "w = {one.name: numpy_helper.to_array(one) for one in onnx.load(sys.argv[1]).graph.initializer}\n"
        "X = np.load(sys.argv[2])['images']\n"
        "cut = X.reshape(len(X), 8, 12, 8, 12, 3).mean(axis=(2, 4), dtype=np.float32)\n"
        "scores = cut.transpose(0, 3, 1, 2).reshape(len(X), -1) @ w['weights'] + w['bias']\n"
        "np.save(sys.argv[3], np.stack([scores, rt.InferenceSession(sys.argv[1]).run(None, {'images': X})[0]]))\n"
    )
    python = python_of(Runtimes(there).find("onnx").venv)
    subprocess.run([python, "-c", compare, str(graph), str(val), str(tmp_path / "both.npy")], check=True)
    by_hand, by_graph = np.load(tmp_path / "both.npy")
    assert np.abs(by_hand - by_graph).max() < 1e-3
    assert (by_hand.argmax(axis=1) == by_graph.argmax(axis=1)).all()


EXPORT = """
import sys
import keras
import numpy as np

network = keras.saving.load_model(sys.argv[1], compile=False)
network(np.zeros((1, *network.input_shape[1:]), np.float32))
network.export(sys.argv[2], format="onnx", verbose=False)
"""


def test_a_baseline_exported_as_onnx_gives_the_same_labels(at_work, tmp_path):
    recipe = {"epochs": 8, "batch_size": 16, "input_size": 48, "learning_rate": 0.003, "precision": "float32"}
    settings = [word for field, value in recipe.items() for word in ("--set", f"{field}={value}")]
    at_work("submit", "scratch-v2", *settings, "-m", "as it is")
    (saved,) = at_work.workspace.glob("runs/small/scratch-v2*/submission/*.keras")
    folder = tmp_path / "exported"
    shutil.copytree(ROOT / "submissions" / "template-onnx", folder, ignore=lambda *_: {"fit.py"})
    exporter = str(tmp_path / "exporter")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--no-deps"]
    subprocess.run([*pip, "--target", exporter, "onnx", "tf2onnx"], check=True)
    subprocess.run(
        [sys.executable, "-P", "-c", EXPORT, str(saved), str(folder / "model.onnx")],
        env=os.environ | {"PYTHONPATH": exporter, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )
    at_work("submit", str(folder), "-m", "exported")
    first, second = (np.load(path) for path in sorted(at_work.workspace.glob("cards/small/*.npz")))
    for split in ("val", "val_shifted", "public", "private"):
        np.testing.assert_array_equal(first[split], second[split])
    assert len({*first["public"].tolist()}) > 1, "a network that says one class alone proves nothing"
